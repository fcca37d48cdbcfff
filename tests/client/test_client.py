from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from jupyter_edge.client import Client, InvalidInputError, Workspace

Name = Callable[[], str]


def test_setting_the_current_workspace_returns_it(client: Client, new_name: Name) -> None:
    workspace = client.create_workspace(new_name())
    assert client.set_current_workspace(workspace) is workspace
    assert client.get_current_workspace() is workspace
    with pytest.raises(InvalidInputError, match="no workspace"):
        client.set_current_workspace("demo")  # type: ignore[arg-type]


def test_without_a_current_workspace_there_is_a_default_one() -> None:
    assert Client().get_current_workspace().id() == Client().get_current_workspace().id()


def test_no_text_of_a_client_shows_its_token(client: Client) -> None:
    token = client.auth._bearer_token_str().removeprefix("Bearer ")
    for shown in (repr(client), repr(client.auth), repr(client.transport), repr(vars(client))):
        assert token not in shown


def test_a_user_is_shown_by_email_and_an_unknown_one_by_id(client: Client, workspace: Workspace) -> None:
    assert "@" in client.email_of(workspace.created_by())
    unknown = "00000000-0000-0000-0000-000000000000"
    assert client.email_of(unknown) == unknown


def test_connecting_loads_no_pandas() -> None:
    program = "import sys; from jupyter_edge.client import Client; Client(); print('pandas' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert shown.strip() == "False"


def test_a_client_loads_no_widgets_until_a_panel_is_asked_for() -> None:
    program = (
        "import jupyter_edge.client, sys; print([name for name in ('ipywidgets', 'IPython') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert shown.strip() == "[]"
