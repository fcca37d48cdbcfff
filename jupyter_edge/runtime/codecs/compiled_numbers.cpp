// Reads a long list of numbers in JSON (RFC 8259) on several threads. compiled_numbers.py calls this through ctypes: a
// plain C interface that knows nothing of Python, so that one library serves all its versions.

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <future>
#include <system_error>
#include <vector>

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace {

using std::size_t;

constexpr size_t kMaxDepth = 32;
constexpr size_t kNone = SIZE_MAX;
constexpr int kMaxDigits = 18;    // of whole numbers that surely fit 64 bits; what becomes of others, others know
constexpr int kExactDigits = 15;  // of those that a double surely holds

// Where the lists of one level end, as counts of the numbers before: in an array, they do so at regular steps.
struct Level {
    size_t first = kNone, last = 0, step = 0;

    bool add(size_t at) {
        if (first == kNone) {
            first = last = at;
            return true;
        }
        if (step == 0) step = at - last;
        const bool regular = at - last == step;
        last = at;
        return regular;
    }

    // Adds what was found further on, beginning with no knowledge of what was before.
    bool add(const Level& next) {
        if (next.first == kNone) return true;
        const bool regular = add(next.first) && (next.step == 0 || add(next.first + next.step));
        last = next.last;
        return regular;
    }
};

// What stands between two commas.
struct Piece {
    bool whole = true, exact = true;
    size_t opened = 0, closed = 0;  // brackets before the first number and after the last
    std::array<Level, kMaxDepth> levels{};  // of the lists that end between two of its numbers, the innermost first
};

bool is_digit(char c) { return '0' <= c && c <= '9'; }

// Passes over blanks and brackets; returns how many brackets there are.
size_t brackets(const char*& p, const char* end, char bracket) {
    size_t count = 0;
    for (; p < end; ++p) {
        if (*p == bracket) {
            ++count;
        } else if (*p != ' ' && *p != '\n' && *p != '\t' && *p != '\r') {
            break;
        }
    }
    return count;
}

// Reads a number. std::from_chars takes more than JSON allows: inf, 01, .5 and 1.
bool number(const char*& p, const char* end, double& value, Piece& piece) {
    const char* first = p < end && *p == '-' ? p + 1 : p;
    const char* point = first;
    while (point < end && is_digit(*point)) ++point;
    const auto digits = point - first;
    if (digits == 0 || (digits > 1 && *first == '0')) return false;
    if (point < end && *point == '.' && (end - point == 1 || !is_digit(point[1]))) return false;
    const auto [stop, error] = std::from_chars(p, end, value);
    if (error != std::errc{}) return false;
    if (stop == point) {
        if (digits > kMaxDigits) return false;
        piece.exact &= digits <= kExactDigits;
        value += 0.0;  // the whole number -0 has no sign
    } else {
        piece.whole = false;
    }
    p = stop;
    return true;
}

// Reads all numbers, of which there must be as many as there is room for.
bool read(Piece& piece, const char* p, const char* end, size_t depth, double* values, size_t at, size_t stop) {
    piece.opened = brackets(p, end, '[');
    while (at < stop && number(p, end, values[at], piece)) {
        ++at;
        piece.closed = brackets(p, end, ']');
        if (p == end) return at == stop;
        if (*p++ != ',' || piece.closed >= depth) return false;
        for (size_t level = 0; level < piece.closed; ++level) {
            if (!piece.levels[level].add(at)) return false;
        }
        if (brackets(p, end, '[') != piece.closed) return false;
    }
    return false;
}

// Finds the shape from pieces that have all been read, the first of which begins the list, and the last ends it.
bool join(const std::vector<Piece>& pieces, const size_t* starts, size_t depth, size_t* shape) {
    std::array<Level, kMaxDepth> levels{};
    for (size_t level = 0; level < depth; ++level) levels[level].add(0);
    size_t closed = depth;
    for (size_t number = 0; number < pieces.size(); ++number) {
        const Piece& piece = pieces[number];
        if (starts[number] == starts[number + 1]) continue;
        if (piece.opened != closed || (closed == depth) != (number == 0)) return false;
        for (size_t level = 0; level < depth; ++level) {
            if (number > 0 && level < closed && !levels[level].add(starts[number])) return false;
            if (!levels[level].add(piece.levels[level])) return false;
        }
        closed = piece.closed;
    }
    size_t below = 1;
    for (size_t level = 0; level < depth; ++level) {
        if (!levels[level].add(starts[pieces.size()])) return false;
        shape[depth - 1 - level] = levels[level].step / below;
        below = levels[level].step;
    }
    return closed == depth;
}

// Calls work(0) to work(count - 1) on some threads, of which this one is the first; fewer where no more can be had.
template <typename Work>
void on_threads(size_t threads, size_t count, const Work& work) {
    std::atomic<size_t> next{0};
    const auto loop = [&] {
        for (size_t number = next++; number < count; number = next++) work(number);
    };
    std::vector<std::future<void>> others;
    for (size_t other = 1; other < std::min(threads, count); ++other) others.push_back(std::async(loop));
    loop();
    for (auto& each : others) each.get();
}

const char* comma(const char* p, const char* end) { return std::find(p, end, ','); }

size_t windows_of(size_t size, size_t window) { return size / window + (size % window != 0); }

}  // namespace

// Counts the numbers in each window of so many bytes of a text: those that begin behind one of its commas, and in the
// first window the text's first. Writes how many are before each window, and at last how many there are.
EXPORTED bool count_numbers(const char* text, size_t size, size_t window, size_t threads, size_t* starts) noexcept try {
    const size_t windows = windows_of(size, window);
    on_threads(threads, windows, [=](size_t number) {
        const char* p = text + number * window;
        const char* end = p + std::min(window, size - number * window);
        size_t count = number == 0;
        while (p < end) {  // in bytes, which a processor adds 16 at a time
            uint8_t few = 0;
            const char* until = p + std::min<size_t>(255, end - p);
            for (; p < until; ++p) few += *p == ',';
            count += few;
        }
        starts[number + 1] = count;
    });
    starts[0] = 0;
    for (size_t number = 0; number < windows; ++number) starts[number + 1] += starts[number];
    return true;
} catch (...) {
    return false;
}

// Reads the lists that a text is, of so many levels, into as many values as were counted, and finds the array's shape.
// Returns 0 if they are no array of numbers, or hold what is for others to judge, 1 for whole numbers, and else 2.
EXPORTED int read_numbers(const char* text, size_t size, size_t window, size_t threads, const size_t* starts,
                          size_t depth, double* values, size_t* shape) noexcept try {
    if (depth == 0 || depth > kMaxDepth) return 0;
    const char* end = text + size;
    std::vector<Piece> pieces(windows_of(size, window));
    std::atomic<bool> valid{true};
    on_threads(threads, pieces.size(), [&](size_t number) {
        if (!valid || starts[number] == starts[number + 1]) return;
        const char* p = text + number * window;
        const char* begin = number == 0 ? text : comma(p, end) + 1;
        const char* stop = number + 1 == pieces.size() ? end : comma(p + window, end);
        if (!read(pieces[number], begin, stop, depth, values, starts[number], starts[number + 1])) valid = false;
    });
    if (!valid || !join(pieces, starts, depth, shape)) return 0;
    const auto all = [&](bool Piece::*holds) {
        return std::all_of(pieces.begin(), pieces.end(), [=](const Piece& piece) { return piece.*holds; });
    };
    return !all(&Piece::whole) ? 2 : all(&Piece::exact) ? 1 : 0;
} catch (...) {
    return 0;
}
