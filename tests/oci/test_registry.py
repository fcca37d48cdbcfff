from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
import requests
from requests import Response, Session

from jupyter_edge.oci.blobs import digest_of

from .conftest import AUTHORIZATION, USERNAME, RunningRegistry

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
BLOB = bytes(range(256)) * 16


def start(http: Session, registry: RunningRegistry, repository: str = "a/b", **query: str) -> Response:
    return http.post(f"{registry.url}/{repository}/blobs/uploads/", params=query, timeout=10)


def push_blob(http: Session, registry: RunningRegistry, content: bytes, repository: str = "a/b") -> str:
    answer = start(http, registry, repository)
    url = f"http://{registry.host}{answer.headers['Location']}"
    answer = http.put(url, params={"digest": digest_of(content)}, data=content, timeout=10)
    assert answer.status_code == 201
    return digest_of(content)


def manifest_of(content: bytes, **more: Any) -> dict[str, Any]:
    descriptor = {"mediaType": "application/octet-stream", "digest": digest_of(content), "size": len(content)}
    return {"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor, "layers": [descriptor], **more}


def put_manifest(
    http: Session, registry: RunningRegistry, manifest: dict[str, Any] | bytes, reference: str, kind: str = MANIFEST
) -> Response:
    content = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    url = f"{registry.url}/a/b/manifests/{reference}"
    return http.put(url, data=content, headers={"Content-Type": kind}, timeout=10)


def code(answer: Response) -> str:
    return str(answer.json()["errors"][0]["code"])


def test_nothing_is_answered_without_credentials(registry: RunningRegistry) -> None:
    for path in ("/", "/a/b/tags/list", f"/a/b/blobs/{digest_of(b'')}", "/a/b/manifests/x"):
        answer = requests.get(registry.url + path, timeout=10)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith('Basic realm="jupyter-edge"')
        assert code(answer) == "UNAUTHORIZED"
    for header in ("Basic !", "Basic " + "A" * 8, "Bearer x", "Basic"):
        assert requests.get(registry.url + "/", headers={"Authorization": header}, timeout=10).status_code == 401
    assert requests.get(registry.url + "/", auth=(USERNAME, "wrong"), timeout=10).status_code == 401


def test_the_version_check_answers(http: Session, registry: RunningRegistry) -> None:
    answer = http.get(registry.url + "/", timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Docker-Distribution-API-Version"] == "registry/2.0"


def test_a_blob_put_at_once_can_be_read(http: Session, registry: RunningRegistry) -> None:
    digest = push_blob(http, registry, BLOB)
    answer = http.get(f"{registry.url}/a/b/blobs/{digest}", timeout=10)
    assert answer.content == BLOB
    assert answer.headers["Docker-Content-Digest"] == digest
    head = http.head(f"{registry.url}/a/b/blobs/{digest}", timeout=10)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(BLOB)))


def test_a_blob_can_be_posted_in_one_request(http: Session, registry: RunningRegistry) -> None:
    url = f"{registry.url}/a/b/blobs/uploads/"
    answer = http.post(url, params={"digest": digest_of(BLOB)}, data=BLOB, timeout=10)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v2/a/b/blobs/{digest_of(BLOB)}"


def test_a_blob_comes_in_chunks_in_order_only(http: Session, registry: RunningRegistry) -> None:
    url = f"http://{registry.host}{start(http, registry).headers['Location']}"

    def patch(first: int, last: int) -> Response:
        headers = {"Content-Range": f"{first}-{last}"}
        return http.patch(url, data=BLOB[first : last + 1], headers=headers, timeout=10)

    assert patch(0, 999).headers["Range"] == "0-999"
    early = patch(2000, 2999)
    assert (early.status_code, early.headers["Range"]) == (416, "0-999")
    assert patch(0, 999).status_code == 416
    status = http.get(url, timeout=10)
    assert (status.status_code, status.headers["Range"]) == (204, "0-999")
    assert patch(1000, 1999).headers["Range"] == "0-1999"
    headers = {"Content-Range": f"2000-{len(BLOB) - 1}"}
    done = http.put(url, params={"digest": digest_of(BLOB)}, data=BLOB[2000:], headers=headers, timeout=10)
    assert done.status_code == 201
    assert http.get(f"{registry.url}/a/b/blobs/{digest_of(BLOB)}", timeout=10).content == BLOB
    assert http.get(url, timeout=10).status_code == 404, "the session is over"


