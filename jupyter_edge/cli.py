"""The `jupyter-edge` command; each sub-command imports what it needs when it runs, so that an edge stays light."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from pathlib import Path

import jupyter_edge
from jupyter_edge.core.errors import EdgeError
from jupyter_edge.core.loading import begin_loading

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status. Errors of ours are one line on stderr and status 1."""
    try:
        arguments = sys.argv[1:] if arguments is None else arguments
        options = _edge_options(arguments) or _parser().parse_args(arguments)
        status: int | None = options.run(options)
        sys.stdout.flush()
    except EdgeError as error:
        print(f"jupyter-edge: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # as of `| head`; what is left in the buffer has no reader either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return status or 0


def _edge_options(arguments: list[str]) -> argparse.Namespace | None:
    """Return the options of a `serve` that takes no verb's: an edge starts in 20 ms less without loading the verbs."""
    if arguments[:1] != ["serve"]:
        return None
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    _add_host(parser)
    parser.add_argument("--port", type=int)
    try:
        options, others = parser.parse_known_args(arguments[1:], argparse.Namespace(run=_serve_edge))
    except argparse.ArgumentError:
        return None
    return None if others else options


def _add_host(serve: argparse.ArgumentParser) -> None:
    serve.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (0.0.0.0: every interface, no token asked)"
    )


def _parser() -> argparse.ArgumentParser:
    from jupyter_edge.magics.commands import CommandParser, add_serve, add_verbs

    parser = CommandParser(prog="jupyter-edge", description=jupyter_edge.__doc__)
    parser.add_argument("--version", action="version", version=f"jupyter-edge {jupyter_edge.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    engine = commands.add_parser("engine", help="run, start, stop or look at the local engine")
    verbs = engine.add_subparsers(required=True, metavar="VERB")
    for name, (run, words) in _ENGINE_VERBS.items():
        verb = verbs.add_parser(name, help=words)
        verb.set_defaults(run=run)
        if name == "run":
            verb.add_argument(
                "--host",
                default="127.0.0.1",
                help="address to listen on; any other than loopback opens the engine to all who reach it there and "
                "have the token, unencrypted",
            )

    env = commands.add_parser("env", help="print the variables that connect other clients to the engine")
    env.add_argument("--format", choices=["shell", "json"], default="shell")
    env.set_defaults(run=_env)

    serve = commands.add_parser(
        "serve",
        help="serve a published pipeline",
        description="Serves a pipeline that this home's engine published; without one, reads PIPELINE_URL and the "
        "other variables of an edge.",
    )
    _add_host(serve)
    add_serve(serve)
    serve.set_defaults(run=_serve)
    add_verbs(commands)

    explain = commands.add_parser("help", help="show all verbs, or all about one")
    explain.add_argument("verb", nargs="*", help="the verb")
    explain.set_defaults(run=lambda options: _parser().parse_args([*options.verb, "--help"]))

    demo = commands.add_parser("demo", help="run the main job on the samples that come with the package")
    demo.add_argument("--folder", type=Path, default=Path("jupyter-edge-demo"), help="where the results are put")
    demo.set_defaults(run=_demo)
    return parser


def _engine_run(options: argparse.Namespace) -> int:
    begin_loading()
    from jupyter_edge.engine.main import main as run_engine

    return run_engine(options.host)


def _engine_start(_options: argparse.Namespace) -> None:
    from jupyter_edge.client.discovery import find_or_start_engine

    address = find_or_start_engine()
    print(f"The engine runs at {address.url}")


def _engine_stop(_options: argparse.Namespace) -> None:
    from jupyter_edge.client.discovery import stop_engine

    print("The engine has stopped." if stop_engine() else "No engine runs in this home.")


def _engine_status(_options: argparse.Namespace) -> int:
    from jupyter_edge.client.discovery import find_engine

    address = find_engine()
    print(f"The engine runs at {address.url}" if address else "No engine runs in this home.")
    return 0 if address else 3


def _engine_logs(_options: argparse.Namespace) -> None:
    from jupyter_edge.core.home import Home

    log = Home().log_file
    print(
        log.read_text(errors="replace") if log.exists() else "The engine of this home has written no log yet.", end=""
    )


_ENGINE_VERBS = {
    "run": (_engine_run, "run the engine in the foreground"),
    "start": (_engine_start, "start the engine in the background, if it does not run"),
    "stop": (_engine_stop, "stop the engine and all that it started"),
    "status": (_engine_status, "say whether the engine runs, and where"),
    "logs": (_engine_logs, "print the engine's own log"),
}


def _env(options: argparse.Namespace) -> None:
    from jupyter_edge.client.discovery import find_or_start_engine
    from jupyter_edge.client.transport import Transport

    address = find_or_start_engine()
    registry = Transport(address).post("registry/get")
    variables = {
        "JUPYTER_EDGE_URL": address.url,
        "JUPYTER_EDGE_TOKEN": address.token,
        "OCI_REGISTRY": registry["registry"],
        "OCI_USERNAME": registry["username"] or "",
        "OCI_PASSWORD": registry["password"] or "",
    }
    if options.format == "json":
        print(json.dumps(variables))
    else:
        print("\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items()))


def _serve(options: argparse.Namespace) -> None:
    if not options.pipeline:
        _serve_edge(options)
        return
    from jupyter_edge.magics.commands import serve_in_foreground

    serve_in_foreground(options)


def _serve_edge(options: argparse.Namespace) -> None:
    begin_loading()
    from jupyter_edge.edge.agent import run
    from jupyter_edge.edge.settings import EdgeSettings

    run(EdgeSettings.from_environment(), options.host, options.port or 8080)


def _demo(options: argparse.Namespace) -> None:
    from jupyter_edge.demo import run_demo

    run_demo(options.folder)


if __name__ == "__main__":
    sys.exit(main())
