"""What a publish is made of, drawn: models, what is in the registry, and the edges that run it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jupyter_edge.display.charts import SERIES, Chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from jupyter_edge.client.edge import Edge
    from jupyter_edge.client.publish import Publish

_MOST_BOXES = 6
_TITLE_LETTERS, _TEXT_LETTERS = 10.5, 13.5  # that fit into an inch
_STEP = 0.85  # from one box to the next, in inches, as all lengths here
_HEIGHT = 0.6
_COLUMNS = {"models": (0.1, 2.3), "registry": (3.1, 3.9), "edges": (7.8, 2.4)}


@dataclass(frozen=True)
class Box:
    """A part of a publish; ``done`` says whether it is there already."""

    title: str
    text: str
    done: bool = True


def draw_publish(
    publish: Publish, pipeline: str, steps: Sequence[dict[str, Any]], edges: Sequence[Edge], *, image_available: bool
) -> Chart:
    """Return a drawing of a publish: its models lead into the registry, and the registry to the edges."""
    heading = f"Publish {publish.id} of pipeline {pipeline}: {publish.error or publish.status}"
    registry = (publish.pipeline_url or "").partition("/")[0]
    boxes = {"models": _models(steps), "registry": _parts(publish, image_available), "edges": _edges(edges)}
    shown = {name: _first(group) for name, group in boxes.items()}
    rows = max(len(group) for group in shown.values())
    size = (_COLUMNS["edges"][0] + _COLUMNS["edges"][1] + 0.1, rows * _STEP + 1.0)

    def draw(figure: Figure) -> None:
        figure.set_layout_engine("none")
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, size[0]), ylim=(0, size[1]))
        axes.axis("off")
        axes.text(0.1, size[1] - 0.3, _cut(heading, 100), weight="bold", fontsize=11)
        middle = (size[1] - 0.55) / 2
        _draw_frame(axes, registry, len(shown["registry"]), middle)
        places = {name: _draw_boxes(axes, name, group, middle) for name, group in shown.items()}
        for start in places["models"]:
            _draw_arrow(axes, (sum(_COLUMNS["models"]), start), (_COLUMNS["registry"][0], places["registry"][0]))
        for end, box in zip(places["edges"], shown["edges"], strict=True):
            _draw_arrow(axes, (sum(_COLUMNS["registry"]) + 0.15, middle), (_COLUMNS["edges"][0], end), box.done)

    lines = [f"{name}:\n" + "\n".join(f"  {box.title}: {box.text}" for box in group) for name, group in boxes.items()]
    return Chart(draw, "\n".join([heading, *lines]), size)


def _models(steps: Sequence[dict[str, Any]]) -> list[Box]:
    models = [model for step in steps for model in step["ModelInference"]["models"]]
    return [
        Box(f"model {model['name']}", f"version {model['version'][:8]}, sha {model['sha'][:8]}") for model in models
    ]


def _parts(publish: Publish, image_available: bool) -> list[Box]:
    waiting = "not there yet"
    artifact, image = ((url or "").partition("/")[2] for url in (publish.pipeline_url, publish.engine_url))
    return [
        Box("pipeline", artifact or waiting, bool(artifact)),
        Box("helm chart", publish.helm_chart_version or waiting, publish.helm is not None),
        Box("engine image" if image_available else "engine image, not built yet", image or waiting, image_available),
    ]


def _edges(edges: Sequence[Edge]) -> list[Box]:
    if not edges:
        return [Box("no edge yet", "add_edge(name) adds one", done=False)]
    words = [f"{edge.rows:,} rows logged" if edge.joined_at else "has not joined yet" for edge in edges]
    return [Box(f"edge {edge.name}", text, edge.joined_at is not None) for edge, text in zip(edges, words, strict=True)]


def _first(boxes: Sequence[Box]) -> list[Box]:
    if len(boxes) <= _MOST_BOXES:
        return list(boxes)
    return [*boxes[: _MOST_BOXES - 1], Box(f"and {len(boxes) - _MOST_BOXES + 1} more", "")]


def _draw_boxes(axes: Axes, column: str, boxes: Sequence[Box], middle: float) -> list[float]:
    """Draw boxes below each other; return the heights of their middles."""
    from matplotlib.patches import FancyBboxPatch

    left, width = _COLUMNS[column]
    colour = SERIES[list(_COLUMNS).index(column)]
    heights = [middle + (len(boxes) - 1) * _STEP / 2 - row * _STEP for row in range(len(boxes))]
    for box, height in zip(boxes, heights, strict=True):
        style = "-" if box.done else "--"
        corner = (left + 0.05, height - _HEIGHT / 2)
        axes.add_patch(
            FancyBboxPatch(
                corner,
                width - 0.1,
                _HEIGHT,
                boxstyle="round,pad=0.05",
                fill=False,
                edgecolor=colour,
                linewidth=1.6,
                linestyle=style,
            )
        )
        axes.text(left + 0.12, height + 0.13, _cut(box.title, width * _TITLE_LETTERS), fontsize=10, va="center")
        axes.text(left + 0.12, height - 0.14, _cut(box.text, width * _TEXT_LETTERS), fontsize=8, va="center")
    return heights


def _draw_frame(axes: Axes, registry: str, parts: int, middle: float) -> None:
    from matplotlib.patches import Rectangle

    left, width = _COLUMNS["registry"]
    height = parts * _STEP + 0.25
    corner = (left - 0.15, middle - height / 2)
    axes.add_patch(Rectangle(corner, width + 0.3, height, fill=False, edgecolor="#7f7f7f", linewidth=1))
    axes.text(left - 0.15, middle + height / 2 + 0.06, _cut(f"registry {registry}", 48), fontsize=9)


def _draw_arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], done: bool = True) -> None:
    style = {"arrowstyle": "->", "color": "#7f7f7f", "linewidth": 1.3, "linestyle": "-" if done else "--"}
    axes.annotate("", end, start, arrowprops=style)


def _cut(text: str, length: float) -> str:
    return text if len(text) <= length else f"{text[: int(length) - 1]}…"
