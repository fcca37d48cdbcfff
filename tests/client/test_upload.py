from __future__ import annotations

import email
import json
from email.message import Message
from pathlib import Path

from jupyter_edge.client.upload import ModelUpload


def _parts(upload: ModelUpload, piece: int) -> list[Message]:
    body = b"".join(iter(lambda: upload.read(piece), b""))
    assert len(body) == len(upload)
    parsed = email.message_from_bytes(f"Content-Type: {upload.content_type}\r\n\r\n".encode() + body)
    return [part for part in parsed.walk() if not part.is_multipart()]


def test_the_parts_are_metadata_and_file_whatever_the_size_of_a_read(tmp_path: Path) -> None:
    content = bytes(range(256)) * 40
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    for piece in (1, 7, 4096, 1 << 20):
        with ModelUpload({"name": "m"}, path, on_read=lambda _: None) as upload:
            metadata, file = _parts(upload, piece)
        assert metadata.get_content_type() == "application/json"
        assert json.loads(str(metadata.get_payload())) == {"name": "m"}
        assert file.get_filename() == "model.onnx"
        assert file.get_payload(decode=True) == content


def test_the_file_is_read_while_it_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a sparse terabyte: reading it all would not end
    with ModelUpload({"name": "m"}, path, on_read=lambda _: None) as upload:
        assert len(upload) > 1 << 40
        assert upload.read(1 << 16)


def test_a_file_name_cannot_break_out_of_its_header(tmp_path: Path) -> None:
    path = tmp_path / 'a"\r\nX-Evil: 1.onnx'
    path.write_bytes(b"x")
    with ModelUpload({}, path, on_read=lambda _: None) as upload:
        _, file = _parts(upload, 4096)
    assert file["X-Evil"] is None


def test_the_share_that_was_read_is_told_as_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"x" * 10_000)
    shares: list[float] = []
    with ModelUpload({}, path, on_read=shares.append) as upload:
        _parts(upload, 1000)
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares == sorted(shares)
