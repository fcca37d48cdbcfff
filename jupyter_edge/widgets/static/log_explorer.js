// The log of a pipeline as a table: every page, filter and count is asked of the kernel, which asks the engine.

const PATIENCE = 15_000;
const CHART = { width: 640, height: 150, bottom: 18, top: 14 };

function options(select, entries, chosen) {
  select.replaceChildren(...entries.map(([value, text]) => element("option", { value }, text)));
  select.value = chosen;
}

const count = (number) => number.toLocaleString("en");

class Explorer {
  constructor(model, root) {
    this.model = model;
    root.append(this.build());
    this.unfollow = follow(model, {
      _partitions: () => this.drawFilters(),
      _columns: () => (this.drawFilters(), this.drawChoice()),
      _view: () => this.drawFilters(),
      _page: () => this.drawPage(),
      _spread: () => (this.drawChoice(), this.drawSpread()),
      _message: () => this.drawMessage(),
      _answered: () => this.settle(),
    });
    for (const draw of ["drawFilters", "drawPage", "drawChoice", "drawSpread", "drawMessage"]) this[draw]();
  }

  /** Ask the kernel for something, and show that it was asked. */
  ask(act, details = {}) {
    this.model.send({ act, with: details });
    this.root.setAttribute("aria-busy", "true");
    this.status.className = "jupyter-edge-log-status";
    this.status.textContent = act === "export" ? "Writing files …" : "Reading …";
    clearTimeout(this.timer);
    const late = "The kernel has not answered yet: it is busy, or has ended; then run the cell again.";
    this.timer = setTimeout(() => (this.status.textContent = late), PATIENCE);
  }

  settle() {
    clearTimeout(this.timer);
    this.root.removeAttribute("aria-busy");
    this.drawMessage();
  }

  build() {
    this.total = element("span", { class: "jupyter-edge-log-total" });
    const refresh = button("Refresh", "Read what was logged since", () => this.ask("refresh"));
    const head = element("div", { class: "jupyter-edge-log-bar" }, element("strong", {}, this.model.get("_title")), this.total, refresh);
    this.status = element("p", { class: "jupyter-edge-log-status", role: "status" });
    this.root = element("div", { class: "jupyter-edge-widget jupyter-edge-log", "data-lm-suppress-shortcuts": "true" });
    this.root.append(head, this.buildFilters(), this.buildTable(), this.buildPager(), this.buildSpread(), this.buildExport(), this.status);
    return this.root;
  }

  field(text, control) {
    return element("label", { class: "jupyter-edge-log-field" }, text, control);
  }

  buildFilters() {
    const changed = () => this.ask("show", { view: this.chosen() });
    this.partition = element("select");
    this.start = element("input", { type: "datetime-local", step: "1" });
    this.end = element("input", { type: "datetime-local", step: "1" });
    this.order = element("select");
    this.columns = element("div", { class: "jupyter-edge-log-columns", role: "group", "aria-label": "Columns to show" });
    this.columnsTitle = element("summary");
    for (const control of [this.partition, this.start, this.end, this.order, this.columns]) control.addEventListener("change", changed);
    const clear = button("All times", "Show rows of all times", () => ((this.start.value = this.end.value = ""), changed()));
    this.clear = clear;
    const bar = (...fields) => element("div", { class: "jupyter-edge-log-bar" }, ...fields);
    const rows = bar(this.field("Partition ", this.partition), this.field("Order ", this.order));
    const times = bar(this.field("From (UTC) ", this.start), this.field("To (UTC) ", this.end), clear);
    return element("div", {}, rows, times, element("details", { class: "jupyter-edge-log-details" }, this.columnsTitle, this.columns));
  }

  /** Return the view that the controls say. */
  chosen() {
    const boxes = [...this.columns.querySelectorAll("input")];
    const columns = boxes.filter((box) => box.checked).map((box) => box.value);
    return {
      partition: this.partition.value,
      start: this.start.value,
      end: this.end.value,
      columns: columns.length ? columns : ["time"],
      // A range of time comes oldest first, whatever was chosen; without it, that counts again.
      oldest_first: this.order.disabled ? this.model.get("_view").oldest_first : this.order.value === "oldest",
    };
  }

