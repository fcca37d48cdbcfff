from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_edge import compat

Python = Callable[[str], str]
INSTALL = "import jupyter_edge.compat; jupyter_edge.compat.install()\n"


def test_the_tutorials_imports_work(python: Python) -> None:
    program = """
import wallaroo
from wallaroo.object import EntityNotFoundError
from wallaroo.framework import Framework
from wallaroo.deployment_config import DeploymentConfigBuilder
from wallaroo.engine_config import Architecture
from wallaroo.dynamic_batching_config import DynamicBatchingConfig
from CVDemoUtils import CVDemo
from WallarooUtils import Util
import jupyter_edge.client
assert wallaroo.Client is jupyter_edge.client.Client
assert wallaroo.DeploymentConfigBuilder is DeploymentConfigBuilder
assert wallaroo.framework.Framework is Framework
assert DynamicBatchingConfig(max_batch_delay_ms=10, batch_size_target=4) == DynamicBatchingConfig()
assert wallaroo.object.EntityNotFoundError is jupyter_edge.client.EntityNotFoundError
config = wallaroo.DeploymentConfigBuilder().replica_count(1).cpus(0.5).memory("900Mi").arch(Architecture.ARM).build()
print(config["engine"]["resources"]["limits"], Framework.ONNX, wallaroo.__version__)
"""
    assert python(INSTALL + program) == "{'cpu': 0.5, 'memory': '900Mi'} onnx 2023.4.0"


def test_installing_imports_none_of_the_aliases(python: Python) -> None:
    loaded = python(
        INSTALL + "import sys; print([n for n in ('cv2', 'numpy', 'pandas', 'wallaroo') if n in sys.modules])"
    )
    assert loaded == "[]"


def test_a_helper_beside_the_notebook_wins(python: Python, tmp_path: Path) -> None:
    (tmp_path / "CVDemoUtils.py").write_text("CVDemo = 'mine'")
    assert python(INSTALL + "from CVDemoUtils import CVDemo; from WallarooUtils import Util; print(CVDemo)") == "mine"


def test_a_helper_in_a_folder_added_later_wins(python: Python, tmp_path: Path) -> None:
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "WallarooUtils.py").write_text("Util = 'mine'")
    program = "import sys; sys.path.append('helpers'); from WallarooUtils import Util; print(Util)"
    assert python(INSTALL + program) == "mine"


def test_an_installed_wallaroo_stays_whole(python: Python, tmp_path: Path) -> None:
    (tmp_path / "wallaroo").mkdir()
    (tmp_path / "wallaroo" / "__init__.py").write_text("Client = 'the real one'")
    program = """
import wallaroo
try:
    import wallaroo.framework
except ModuleNotFoundError as error:
    print(wallaroo.Client, '|', error)
jupyter_edge.compat.uninstall()
import sys; print('wallaroo' in sys.modules)
"""
    assert python(INSTALL + program).splitlines() == [
        "the real one | No module named 'wallaroo.framework'",
        "True",
    ]


def test_uninstalling_takes_back_what_was_imported(python: Python) -> None:
    program = """
import sys
import WallarooUtils
jupyter_edge.compat.uninstall()
assert 'WallarooUtils' not in sys.modules
try:
    import WallarooUtils
except ModuleNotFoundError:
    print('gone')
"""
    assert python(INSTALL + program) == "gone"


def test_installing_twice_adds_one_finder_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    before = list(sys.meta_path)
    compat.install()
    compat.install()
    assert sys.meta_path[:-1] == before
    assert isinstance(sys.meta_path[-1], compat.AliasFinder)
    compat.uninstall()
    assert sys.meta_path == before
