"""Draw pictures of shapes on varied backgrounds, with the box and class of every shape."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

CLASSES = ("circle", "square", "triangle", "star", "heart")
MAX_OBJECTS = 9
SUBPIXEL_BITS = 4  # cv2 takes polygon corners as fixed-point integers


@dataclass(frozen=True)
class Picture:
    """A drawn picture: pixels [h, w, 3] uint8 RGB, boxes [n, 4] xyxy in pixels, classes [n]."""

    pixels: np.ndarray
    boxes: np.ndarray
    classes: np.ndarray


def unit_outline(name: str, rng: np.random.Generator) -> np.ndarray:
    """Return the corners [n, 2] of a shape within the unit circle."""
    if name == "heart":
        t = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        x = 16 * np.sin(t) ** 3
        y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) - 2.5
        return np.stack([x, y], axis=1) / 16
    corners = {"circle": 72, "square": 4, "triangle": 3, "star": 10}[name]
    angles = np.arange(corners) * 2 * np.pi / corners
    radius = np.ones(corners)
    if name == "star":
        radius[1::2] = rng.uniform(0.4, 0.52)
    return np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)


def place(outline: np.ndarray, centre: np.ndarray, radius: float, rng: np.random.Generator) -> np.ndarray:
    """Rotate, stretch a little, scale and move an outline."""
    angle = rng.uniform(0, 2 * np.pi)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.diag([rng.uniform(0.9, 1.1), rng.uniform(0.9, 1.1)])
    return outline @ rotation.T @ stretch * radius + centre


def random_colour(rng: np.random.Generator, saturation: tuple[float, float], value: tuple[float, float]) -> np.ndarray:
    hsv = np.array([[[rng.uniform(0, 360), rng.uniform(*saturation), rng.uniform(*value)]]], np.float32)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0] * 255


def draw_background(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Return a picture of two muted colours mixed by noise of several scales, at times striped."""
    field = np.zeros((height, width), np.float32)
    for cells, weight in ((2, 1.0), (5, 0.7), (14, 0.4), (50, 0.25)):
        coarse = rng.random((cells, cells), dtype=np.float32)
        field += weight * rng.random() * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.35:
        angle, period = rng.uniform(0, np.pi), rng.uniform(0.05, 0.25) * min(width, height)
        y, x = np.mgrid[:height, :width].astype(np.float32)
        wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / period)
        field += rng.uniform(0.1, 0.4) * (np.sign(wave) if rng.random() < 0.5 else wave)
    field = cv2.normalize(field, None, 0, 1, cv2.NORM_MINMAX)[..., None]
    first, second = (random_colour(rng, (0.0, 0.45), (0.2, 1.0)) for _ in range(2))
    second = first + (second - first) * rng.uniform(0.2, 0.8)
    return np.clip(first * (1 - field) + second * field, 0, 255).astype(np.uint8)


def draw_clutter(image: np.ndarray, rng: np.random.Generator) -> None:
    """Draw lines, arcs, letters and bars that a detector must not take for shapes."""
    height, width = image.shape[:2]
    side = min(width, height)
    for _ in range(rng.integers(0, 14)):
        colour = random_colour(rng, (0.0, 1.0), (0.1, 1.0)).tolist()
        x, y = (int(v) for v in rng.uniform(0, 1, 2) * (width, height))
        thickness = int(rng.integers(1, max(2, side // 70) + 1))
        reach = rng.uniform(0.05, 0.35) * side
        kind = rng.integers(4)
        if kind == 0:
            end = (int(x + rng.normal() * reach), int(y + rng.normal() * reach))
            cv2.line(image, (x, y), end, colour, thickness, cv2.LINE_AA)
        elif kind == 1:
            axes = (int(reach * 0.7) + 1, int(reach * rng.uniform(0.2, 0.7)) + 1)
            start = rng.uniform(0, 360)
            end_angle = start + rng.uniform(40, 160)
            cv2.ellipse(image, (x, y), axes, rng.uniform(0, 180), start, end_angle, colour, thickness, cv2.LINE_AA)
        elif kind == 2:
            letter = "ABEFHKLMNRSTWXYZ2457"[rng.integers(20)]
            font = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX)[rng.integers(3)]
            cv2.putText(image, letter, (x, y), font, side / 300 * rng.uniform(0.5, 2), colour, thickness, cv2.LINE_AA)
        else:
            bar = cv2.boxPoints(((x, y), (reach, reach * rng.uniform(0.05, 0.22)), rng.uniform(0, 180)))
            cv2.fillPoly(image, [bar.astype(np.int32)], colour, cv2.LINE_AA)


def paint(image: np.ndarray, outline: np.ndarray, rng: np.random.Generator) -> None:
    """Paint one shape in place, with a shaded and at times striped or edged surface, over a soft shadow."""
    height, width = image.shape[:2]
    radius = np.ptp(outline, axis=0).max() / 2
    margin = int(radius * 0.6) + 3
    left, top = np.maximum(np.floor(outline.min(axis=0)).astype(int) - margin, 0)
    right, bottom = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + margin, (width, height))
    view = image[top:bottom, left:right]
    corners = np.round((outline - (left, top)) * (1 << SUBPIXEL_BITS)).astype(np.int32)
    mask = np.zeros(view.shape[:2], np.uint8)
    cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, SUBPIXEL_BITS)

    offset = rng.uniform(0, 0.18, 2) * radius
    shifted = cv2.warpAffine(mask, np.array([[1, 0, offset[0]], [0, 1, offset[1]]]), mask.shape[::-1])
    shadow = cv2.GaussianBlur(shifted, (0, 0), 0.08 * radius + 0.5).astype(np.float32) / 255
    view *= 1 - rng.uniform(0, 0.6) * shadow[..., None]

    candidates = [random_colour(rng, (0.45, 1.0), (0.45, 1.0)) for _ in range(3)]
    around = view.mean(axis=(0, 1))
    colour = max(candidates, key=lambda candidate: float(np.abs(candidate - around).sum()))
    y, x = np.mgrid[: view.shape[0], : view.shape[1]].astype(np.float32) / max(view.shape[:2]) - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    across = x * np.cos(angle) + y * np.sin(angle)
    light = 1 + rng.uniform(0, 0.7) * across
    if rng.random() < 0.15:
        light *= 1 + 0.15 * np.sign(np.sin(across * rng.uniform(15, 40)))
    surface = colour * light[..., None]
    if rng.random() < 0.4:
        edge = np.zeros_like(mask)
        thickness = max(1, int(radius * rng.uniform(0.06, 0.14)))
        cv2.polylines(edge, [corners], True, 255, thickness, cv2.LINE_AA, SUBPIXEL_BITS)
        tone = colour * rng.uniform(0.3, 0.7) if rng.random() < 0.6 else np.full(3, 245.0)
        surface += (tone - surface) * (edge.astype(np.float32) / 255)[..., None]
    view += (surface - view) * (mask.astype(np.float32) / 255)[..., None]


