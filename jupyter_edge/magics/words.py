"""Words that messages are made of."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

# What the Python API advises, and what advises the same to someone who writes verbs.
_CALLS = {
    r"create_workspace\(\)": "`%edge workspace NAME`",
    r"(?:client\.)?list_workspaces\(\)": "`%edge workspace`",
    r"(?:client\.)?list_models\(\)": "`%edge models`",
    r"(?:client\.)?list_pipelines\(\)": "`%edge pipelines`",
    r"upload_model\(\)": "`%edge upload NAME FILE`",
    r"build_pipeline\('([^']*)'\)": r"`%edge pipeline \1 MODEL`",
    r"add_model_step\(\w*\)": "`%edge pipeline {pipeline} MODEL`",
    r"\bdeploy\(\)": "`%edge deploy {pipeline}`",
    r"publish it first, with publish\(\)": "`%edge publish {pipeline}` does that",
    r"see refresh\(\)": "see `%edge publishes {pipeline}`",
    r"client\.jobs\(\)": "`%edge jobs`",
    r"client\.get_job\((\d+)\)\.cancel\(\)": r"`%edge cancel \1`",
    r"Make a new Client\(\)": "Run `%edge up`",
    r"Client\(\)": "`%edge up`",
    r"export_logs": "`%edge export {pipeline}`",
    r"start_datetime and end_datetime": "--start and --end",
    r'dataset=\["metadata"\] in the log request': "--dataset metadata in the line",
    r"framework=Framework\.ONNX": "--framework onnx",
    r"replica_count": "--replicas",
    r"file_prefix": "--prefix",
}


def nearest(word: str, known: Iterable[str]) -> str:
    """Return words that name the nearest of those known, or nothing."""
    found = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {found[0]}?)" if found else ""


def no_verb(word: str, known: Iterable[str]) -> str:
    """Return what is said of a verb that is not known."""
    return f"There is no verb {word!r}{nearest(word, known)}: `%edge help` lists all."


def sentence(words: str) -> str:
    """Return words as a sentence."""
    return f"{words[0].upper()}{words[1:]}."


def in_verbs(message: str, prefix: str, pipeline: str | None) -> str:
    """Return a message of the Python API with what it advises as verbs.

    Args:
        message: the message; verbs in it are written as in a notebook.
        prefix: how verbs begin: ``%edge``, or ``jupyter edge`` in a terminal.
        pipeline: the pipeline that it is about, if it is about one.
    """
    for call, verb in _CALLS.items():
        message = re.sub(call, verb.replace("{pipeline}", pipeline or "PIPELINE"), message)
    return message.replace("`%edge ", f"`{prefix} ")
