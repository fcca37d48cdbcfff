"""Build each notebook of a folder from the script beside it, without outputs.

Usage: python tools/build_notebooks.py [--check] [FOLDER]

With --check nothing is written, and the status is 1 where a notebook is not what its script says.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections import Counter
from pathlib import Path

import jupytext
import nbformat

_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def build(script: Path) -> str:
    """Return the notebook of a script; a cell's id comes from its text, so that it stays when others change."""
    notebook = jupytext.read(script, fmt="py:percent")
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        text = f"{cell.cell_type}\n{cell.source}"
        cell.id = hashlib.sha256(f"{text}\n{seen[text]}".encode()).hexdigest()[:8]
        seen[text] += 1
    notebook.metadata = nbformat.from_dict(_METADATA)
    notebook.nbformat_minor = 5
    return nbformat.writes(notebook) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parents[1] / "notebooks")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    built = {script.with_suffix(".ipynb"): build(script) for script in sorted(options.folder.glob("*.py"))}
    found = set(options.folder.glob("*.ipynb"))
    stale = [path for path, text in built.items() if path not in found or path.read_text() != text]
    orphans = sorted(found - set(built))
    if options.check:
        for path in stale:
            print(f"{path.name} is not what {path.stem}.py says: run `make notebooks`.", file=sys.stderr)
        for path in orphans:
            print(f"{path.name} has no script: write {path.stem}.py, or remove it.", file=sys.stderr)
        return 1 if stale or orphans else 0
    for path in stale:
        path.write_text(built[path])
    return 0


if __name__ == "__main__":
    sys.exit(main())
