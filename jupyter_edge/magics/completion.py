"""Completion of `%edge` lines: verbs and flags from the table, names from a cache that a thread keeps fresh."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

from jupyter_edge.core.errors import EdgeError
from jupyter_edge.magics.parser import notebook_arguments, short_names
from jupyter_edge.magics.table import Argument, Verb
from jupyter_edge.magics.verbs import VERBS

if TYPE_CHECKING:
    from jupyter_edge.magics.session import Session

_LINE = re.compile(r"\s*(?:[\w.,\s]+=\s*)?%{1,2}edge\s+(?P<words>.*)")
_WORD = re.compile(r"(?:\\.|[^\s\\])+")  # a backslash keeps a space in a word, as in a shell
_FRESH_SECONDS = 2.0


class Completer:
    """What may come next on a line; names are those that the engine had when it was last asked.

    Args:
        session: gives the session whose engine is asked, in a thread, and only if it runs.
        variables: gives the names of the user's variables.
    """

    def __init__(self, session: Callable[[], Session], variables: Callable[[], list[str]]) -> None:
        self._session = session
        self._variables = variables
        self._names: dict[str, list[str]] = {}
        self._asked = float("-inf")
        self._asking = threading.Lock()

        @context_matcher()  # type: ignore[untyped-decorator]
        def matcher(context: CompletionContext) -> SimpleMatcherResult:
            return self._match(context)

        self.matcher = matcher

    def refresh(self) -> threading.Thread | None:
        """Ask the engine for its names in a thread, which is returned; ``None`` while one is at it."""
        if not self._asking.acquire(blocking=False):
            return None
        thread = threading.Thread(target=self._ask, name="edge-names", daemon=True)
        thread.start()
        return thread

    def names(self, kind: str) -> list[str]:
        """Return the names of pipelines, models, edges and so on that the engine had when it was last asked."""
        return self._names.get(kind, [])

    def candidates(self, line: str) -> list[str]:
        """Return what the last word of a line may become; the line begins after ``%edge``."""
        words = _WORD.findall(line)
        typed = words.pop() if words and line.endswith(words[-1]) else ""
        verb = _verb_of(words)
        if verb is None:
            return _starting(_next_words(words), typed)
        given = words[len(verb.name.split()) :]
        arguments = notebook_arguments(verb)
        before = next((one for one in arguments if given and one.takes_value and given[-1] in short_names(one)), None)
        if before:
            return self._values(before, typed)
        if typed.startswith("-"):
            flags = [argument.name for argument in arguments if argument.is_flag and argument.name not in given]
            return _starting([*flags], typed)
        expected = _expected(verb, given)
        if expected and expected.completes == "verbs":
            return _starting(_next_words(given), typed)
        return self._values(expected, typed) if expected else []

    def _match(self, context: CompletionContext) -> SimpleMatcherResult:
        found = _LINE.fullmatch(context.text_until_cursor)
        if not found:
            return {"completions": []}
        if time.monotonic() - self._asked > _FRESH_SECONDS:
            self.refresh()
        line = found["words"]
        words = _WORD.findall(line)
        typed = words[-1] if words and line.endswith(words[-1]) else ""
        # What is typed, where nothing else fits: IPython asks its other matchers if there is nothing at all.
        completions = [SimpleCompletion(text, type="param") for text in self.candidates(line) or [typed]]
        return {"completions": completions, "suppress": True, "matched_fragment": typed, "ordered": True}

    def _values(self, argument: Argument, typed: str) -> list[str]:
        choices = argument.options.get("choices")
        if choices:
            return _starting(choices, typed)
        kind = argument.completes
        if kind == "files":
            return _files(typed)
        if kind == "data":
            return [*_starting(self._variables(), typed), *_files(typed)]
        if kind == "variables":
            return _starting(self._variables(), typed)
        return _starting(self.names(kind or ""), typed)

    def _ask(self) -> None:
        try:
            self._names = _names_at(self._session())
        except EdgeError:
            pass  # completion has nothing to say; the next verb says what is wrong
        finally:
            self._asked = time.monotonic()
            self._asking.release()


def _names_at(session: Session) -> dict[str, list[str]]:
    """Ask the engine, over a connection of this thread, for all names that a line may hold."""
    from jupyter_edge.client import Client
    from jupyter_edge.client.client import DEFAULT_WORKSPACE
    from jupyter_edge.client.serving import local_edges

    known = session.known_client
    url = known.api_endpoint if known else session.running_url()
    if url is None:
        return {}
    client = Client(url)
    workspaces = client.list_workspaces()
    chosen = session.workspace or DEFAULT_WORKSPACE
    mine = [workspace for workspace in workspaces if workspace.name() == chosen]  # none is made by asking
    return {
        "workspaces": [workspace.name() for workspace in workspaces],
        "models": [model.name() for workspace in mine for model in workspace.models()],
        "pipelines": [pipeline.name() for workspace in mine for pipeline in workspace.pipelines()],
        "edges": [edge.name for edge in client.list_edges()],
        "jobs": [str(job.id) for job in client.jobs() if not job.done],
        "local_edges": [edge.name for edge in local_edges()],
    }


def _verb_of(words: list[str]) -> Verb | None:
    return next((verb for verb in VERBS if words[: len(verb.name.split())] == verb.name.split()), None)


def _next_words(words: list[str]) -> list[str]:
    """Return the words with which names of verbs go on."""
    length = len(words)
    names = [verb.name.split() for verb in VERBS]
    return list(dict.fromkeys(name[length] for name in names if len(name) > length and name[:length] == words))


def _expected(verb: Verb, given: list[str]) -> Argument | None:
    """Return the positional argument that comes next; the last one if it may be repeated."""
    valued = {name for argument in notebook_arguments(verb) if argument.takes_value for name in short_names(argument)}
    count = sum(
        not word.startswith("-") and (index == 0 or given[index - 1] not in valued) for index, word in enumerate(given)
    )
    positional = [argument for argument in verb.arguments if not argument.is_flag]
    if count < len(positional):
        return positional[count]
    return positional[-1] if positional and positional[-1].options.get("nargs") in {"*", "+"} else None


def _starting(words: Iterable[str], typed: str) -> list[str]:
    return [word for word in words if word.startswith(typed)]


def _files(typed: str) -> list[str]:
    """Return the files that a path may become; those that begin with a dot only where one is typed."""
    folder, slash, name = typed.replace("\\ ", " ").rpartition("/")
    prefix = folder + slash
    try:
        found = sorted(Path(prefix or ".").expanduser().iterdir())
    except OSError:
        return []
    shown = [path for path in found if path.name.startswith(name) and (name or not path.name.startswith("."))]
    return [f"{prefix}{path.name}{'/' * path.is_dir()}".replace(" ", "\\ ") for path in shown]
