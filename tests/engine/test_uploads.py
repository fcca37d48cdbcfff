from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.engine.uploads import UploadForm
from tests.engine.process import MODEL, EngineProcess, wait_for

BOUNDARY = b"----boundary"
FORM = f"multipart/form-data; boundary={BOUNDARY.decode()}"


def metadata_part(workspace_id: int, **other: Any) -> bytes:
    described = {"name": "fraud", "workspace_id": workspace_id, "conversion": {"framework": "onnx"}} | other
    return b"--%s\r\nContent-Disposition: form-data; name=metadata\r\n\r\n%s\r\n" % (
        BOUNDARY,
        json.dumps(described).encode(),
    )


def file_part(content: bytes, name: bytes = b"model.onnx") -> bytes:
    head = b'--%s\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n' % (BOUNDARY, name)
    return head + content + b"\r\n"


END = b"--%s--\r\n" % BOUNDARY


def post_form(engine: EngineProcess, *parts: bytes) -> httpx.Response:
    body = b"".join(parts)
    return engine.client.post("/v1/api/models/upload", content=body, headers={"Content-Type": FORM})


def kept_files(engine: EngineProcess) -> set[Path]:
    return {path for path in engine.home.blobs.rglob("*") if path.is_file()}


def assert_refused(answer: httpx.Response, said: str, status: int = HTTPStatus.BAD_REQUEST) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, status), answer.text
    assert said in answer.json()["msg"]


@pytest.mark.parametrize("path", ["upload", "upload_and_convert"])
def test_an_upload_is_answered_with_the_version_and_its_job(
    engine: EngineProcess, workspace_id: int, path: str
) -> None:
    body = metadata_part(workspace_id) + file_part(MODEL.read_bytes()) + END
    answer = engine.client.post(f"/v1/api/models/{path}", content=body, headers={"Content-Type": FORM})
    assert re.fullmatch(r'\{"insert_models":\{"returning":\[\{"models":\[\{"id":\d+\}\]\}\]\}\}', answer.text)
    assert engine.post("jobs/get", id=int(answer.headers["Jupyter-Edge-Job"]))["state"] == "succeeded"


def test_settings_that_do_not_fit_the_model_leave_nothing(engine: EngineProcess, workspace_id: int) -> None:
    before, content = kept_files(engine), MODEL.read_bytes() + b"\x72\x00"  # an empty metadata entry: a new digest
    for settings, said in (
        ({"tensor_fields": ["a", "b"]}, "give one name for each"),
        ({"batch_config": "single", "dynamic_batching_config": {}}, "give one of them"),
        ({"dynamic_batching_config": {"batch_size_target": 4, "batch_size_limit": 3}}, "at least the target"),
    ):
        assert_refused(post_form(engine, metadata_part(workspace_id, **settings), file_part(content), END), said)
    assert kept_files(engine) == before
    assert engine.post("models/list", workspace_id=workspace_id)["models"] == []
    answer = post_form(engine, metadata_part(workspace_id, tensor_fields=["a"]), file_part(content), END)
    assert answer.status_code == HTTPStatus.OK, answer.text


def test_the_parts_may_come_in_any_order_with_others_between(engine: EngineProcess, workspace_id: int) -> None:
    other = b"--%s\r\nContent-Disposition: form-data; name=other\r\n\r\nnothing\r\n" % BOUNDARY
    answer = post_form(engine, file_part(MODEL.read_bytes()), other, metadata_part(workspace_id), END)
    assert answer.status_code == HTTPStatus.OK, answer.text


def test_a_form_is_read_the_same_however_it_is_cut() -> None:
    content = bytes(range(256)) * 3 + b"\r\n--" + BOUNDARY[:-1] + b"\r\n"
    body = metadata_part(7) + file_part(content, "modèle.onnx".encode()) + END
    for size in (1, 2, 7, 64, len(body)):
        form = UploadForm(FORM)
        for start in range(0, len(body), size):
            form.feed(body[start : start + size])
        assert bytes(form.file_bytes) == content
        assert json.loads(form.metadata)["workspace_id"] == 7
        assert (form.file_name, form.metadata_done, form.done) == ("modèle.onnx", True, True)


@pytest.mark.parametrize("name", [b"/etc/passwd", b"..\\..\\passwd", b"C:\\x\\passwd", b"passwd"])
def test_only_the_last_part_of_a_file_name_is_taken(name: bytes) -> None:
    form = UploadForm(FORM)
    form.feed(file_part(b"x", name))
    assert form.file_name == "passwd"


