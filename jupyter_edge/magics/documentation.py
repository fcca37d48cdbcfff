"""Help and the documentation page, from the table of verbs: `python -m jupyter_edge.magics.documentation`."""

from __future__ import annotations

from jupyter_edge.magics.parser import find_verb, parser_of
from jupyter_edge.magics.table import Argument, Verb
from jupyter_edge.magics.verbs import VERBS
from jupyter_edge.magics.words import sentence

_INTRODUCTION = """# Magics and commands

<!-- Made from the table of verbs by `python -m jupyter_edge.magics.documentation`: change that, not this. -->

```text
%load_ext jupyter_edge
%edge upload ccfraud ccfraud.onnx --fields tensor
%edge pipeline card-fraud ccfraud
%edge deploy card-fraud --cpus 0.5 --memory 900Mi
%edge infer card-fraud transactions.arrow -o answers
%edge publish card-fraud
%edge serve card-fraud --as shop-7
%edge infer card-fraud transactions.arrow --at shop-7 --quiet
%edge serve --stop shop-7
%edge logs card-fraud --dataset time,out,metadata
%edge undeploy card-fraud
```

`%edge` is one verb on a line; `%%edge` also reads the cell. Each verb is one call of the Python API and may be
repeated: a notebook that runs again from the top changes nothing. `jupyter edge VERB` is the same in a terminal, where
`--file` takes the place of the cell.

- `-o NAME` puts the result into a variable; else it is the cell's value. `--json` prints it; `--quiet` shows nothing.
- `--show curl` and the like print what does the same from outside, with tokens as variables, and do nothing else.
  Objects and lists do so too: `pipeline.show("curl")`, `publish.show("helm")`, `client.list_edges().show("python")`.
- `{expression}` and `$name` on the line are filled in, as in every magic of IPython.
- Tab completes verbs, flags, names, variables and files.
- An error is one line, says what to do next, and stops "Run All". `%config EdgeMagics.short_errors = False` shows how
  it came about.
- `%config EdgeMagics.url = "https://..."` drives an engine elsewhere; its token comes from `JUPYTER_EDGE_TOKEN`.
  Secrets are never arguments: they would stay in the notebook.

A cell may declare a whole pipeline, and only what differs is done; `--dry-run` shows what would be. A value `$name` is
a variable. What is there and not declared stays.

```text
%%edge pipeline card-fraud
steps:
  - model: ccfraud
    file: ccfraud.onnx
    tensor_fields: [tensor]
deployment: {cpus: 0.5, memory: 900Mi}
publish: true
edges:
  - name: shop-7
    tags: [berlin]
```

| key | holds |
| --- | --- |
| `steps` | a list, of at least one model: they run one after the other |
| `steps: model` | the model's name |
| `steps: file` | its file, uploaded where the latest version is another file or has other settings |
| `steps: framework` | what the file is; not needed for `.onnx` |
| `steps: arch`, `accel` | the hardware that the model is meant for |
| `steps: tensor_fields` | a list: the request's columns, in the order of the model's inputs |
| `steps: batch_config` | `single`: one row in a request |
| `steps: dynamic_batching_config` | gathers requests: `max_batch_delay_ms`, `batch_size_target`, `batch_size_limit` |
| `deployment`, `publish` | `true`, or limits: `replicas`, `cpus`, `memory`, `arch`, `accel` |
| `edges` | a list of edges that run the publish, each with its `name` and a list of `tags` |

An edge elsewhere needs its bundle, which is a secret that works once: `%edge edge add shop-8 card-fraud -o shop` keeps
it, and `print(shop.publish.docker_run_command())` shows the command that takes it along. `%edge edge add shop-8
card-fraud --show docker` shows what registers the edge and runs it without the secret being in the text.

`serve` ends with the notebook, however that ends; its edge keeps what it has not sent yet, and sends it when it is
served again.
"""


def overview() -> str:
    """Return all verbs, a line each."""
    width = max(len(verb.name) for verb in VERBS)
    lines = [f"  {verb.name:<{width}}  {verb.help}" for verb in VERBS]
    words = "%edge VERB ...      one verb; `%edge help VERB` explains it"
    return "\n".join([words, "%%edge VERB ...     the same for verbs that read the cell", "", *lines, ""])


def help_text(name: str) -> str:
    """Return the overview, or all about the verb of a name.

    Raises:
        InvalidInputError: if there is no such verb.
    """
    group = [verb for verb in VERBS if verb.name.split()[0] == name]
    if not name:
        return overview()
    verbs = group if group else [find_verb(name.split())[0]]
    return "\n".join(_help(verb) for verb in verbs)


def page() -> str:
    """Return the documentation page in Markdown."""
    return "\n".join([_INTRODUCTION, *(_section(verb) for verb in VERBS)])


def _help(verb: Verb) -> str:
    lines = [parser_of(verb).format_help(), f"Python: {verb.api}"]
    if verb.body:
        lines.append(f"Cell:   {verb.body}")
    return "\n".join([*lines, ""])


def _section(verb: Verb) -> str:
    lines = [f"## {verb.name}", "", f"{sentence(verb.help)} `{verb.api}`", ""]
    if verb.body:
        lines += [f"The cell of `%%edge {verb.name}` holds {verb.body}.", ""]
    if verb.arguments:
        lines += ["| argument | meaning |", "| --- | --- |", *(_row(argument) for argument in verb.arguments), ""]
    if verb.shows:
        lines += [f"`--show` takes {', '.join(verb.shows)}.", ""]
    return "\n".join(lines)


def _row(argument: Argument) -> str:
    name = argument.name
    if not argument.is_flag:
        repeated = argument.options.get("nargs")
        name = name.upper() if repeated is None else f"[{name.upper()}{' ...' if repeated == '*' else ''}]"
    choices = argument.options.get("choices")
    words = f"{argument.help}: {', '.join(choices)}" if choices else argument.help
    return f"| `{name}` | {words} |"


if __name__ == "__main__":
    print(page(), end="")