def hides_too_much(box: np.ndarray, others: list[np.ndarray]) -> bool:
    """Tell whether a box covers over a third of another, or the other way round."""
    for other in others:
        sides = np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2])
        if sides.min() > 0 and sides.prod() > 0.3 * min((box[2:] - box[:2]).prod(), (other[2:] - other[:2]).prod()):
            return True
    return False


def degrade(image: np.ndarray, rng: np.random.Generator, noise: float) -> np.ndarray:
    """Add the blur, noise (of a deviation up to `noise`) and exposure of a plain camera; return uint8."""
    if rng.random() < 0.4:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.0))
    image = image * rng.uniform(0.75, 1.15)
    image += np.float32(rng.uniform(0, noise)) * rng.standard_normal(image.shape, dtype=np.float32)
    return np.clip(image, 0, 255).astype(np.uint8)


def draw_picture(rng: np.random.Generator, width: int, height: int, fewest: int = 1, noise: float = 9.0) -> Picture:
    """Draw a picture with `fewest` to MAX_OBJECTS shapes (fewer where there is no room)."""
    background = draw_background(rng, width, height)
    draw_clutter(background, rng)
    image = background.astype(np.float32)
    boxes: list[np.ndarray] = []
    classes: list[int] = []
    for _ in range(rng.integers(fewest, MAX_OBJECTS + 1)):
        radius = min(width, height) * np.exp(rng.uniform(np.log(0.055), np.log(0.24)))
        centre = rng.uniform(0.8 * radius, np.array([width, height]) - 0.8 * radius)
        kind = int(rng.integers(len(CLASSES)))
        outline = place(unit_outline(CLASSES[kind], rng), centre, radius, rng)
        box = np.concatenate([outline.min(axis=0), outline.max(axis=0)]).clip(0, [width, height] * 2)
        if hides_too_much(box, boxes):
            continue
        paint(image, outline, rng)
        boxes.append(box)
        classes.append(kind)
    pixels = degrade(image, rng, noise)
    return Picture(pixels, np.array(boxes, np.float32).reshape(-1, 4), np.array(classes, np.int64))


def fit(picture: Picture, size: int, keep_aspect: bool) -> Picture:
    """Resize to size x size, either stretching or padding right and below with grey."""
    height, width = picture.pixels.shape[:2]
    scale = np.array([size / width, size / height])
    if keep_aspect:
        scale[:] = scale.min()
    inner = tuple(int(v) for v in np.round(scale * (width, height)))
    canvas = np.full((size, size, 3), 114, np.uint8)
    canvas[: inner[1], : inner[0]] = cv2.resize(picture.pixels, inner, interpolation=cv2.INTER_LINEAR)
    return Picture(canvas, (picture.boxes * np.tile(scale, 2)).astype(np.float32), picture.classes)


def draw_example(seed: tuple[int, int], size: int) -> Picture:
    """Draw the picture of a seed at some size and aspect, and bring it to size x size."""
    rng = np.random.default_rng(seed)
    width, height = (int(v) for v in rng.integers(size, size * 3 // 2, 2))
    return fit(draw_picture(rng, width, height), size, keep_aspect=bool(rng.random() < 0.3))
