from __future__ import annotations

import pytest

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.oci.reference import Reference, is_repository, is_tag

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("127.0.0.1:8790/a/b/name:tag", ("127.0.0.1:8790", "a/b/name", "tag", None)),
        (f"ghcr.io/org/name@{DIGEST}", ("ghcr.io", "org/name", None, DIGEST)),
        (f"localhost:5000/x:0.0.1-ab_c@{DIGEST}", ("localhost:5000", "x", "0.0.1-ab_c", DIGEST)),
        ("[::1]:5000/x", ("[::1]:5000", "x", None, None)),
        (
            "us-central1-docker.pkg.dev/proj-1/uat/pipelines/edge-pipeline:a5752acc",
            ("us-central1-docker.pkg.dev", "proj-1/uat/pipelines/edge-pipeline", "a5752acc", None),
        ),
        (
            "ghcr.io/org/samples/engines/proxy/org/ghcr.io/org/mini:v2023.3.0-3854",
            ("ghcr.io", "org/samples/engines/proxy/org/ghcr.io/org/mini", "v2023.3.0-3854", None),
        ),
    ],
)
def test_a_reference_is_taken_apart_and_put_together_again(text: str, parts: tuple[str | None, ...]) -> None:
    reference = Reference.parse(text)
    assert (reference.registry, reference.repository, reference.tag, reference.digest) == parts
    assert str(reference) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "host/",
        "/name",
        "https://host/name",
        "oci://host/name",
        "user:pass@host/name",
        "host/../etc",
        "host/a//b",
        "host/a/./b",
        "host/Upper",
        "host/name:",
        "host/name:.tag",
        "host/name:a b",
        "host/name@sha256:12",
        "host/name@",
        "host/name:tag\n",
        "ho st/name",
        "host:port/name",
        "host/" + "a" * 256,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="no address of an artifact"):
        Reference.parse(text)


def test_a_digest_counts_more_than_a_tag() -> None:
    assert Reference.parse(f"host/name:tag@{DIGEST}").target == DIGEST
    assert Reference.parse("host/name:tag").target == "tag"
    with pytest.raises(InvalidInputError, match="names no version"):
        Reference.parse("host/name").target  # noqa: B018


def test_names_follow_the_rules_of_the_specification() -> None:
    assert is_repository("a/b__c/d--e.f")
    assert not any(is_repository(name) for name in ("a/", "a/../b", "-a", "a_", "a___b", "ä", ""))
    assert is_tag("_v1.2-" + "x" * 122)
    assert not any(is_tag(tag) for tag in ("", "-a", ".a", "a/b", "a" * 129, "a:b"))
