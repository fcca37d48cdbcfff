from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_edge.runtime.codecs.compiled_numbers import CompiledNumbers
from tests.build import COMPILER, ROOT, hooks


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the library of its source, as an install does."""
    if COMPILER is None:
        pytest.skip("there is no C++ compiler, by CXX or as c++, to build the library with")
    file: Path = tmp_path_factory.mktemp("library") / Path(hooks._LIBRARY).name
    assert hooks.compile_library(ROOT / hooks._LIBRARY_SOURCE, file) == ""
    return file


@pytest.fixture(scope="session")
def compiled(library: Path) -> CompiledNumbers:
    return CompiledNumbers(library)