  drawFilters() {
    const view = this.model.get("_view");
    const partitions = Object.entries(this.model.get("_partitions"));
    const rows = partitions.reduce((sum, [, number]) => sum + number, 0);
    const places = partitions.length === 1 ? "1 partition" : `${partitions.length} partitions`;
    this.total.textContent = `${count(rows)} rows in ${places}`;
    options(this.partition, [["", "all"], ...partitions.map(([name, number]) => [name, `${name} (${count(number)})`])], view.partition);
    this.start.value = view.start;
    this.end.value = view.end;
    const ranged = Boolean(view.start || view.end);
    options(this.order, [["newest", "newest first"], ["oldest", "oldest first"]], ranged || view.oldest_first ? "oldest" : "newest");
    this.order.disabled = ranged;
    this.order.title = ranged ? "Within a range of time the oldest come first" : "";
    this.clear.disabled = !ranged;
    const columns = this.model.get("_columns");
    this.columnsTitle.textContent = `Columns (${view.columns.length} of ${columns.length})`;
    this.drawColumns(columns, new Set(view.columns));
  }

  drawColumns(columns, shown) {
    const focused = document.activeElement?.value;
    const within = this.columns.contains(document.activeElement);
    const boxes = columns.map((name) => {
      const box = element("input", { type: "checkbox", value: name });
      box.checked = shown.has(name);
      return element("label", { class: "jupyter-edge-log-column" }, box, name);
    });
    this.columns.replaceChildren(...boxes);
    if (within) [...this.columns.querySelectorAll("input")].find((box) => box.value === focused)?.focus();
  }

  buildTable() {
    this.table = element("table", { class: "jupyter-edge-log-table" });
    return element("div", { class: "jupyter-edge-log-scroll", tabindex: "0", role: "region", "aria-label": "Rows of the log" }, this.table);
  }

  buildPager() {
    const number = () => this.model.get("_page").number;
    this.first = button("First", "Show the first page", () => this.ask("page", { number: 0 }));
    this.previous = button("Previous", "Show the page before", () => this.ask("page", { number: number() - 1 }));
    this.next = button("Next", "Show the next page", () => this.ask("page", { number: number() + 1 }));
    this.place = element("span", { class: "jupyter-edge-log-place" });
    return element("div", { class: "jupyter-edge-log-bar", role: "group", "aria-label": "Pages" }, this.first, this.previous, this.next, this.place);
  }