def test_a_chunk_that_contradicts_its_range_is_refused(http: Session, registry: RunningRegistry) -> None:
    url = f"http://{registry.host}{start(http, registry).headers['Location']}"
    answer = http.patch(url, data=b"abc", headers={"Content-Range": "0-5"}, timeout=10)
    assert (answer.status_code, code(answer)) == (400, "SIZE_INVALID")
    answer = http.patch(url, data=b"abc", headers={"Content-Range": f"{'0' * 5000}-2"}, timeout=10)
    assert answer.status_code == 416


def test_content_with_another_digest_is_refused_and_never_visible(http: Session, registry: RunningRegistry) -> None:
    url = f"http://{registry.host}{start(http, registry).headers['Location']}"
    answer = http.put(url, params={"digest": digest_of(b"other")}, data=BLOB, timeout=10)
    assert (answer.status_code, code(answer)) == (400, "DIGEST_INVALID")
    assert list(registry.blobs.digests()) == []
    assert list(registry.blobs.unfinished.iterdir()) == []


@pytest.mark.parametrize("digest", ["", "sha256:12", "md5:" + "a" * 32, "sha512:" + "a" * 128, "sha256:../../../x"])
def test_only_sha256_digests_are_accepted(http: Session, registry: RunningRegistry, digest: str) -> None:
    url = f"http://{registry.host}{start(http, registry).headers['Location']}"
    answer = http.put(url, params={"digest": digest}, data=BLOB, timeout=10)
    assert (answer.status_code, code(answer)) == (400, "DIGEST_INVALID")


def test_a_cancelled_upload_leaves_nothing(http: Session, registry: RunningRegistry) -> None:
    url = f"http://{registry.host}{start(http, registry).headers['Location']}"
    http.patch(url, data=BLOB, timeout=10)
    assert len(list(registry.blobs.unfinished.iterdir())) == 1
    assert http.delete(url, timeout=10).status_code == 204
    assert http.delete(url, timeout=10).status_code == 404
    assert list(registry.blobs.unfinished.iterdir()) == []


def test_an_upload_belongs_to_its_repository(http: Session, registry: RunningRegistry) -> None:
    location = start(http, registry).headers["Location"].replace("/a/b/", "/a/c/")
    assert http.get(f"http://{registry.host}{location}", timeout=10).status_code == 404


def test_a_blob_of_the_shared_store_needs_no_upload(http: Session, registry: RunningRegistry) -> None:
    digest = registry.blobs.put(BLOB)
    url = f"{registry.url}/a/b/blobs/{digest}"
    assert http.head(url, timeout=10).status_code == 404
    answer = start(http, registry, mount=digest)
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/v2/a/b/blobs/{digest}")
    assert http.get(url, timeout=10).content == BLOB
    other = start(http, registry, "c", **{"mount": digest, "from": "a/b"})
    assert other.status_code == 201
    assert list(registry.blobs.unfinished.iterdir()) == [] if registry.blobs.unfinished.exists() else True
    assert start(http, registry, mount=digest_of(b"unknown")).status_code == 202


def test_deleting_a_blob_keeps_the_bytes_that_others_share(http: Session, registry: RunningRegistry) -> None:
    digest = push_blob(http, registry, BLOB)
    start(http, registry, "c", mount=digest)
    url = f"{registry.url}/a/b/blobs/{digest}"
    assert http.delete(url, timeout=10).status_code == 202
    assert http.delete(url, timeout=10).status_code == 404
    assert http.get(url, timeout=10).status_code == 404
    assert http.get(f"{registry.url}/c/blobs/{digest}", timeout=10).content == BLOB


@pytest.mark.parametrize(
    ("asked", "status", "expected"),
    [
        ("bytes=0-9", 206, BLOB[:10]),
        ("bytes=4000-", 206, BLOB[4000:]),
        ("bytes=-5", 206, BLOB[-5:]),
        ("bytes=4000-99999", 206, BLOB[4000:]),
        ("bytes=4096-", 416, b""),
        ("bytes=9-1", 200, BLOB),
        ("bytes=0-1,5-6", 200, BLOB),
        ("bytes=-", 200, BLOB),
        ("lines=0-9", 200, BLOB),
    ],
)
def test_a_range_of_a_blob(http: Session, registry: RunningRegistry, asked: str, status: int, expected: bytes) -> None:
    digest = push_blob(http, registry, BLOB)
    answer = http.get(f"{registry.url}/a/b/blobs/{digest}", headers={"Range": asked}, timeout=10)
    assert answer.status_code == status
    if status != 416:
        assert answer.content == expected


