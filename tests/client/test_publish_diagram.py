from __future__ import annotations

import re
from collections.abc import Callable

from jupyter_edge import samples
from jupyter_edge.client import Pipeline, Publish
from jupyter_edge.client.publish_diagram import draw_publish
from jupyter_edge.vision import read_image

STEP = {"ModelInference": {"models": [{"name": "m <1> $x$", "version": "v" * 36, "sha": "s" * 64}]}}


def drawn_words(html: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", html)


def test_a_publish_draws_its_models_registry_and_edges(published: Publish, new_name: Callable[[], str]) -> None:
    name = new_name()
    before = published.diagram()
    assert "no edge yet" in repr(before)
    published.add_edge(name)
    diagram = published.diagram()
    text = repr(diagram).splitlines()
    assert text[0].startswith(f"Publish {published.id} of pipeline ")
    assert text[0].endswith(": Published")
    assert "  model ccfraud: version" in repr(diagram)
    assert f"  pipeline: {(published.pipeline_url or '').partition('/')[2]}" in text
    assert f"  helm chart: {published.helm_chart_version}" in text
    assert f"  edge {name}: has not joined yet" in text
    words = drawn_words(diagram._repr_html_())
    assert {"model ccfraud", "pipeline", "helm chart", f"edge {name}"} <= set(words)
    assert read_image(diagram._repr_png_()).size


def test_an_older_publish_is_drawn_with_its_own_steps(pipeline: Pipeline, published: Publish) -> None:
    another = pipeline._client.upload_model("another", samples.path("ccfraud.onnx"))
    pipeline.clear().add_model_step(another).create_version()
    assert "model ccfraud" in repr(published.diagram())
    assert "model another" not in repr(published.diagram())


def test_a_failed_publish_and_many_odd_names_are_drawn(published: Publish) -> None:
    failed = published.refresh()
    failed.pipeline_url = failed.engine_url = failed.helm = None
    failed.status, failed.error = "Error", "the registry refused " + "x" * 500
    diagram = draw_publish(failed, "p", [STEP] * 20, [], image_available=False)
    assert "the registry refused" in repr(diagram).splitlines()[0]
    words = drawn_words(diagram._repr_html_())
    assert "and 15 more" in words
    assert words.count("model m &lt;1&gt; $x$") == 5
    assert max(map(len, words)) <= 100