  drawPage() {
    const { columns, rows, numeric, number, more, note } = this.model.get("_page");
    const heads = columns.map((name) => element("th", { scope: "col" }, name));
    const cell = (text, i) => element("td", numeric[i] ? { class: "jupyter-edge-log-number" } : {}, text);
    const lines = rows.map((row) => element("tr", {}, ...row.map(cell)));
    const logged = Object.values(this.model.get("_partitions")).some((rows) => rows);
    const empty = logged ? "No rows: the filters leave none." : "No rows yet: they are here once the pipeline has answered.";
    const body = lines.length ? lines : [element("tr", {}, element("td", { class: "jupyter-edge-log-empty" }, empty))];
    this.table.replaceChildren(element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...body));
    this.first.disabled = this.previous.disabled = number === 0;
    this.next.disabled = !more;
    this.place.textContent = `Page ${number + 1}, ${rows.length} ${rows.length === 1 ? "row" : "rows"}${more || !number ? "" : ", the last"}. ${note}`;
  }

  buildSpread() {
    this.column = element("select");
    this.item = element("input", { type: "number", min: "0", step: "1", placeholder: "all", class: "jupyter-edge-log-item" });
    const asked = () => this.ask("spread", { column: this.column.value, element: this.item.value === "" ? null : Number(this.item.value) });
    this.column.addEventListener("change", () => ((this.item.value = ""), asked()));
    this.item.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(asked, 400);
    });
    this.itemField = this.field("Item of each list ", this.item);
    this.chart = element("div", { class: "jupyter-edge-log-chart" });
    const bar = element("div", { class: "jupyter-edge-log-bar" }, this.field("Distribution of ", this.column), this.itemField);
    return element("div", { class: "jupyter-edge-log-part" }, bar, this.chart);
  }

  drawChoice() {
    const { column, element: item, isList } = this.model.get("_spread");
    this.column.disabled = !this.model.get("_columns").length;
    options(this.column, [["", "no column"], ...this.model.get("_columns").map((name) => [name, name])], column);
    if (document.activeElement !== this.item) this.item.value = item ?? "";
    this.itemField.hidden = !isList;
  }

  drawSpread() {
    const { counts, labels, text } = this.model.get("_spread");
    if (!counts) return this.chart.replaceChildren();
    const [heading, summary] = text.split("\n");
    const words = counts.length ? [heading, summary && !summary.startsWith(labels[0]) ? ` (${summary})` : ""].join("") : `${heading}: nothing to count.`;
    const bars = labels.length > 1 && labels[0].includes(" to ") ? this.histogram(counts, labels) : this.words(counts, labels);
    this.chart.replaceChildren(element("p", { class: "jupyter-edge-log-caption" }, words), bars);
  }

  histogram(counts, labels) {
    const most = Math.max(...counts);
    const [wide, high] = [CHART.width / counts.length, CHART.height - CHART.bottom - CHART.top];
    const bars = counts.map((number, i) => {
      const height = number ? Math.max(1, (number / most) * high) : 0;
      const place = { x: i * wide + 0.5, y: CHART.top + high - height, width: wide - 1, height, class: "jupyter-edge-log-stroke" };
      return drawn("rect", place, drawn("title", {}, `${labels[i]}: ${count(number)}`));
    });
    const [low, top] = [labels[0].split(" to ")[0], labels.at(-1).split(" to ")[1]];
    const foot = CHART.height - 4;
    const svg = drawn("svg", { viewBox: `0 0 ${CHART.width} ${CHART.height}`, class: "jupyter-edge-log-svg", role: "img" }, ...bars);
    svg.setAttribute("aria-label", `From ${low} to ${top}, at most ${count(most)} in one of ${counts.length} bars`);
    svg.append(drawn("line", { x1: 0, x2: CHART.width, y1: CHART.top + high, y2: CHART.top + high, class: "jupyter-edge-log-axis" }));
    svg.append(drawn("text", { x: 0, y: foot }, low), drawn("text", { x: CHART.width, y: foot, "text-anchor": "end" }, top));
    svg.append(drawn("text", { x: 0, y: 10 }, `most in a bar: ${count(most)}`));
    return svg;
  }

  words(counts, labels) {
    const most = Math.max(...counts, 1);
    const rows = counts.map((number, i) => {
      const bar = element("span", { class: "jupyter-edge-log-word-bar" });
      bar.style.width = `${(100 * number) / most}%`;
      const track = element("td", { class: "jupyter-edge-log-track" }, bar);
      return element("tr", {}, element("th", { scope: "row" }, labels[i]), track, element("td", { class: "jupyter-edge-log-number" }, count(number)));
    });
    return element("table", { class: "jupyter-edge-log-words" }, ...rows);
  }

  buildExport() {
    this.folder = element("input", { type: "text", value: "logs", size: "18" });
    this.kind = element("select");
    options(this.kind, [["json", "JSON lines"], ["arrow", "Arrow"]], "json");
    const details = () => ({ folder: this.folder.value.trim(), kind: this.kind.value });
    const act = button("Export", "Write the rows that the filters leave, up to 100 MiB", () => this.ask("export", details()));
    return element("div", { class: "jupyter-edge-log-bar jupyter-edge-log-part" }, this.field("Export to folder ", this.folder), this.field("as ", this.kind), act);
  }

  drawMessage() {
    const { error, done } = this.model.get("_message");
    const kind = error ? "jupyter-edge-message jupyter-edge-bad" : done ? "jupyter-edge-message jupyter-edge-good" : "";
    this.status.className = `jupyter-edge-log-status ${kind}`;
    this.status.textContent = error ?? done ?? "";
  }

  remove() {
    clearTimeout(this.timer);
    clearTimeout(this.typing);
    this.unfollow();
  }
}

function render({ model, el }) {
  const explorer = new Explorer(model, el);
  return () => explorer.remove();
}

export default { render };