def test_a_manifest_is_kept_byte_for_byte(http: Session, registry: RunningRegistry) -> None:
    push_blob(http, registry, BLOB)
    content = json.dumps(manifest_of(BLOB), indent=3).encode() + b"\n"
    answer = put_manifest(http, registry, content, "v1")
    assert answer.status_code == 201
    assert answer.headers["Docker-Content-Digest"] == digest_of(content)
    for reference in ("v1", digest_of(content)):
        url = f"{registry.url}/a/b/manifests/{reference}"
        got = http.get(url, timeout=10)
        assert got.content == content
        assert got.headers["Content-Type"] == MANIFEST
        head = http.head(url, timeout=10)
        assert head.headers["Docker-Content-Digest"] == digest_of(content)
        assert head.headers["Content-Length"] == str(len(content))
    assert http.get(f"{registry.url}/a/b/manifests/v2", timeout=10).status_code == 404
    assert http.get(f"{registry.url}/c/manifests/v1", timeout=10).status_code == 404


def test_a_manifest_links_blobs_that_the_shared_store_holds(http: Session, registry: RunningRegistry) -> None:
    digest = registry.blobs.put(BLOB)
    assert put_manifest(http, registry, manifest_of(BLOB), "v1").status_code == 201
    assert http.get(f"{registry.url}/a/b/blobs/{digest}", timeout=10).content == BLOB


def test_a_manifest_of_missing_blobs_is_refused(http: Session, registry: RunningRegistry) -> None:
    answer = put_manifest(http, registry, manifest_of(b"missing"), "v1")
    assert (answer.status_code, code(answer)) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert digest_of(b"missing") in answer.text
    child = {"mediaType": MANIFEST, "digest": digest_of(b"{}"), "size": 2}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [child]}
    assert code(put_manifest(http, registry, index, "v1", INDEX)) == "MANIFEST_BLOB_UNKNOWN"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"[]",
        b"[" * 100_000,
        b'{"config": "x"}',
        b'{"layers": {"digest": 1}}',
        b'{"layers": [{"mediaType": "a", "size": 1, "digest": "sha256:../../x"}]}',
        b'{"subject": {"mediaType": "a", "size": 1, "digest": "sha256:../../x"}}',
        b'{"mediaType": "text/plain"}',
    ],
)
def test_what_is_no_manifest_is_refused(http: Session, registry: RunningRegistry, content: bytes) -> None:
    answer = put_manifest(http, registry, content, "v1")
    assert (answer.status_code, code(answer)) == (400, "MANIFEST_INVALID")


@pytest.mark.parametrize("kind", ["a/b\r\nX-Injected: 1", "a", "a/b c", {"a": 1}, 5])
def test_a_manifest_has_a_media_type_that_fits_into_a_header(
    http: Session, registry: RunningRegistry, kind: object
) -> None:
    push_blob(http, registry, BLOB)
    answer = put_manifest(http, registry, manifest_of(BLOB) | {"mediaType": kind}, "v1", "")
    assert code(answer) == "MANIFEST_INVALID"


def test_a_manifest_has_a_largest_size(http: Session, registry: RunningRegistry) -> None:
    push_blob(http, registry, BLOB)
    manifest = manifest_of(BLOB, annotations={"filler": "x" * ((4 << 20) - 1000)})
    assert put_manifest(http, registry, manifest, "v1").status_code == 201
    manifest = manifest_of(BLOB, annotations={"filler": "x" * (4 << 20)})
    assert put_manifest(http, registry, manifest, "v2").status_code == 413


def test_a_manifest_put_by_a_wrong_digest_is_refused(http: Session, registry: RunningRegistry) -> None:
    push_blob(http, registry, BLOB)
    assert code(put_manifest(http, registry, manifest_of(BLOB), digest_of(b"other"))) == "DIGEST_INVALID"
    content = json.dumps(manifest_of(BLOB)).encode()
    assert put_manifest(http, registry, content, digest_of(content)).status_code == 201


def test_deleting_a_tag_keeps_its_manifest_and_deleting_a_manifest_its_tags_not(
    http: Session, registry: RunningRegistry
) -> None:
    push_blob(http, registry, BLOB)
    for tag in ("v1", "v2"):
        digest = put_manifest(http, registry, manifest_of(BLOB), tag).headers["Docker-Content-Digest"]
    url = f"{registry.url}/a/b/manifests"
    assert http.delete(f"{url}/v1", timeout=10).status_code == 202
    assert http.get(f"{url}/v1", timeout=10).status_code == 404
    assert http.get(f"{url}/v2", timeout=10).status_code == 200
    assert http.delete(f"{url}/{digest}", timeout=10).status_code == 202
    assert http.delete(f"{url}/{digest}", timeout=10).status_code == 404
    assert http.get(f"{url}/v2", timeout=10).status_code == 404
    assert http.get(f"{registry.url}/a/b/tags/list", timeout=10).json() == {"name": "a/b", "tags": []}