@pytest.mark.parametrize("content_type", ["", "application/json", "multipart/form-data", "multipart/mixed; boundary=a"])
def test_a_body_that_is_no_form_is_refused(content_type: str) -> None:
    with pytest.raises(InvalidInputError, match="multipart/form-data"):
        UploadForm(content_type)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"conversion": {"framework": "tensorflow"}}, "framework 'onnx', not 'tensorflow'"),
        ({"conversion": {"framework": "hugging-face-summarization"}}, "'onnx'"),
        ({"conversion": None}, "'conversion' is missing"),
        ({"conversion": {"framework": "onnx", "arch": "mips"}}, "conversion.arch"),
        ({"name": "under_score"}, "cannot name a model"),
        ({"workspace_id": 10**9}, "no workspace"),
        ({"input_schema": "*"}, "input_schema"),
    ],
)
def test_metadata_that_cannot_be_used_is_refused_and_nothing_kept(
    engine: EngineProcess, workspace_id: int, metadata: dict[str, Any], said: str
) -> None:
    before = kept_files(engine)
    answer = engine.upload("fraud", workspace_id, **metadata)
    status = HTTPStatus.NOT_FOUND if "workspace_id" in metadata else HTTPStatus.BAD_REQUEST
    assert_refused(answer, said, status)
    assert kept_files(engine) == before


def test_a_refusal_reaches_a_caller_who_is_still_sending(engine: EngineProcess, workspace_id: int) -> None:
    answer = engine.upload("fraud", workspace_id, bytes(50 << 20), conversion={"framework": "keras"})
    assert_refused(answer, "not 'keras'")
    assert engine.post("users/me")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"this is no model", "model.onnx"),
        (b"", "'file' is missing or empty"),
        (MODEL.read_bytes()[:-100], "model.onnx"),
    ],
)
def test_a_file_that_is_no_model_is_refused_and_not_kept(
    engine: EngineProcess, workspace_id: int, content: bytes, said: str
) -> None:
    before = kept_files(engine)
    assert_refused(engine.upload("broken", workspace_id, content), said)
    assert kept_files(engine) == before
    assert engine.post("models/list", workspace_id=workspace_id) == {"models": []}


def test_a_form_without_a_part_or_with_two_files_is_refused(engine: EngineProcess, workspace_id: int) -> None:
    before = kept_files(engine)
    metadata, file = metadata_part(workspace_id), file_part(MODEL.read_bytes())
    assert_refused(post_form(engine, metadata, END), "'file' is missing")
    assert_refused(post_form(engine, file, END), "'metadata' is missing")
    assert_refused(post_form(engine, metadata, file, file, END), "one file at a time")
    assert_refused(post_form(engine, metadata_part(workspace_id, other="x" * (1 << 20)), END), "larger than")
    assert_refused(post_form(engine, b"no boundary"), "multipart")
    assert kept_files(engine) == before


def test_an_upload_that_ends_early_is_refused_and_not_kept(engine: EngineProcess, workspace_id: int) -> None:
    before = kept_files(engine)
    assert_refused(post_form(engine, metadata_part(workspace_id), file_part(MODEL.read_bytes())), "ended before")
    assert kept_files(engine) == before


def test_a_model_that_is_too_large_is_refused_before_it_is_sent(engine: EngineProcess) -> None:
    with begin_upload(engine, b"", length=3 << 30) as sock:
        answer = b"".join(iter(lambda: sock.recv(1 << 16), b""))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"2 GiB" in answer


def begin_upload(engine: EngineProcess, body: bytes, length: int) -> socket.socket:
    host, port = engine.url.removeprefix("http://").split(":")
    sock = socket.create_connection((host, int(port)), timeout=30)
    head = (
        f"POST /v1/api/models/upload HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {engine.token}\r\n"
        f"Connection: close\r\nContent-Type: {FORM}\r\nContent-Length: {length}\r\n\r\n"
    )
    sock.sendall(head.encode() + body)
    return sock


def unfinished_bytes(engine: EngineProcess) -> int:
    folder = engine.home.blobs / "unfinished"
    return sum(path.stat().st_size for path in folder.iterdir()) if folder.is_dir() else 0


def test_a_caller_who_goes_away_leaves_nothing(engine: EngineProcess, workspace_id: int) -> None:
    before = kept_files(engine)
    body = metadata_part(workspace_id) + file_part(bytes(4 << 20))
    with begin_upload(engine, body, length=1 << 30):
        wait_for(lambda: unfinished_bytes(engine))
    wait_for(lambda: kept_files(engine) == before)
    assert engine.post("models/list", workspace_id=workspace_id) == {"models": []}


@pytest.fixture
def held_check(engine: EngineProcess) -> Iterator[Callable[[], psutil.Process]]:
    """Give what waits for the check of an upload to run, and holds it."""
    held: list[psutil.Process] = []

    def hold() -> psutil.Process:
        def find() -> bool:
            children = psutil.Process(engine.process.pid).children()
            held.extend(child for child in children if "jupyter_edge.runtime.inspect" in child.cmdline())
            return bool(held)

        wait_for(find)
        check = held[-1]
        check.suspend()
        return check

    yield hold
    for process in held:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def newest_job(engine: EngineProcess) -> dict[str, Any]:
    job: dict[str, Any] = engine.post("jobs/list")["jobs"][0]
    return job


