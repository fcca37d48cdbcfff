"""The magics themselves: `%edge VERB ...`, and `%%edge VERB ...` for verbs that read the cell."""

from __future__ import annotations

from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class, needs_local_scope, output_can_be_silenced
from traitlets import Bool, Unicode

from jupyter_edge.core.errors import EdgeError, InvalidInputError
from jupyter_edge.magics.completion import Completer
from jupyter_edge.magics.documentation import overview
from jupyter_edge.magics.parser import parse
from jupyter_edge.magics.run import run_verb
from jupyter_edge.magics.session import Session

_RED, _PLAIN = "\x1b[31m", "\x1b[0m"
_INTERRUPTED = "Interrupted: a job that this cell waited for is cancelled; `%edge jobs` shows how it ended."


@magics_class
class EdgeMagics(Magics):
    """Drive the engine from a notebook."""

    url = Unicode("", help="The engine's address; found by JUPYTER_EDGE_URL or in this user's home if empty.").tag(
        config=True
    )
    short_errors = Bool(True, help="Show errors as one line; False shows how they came about.").tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell=shell)
        self._shell = shell
        self.session = Session(self.url)
        self.observe(lambda change: setattr(self, "session", Session(change["new"])), "url")
        self.completer = Completer(lambda: self.session, self._variables)

    @output_can_be_silenced
    @needs_local_scope
    @line_cell_magic
    def edge(self, line: str, cell: str | None = None, local_ns: dict[str, Any] | None = None) -> Any:
        """Replaced by the overview of all verbs."""
        try:
            return self._run(line, cell, local_ns or {})
        except EdgeError as error:
            self._shorten(error, f"{type(error).__name__}: {error}")
            raise
        except KeyboardInterrupt as interrupt:
            self._shorten(interrupt, _INTERRUPTED)
            raise

    edge.__doc__ = overview()

    def _run(self, line: str, cell: str | None, local_ns: dict[str, Any]) -> Any:
        verb, options = parse(line.rstrip().removesuffix(";"))  # by which IPython knows not to show the value
        options.body = cell
        if options.out is not None and not options.out.isidentifier():
            msg = f"{options.out!r} cannot name a variable: give -o a Python name."
            raise InvalidInputError(msg)
        self.session.variables = {**self._shell.user_ns, **local_ns}
        try:
            result = run_verb(verb, self.session, options)
        finally:
            self.session.variables = {}
            self.completer.refresh()
        if options.out is not None:
            self._shell.user_ns[options.out] = result
            return None
        return None if options.quiet else result

    def _variables(self) -> list[str]:
        hidden = self._shell.user_ns_hidden
        return sorted(name for name in self._shell.user_ns if not name.startswith("_") and name not in hidden)

    def _shorten(self, error: BaseException, words: str) -> None:
        """Let IPython show an error as one red line, or in full where the user wants that; it stays what it is."""

        def one_line() -> list[str]:
            return [f"{_RED}{words}{_PLAIN}"]

        def in_full() -> list[str]:
            shown = self._shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__)
            return list(shown)

        error._render_traceback_ = one_line if self.short_errors else in_full  # type: ignore[attr-defined]


def load(shell: InteractiveShell) -> None:
    """Register the magics and their completion."""
    unload(shell)
    magics = EdgeMagics(shell)
    shell.register_magics(magics)
    shell.Completer.custom_matchers.append(magics.completer.matcher)


def unload(shell: InteractiveShell) -> None:
    """Take back what ``load`` did; nothing happens where it was not done."""
    for magics in [one for one in shell.configurables if isinstance(one, EdgeMagics)]:
        shell.configurables.remove(magics)
        if magics.completer.matcher in shell.Completer.custom_matchers:
            shell.Completer.custom_matchers.remove(magics.completer.matcher)
        for kind in ("line", "cell"):
            shell.magics_manager.magics[kind].pop("edge", None)