def test_tags_are_listed_in_order_and_in_pages(http: Session, registry: RunningRegistry) -> None:
    assert http.get(f"{registry.url}/a/b/tags/list", timeout=10).status_code == 404
    push_blob(http, registry, BLOB)
    for tag in ("b", "a", "C", "_x"):
        put_manifest(http, registry, manifest_of(BLOB), tag)
    url: str | None = f"{registry.url}/a/b/tags/list?n=3"
    pages = []
    while url:
        answer = http.get(url, timeout=10)
        pages.append(answer.json()["tags"])
        url = f"http://{registry.host}{answer.links['next']['url']}" if "next" in answer.links else None
    assert pages == [["C", "_x", "a"], ["b"]]
    assert http.get(f"{registry.url}/a/b/tags/list?n=0", timeout=10).json()["tags"] == []
    assert http.get(f"{registry.url}/a/b/tags/list?last=a", timeout=10).json()["tags"] == ["b"]
    for limit in ("x", "-1", "\u00b2", "9" * 5000):
        assert http.get(f"{registry.url}/a/b/tags/list?n={limit}", timeout=10).status_code == 400


def test_referrers_are_listed_and_filtered(http: Session, registry: RunningRegistry) -> None:
    push_blob(http, registry, BLOB)
    content = json.dumps(manifest_of(BLOB)).encode()
    put_manifest(http, registry, content, "v1")
    subject = {"mediaType": MANIFEST, "digest": digest_of(content), "size": len(content)}
    signature = manifest_of(BLOB, subject=subject, artifactType="application/x.signature", annotations={"k": "v"})
    answer = put_manifest(http, registry, signature, digest_of(json.dumps(signature).encode()))
    assert answer.headers["OCI-Subject"] == subject["digest"]
    put_manifest(http, registry, manifest_of(BLOB, subject=subject), "bom")
    url = f"{registry.url}/a/b/referrers/{subject['digest']}"
    listed = http.get(url, timeout=10)
    assert listed.headers["Content-Type"] == INDEX
    kinds = {item["digest"]: item["artifactType"] for item in listed.json()["manifests"]}
    assert sorted(kinds.values()) == ["application/octet-stream", "application/x.signature"]
    filtered = http.get(url, params={"artifactType": "application/x.signature"}, timeout=10)
    assert filtered.headers["OCI-Filters-Applied"] == "artifactType"
    (only,) = filtered.json()["manifests"]
    assert only["annotations"] == {"k": "v"}
    assert http.delete(f"{registry.url}/a/b/manifests/{only['digest']}", timeout=10).status_code == 202
    assert len(http.get(url, timeout=10).json()["manifests"]) == 1
    assert http.get(f"{registry.url}/a/b/referrers/{digest_of(b'none')}", timeout=10).json()["manifests"] == []
    assert http.get(f"{registry.url}/a/b/referrers/sha256:x", timeout=10).status_code == 400


@pytest.mark.parametrize("name", ["..", "a/..", "%2e%2e/%2e%2e", "A", "a//b", "_blobs", "a/_tags", "a" * 256])
def test_names_that_break_the_rule_reach_no_file(
    http: Session, registry: RunningRegistry, tmp_path: Path, name: str
) -> None:
    digest = registry.blobs.put(BLOB)
    before = sorted(tmp_path.rglob("*"))
    host, port = registry.host.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        head = f"POST /v2/{name}/blobs/uploads/?mount={digest} HTTP/1.1\r\nHost: {registry.host}\r\n"
        raw.sendall((head + f"Authorization: {AUTHORIZATION}\r\nContent-Length: 0\r\n\r\n").encode())
        status = int(raw.recv(4096).split()[1])
    assert status in (400, 404)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("tag", ["..", ".hidden", "%2e%2e%2fx", "a" * 129])
def test_tags_that_break_the_rule_are_refused(http: Session, registry: RunningRegistry, tag: str) -> None:
    push_blob(http, registry, BLOB)
    assert put_manifest(http, registry, manifest_of(BLOB), tag).status_code in (400, 404, 405)
    assert http.get(f"{registry.url}/a/b/tags/list", timeout=10).json()["tags"] == []