def test_an_upload_can_be_cancelled_while_it_is_checked(
    engine: EngineProcess, workspace_id: int, held_check: Callable[[], psutil.Process]
) -> None:
    before = kept_files(engine)
    with ThreadPoolExecutor(1) as pool:
        upload = pool.submit(engine.upload, "fraud", workspace_id)
        check = held_check()
        job = newest_job(engine)
        assert (job["kind"], job["state"]) == ("upload", "running")
        engine.post("jobs/cancel", id=job["id"])
        assert_refused(upload.result(), "cancelled", HTTPStatus.CONFLICT)
    assert newest_job(engine)["state"] == "cancelled"
    assert not check.is_running()
    assert kept_files(engine) == before
    assert engine.post("models/list", workspace_id=workspace_id) == {"models": []}


def test_a_caller_who_goes_away_during_the_check_cancels_it(
    engine: EngineProcess, workspace_id: int, held_check: Callable[[], psutil.Process]
) -> None:
    before = kept_files(engine)
    body = metadata_part(workspace_id) + file_part(MODEL.read_bytes()) + END
    with begin_upload(engine, body, length=len(body)):
        held_check()
    wait_for(lambda: newest_job(engine)["state"] == "cancelled")
    wait_for(lambda: kept_files(engine) == before)
    assert engine.post("models/list", workspace_id=workspace_id) == {"models": []}


def test_a_killed_engine_leaves_no_half_made_model(own_engine: EngineProcess) -> None:
    own_engine.start()
    workspace_id = own_engine.post("workspaces/create", workspace_name="work")["workspace_id"]
    kept = own_engine.add_model("kept", workspace_id)
    before = kept_files(own_engine)
    body = metadata_part(workspace_id) + file_part(bytes(4 << 20))
    with begin_upload(own_engine, body, length=1 << 30):
        wait_for(lambda: unfinished_bytes(own_engine))
        own_engine.kill()
    assert kept_files(own_engine) > before
    own_engine.start()
    assert kept_files(own_engine) == before
    (model,) = own_engine.post("models/list", workspace_id=workspace_id)["models"]
    assert [row["id"] for row in own_engine.post("models/get", id=model["id"])["models"]] == [kept]
    assert own_engine.add_model("fraud", workspace_id) > kept


def test_a_large_file_is_never_held_in_memory(engine: EngineProcess, workspace_id: int) -> None:
    def send() -> Iterator[bytes]:
        yield metadata_part(workspace_id)
        yield file_part(b"")[:-2]
        for _ in range(256):
            yield bytes(1 << 20)
        yield b"\r\n" + END

    before = peak_memory(engine)
    answer = engine.client.post("/v1/api/models/upload", content=send(), headers={"Content-Type": FORM})
    assert_refused(answer, "model.onnx")
    assert peak_memory(engine) - before < 100 << 20


def peak_memory(engine: EngineProcess) -> int:
    status = Path(f"/proc/{engine.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) << 10


def test_a_full_disk_is_said_and_nothing_kept(own_engine: EngineProcess) -> None:
    own_engine.home.blobs.mkdir(parents=True)
    namespace = ["unshare", "--user", "--map-root-user", "--mount"]
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(own_engine.home.blobs)]
    if subprocess.run([*namespace, *mount], check=False, capture_output=True).returncode:
        pytest.skip("this system lets no one mount a small file system")
    script = f'{" ".join(mount)} && exec "$@"'
    own_engine.start(under=[*namespace, "sh", "-c", script, "sh"])
    workspace_id = own_engine.post("workspaces/create", workspace_name="work")["workspace_id"]
    answer = own_engine.upload("large", workspace_id, bytes(8 << 20))
    assert_refused(answer, "disk is full", HTTPStatus.INSUFFICIENT_STORAGE)
    seen_by_engine = Path(f"/proc/{own_engine.process.pid}/root{own_engine.home.blobs}")
    assert not [path for path in seen_by_engine.rglob("*") if path.is_file()]
    assert own_engine.add_model("small", workspace_id)


def test_uploads_of_one_new_name_at_once_all_become_versions(
    engine: EngineProcess, workspace_id: int, new_name: Callable[[], str]
) -> None:
    name = new_name()
    with ThreadPoolExecutor(4) as pool:
        added = [pool.submit(engine.add_model, name, workspace_id) for _ in range(4)]
        ids = {future.result() for future in added}
    (model,) = engine.post("models/list", workspace_id=workspace_id)["models"]
    assert {row["id"] for row in engine.post("models/get", id=model["id"])["models"]} == ids
    assert len(ids) == 4
