"""A tiny anchor-free detector whose output has the layout of an exported YOLOv8."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, softplus

STRIDES = (8, 16, 32)


def convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, momentum=0.03),
        nn.SiLU(inplace=True),
    )


def separable(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(convolution(inputs, inputs, groups=inputs), convolution(inputs, outputs, kernel=1))


class SplitBlock(nn.Module):
    """Cross-stage partial block: half of the channels go through a residual pair of convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.enter = convolution(channels, channels, kernel=1)
        self.deep = nn.Sequential(convolution(half, half), convolution(half, half))
        self.leave = convolution(channels + half, channels, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        kept, changed = self.enter(x).chunk(2, dim=1)
        return self.leave(torch.cat([kept, changed, changed + self.deep(changed)], dim=1))


class Detector(nn.Module):
    """Backbone, feature pyramid and one head per stride.

    `forward` takes [B, 3, size, size] RGB in 0..1 and returns what the losses need: boxes [B, A, 4] xyxy in
    input pixels and class logits [B, A, classes]. A is the number of cells of all strides.
    """

    anchors: Tensor  # [A, 2] cell centres in input pixels
    strides: Tensor  # [A, 1]

    def __init__(self, classes: int, size: int, widths: tuple[int, ...] = (16, 32, 48, 80, 96), neck: int = 64) -> None:
        super().__init__()
        stages = [convolution(3, widths[0], stride=2)]
        for inputs, outputs in pairwise(widths):
            stages.append(nn.Sequential(convolution(inputs, outputs, stride=2), SplitBlock(outputs)))
        self.stages = nn.ModuleList(stages)
        self.laterals = nn.ModuleList(convolution(width, neck, kernel=1) for width in widths[2:])
        self.merges = nn.ModuleList(separable(neck, neck) for _ in STRIDES)
        self.box_heads = nn.ModuleList(self._head(neck, 4, bias=1.0) for _ in STRIDES)
        self.class_heads = nn.ModuleList(self._head(neck, classes, bias=-4.6) for _ in STRIDES)
        anchors, strides = self._cells(size)
        self.register_buffer("anchors", anchors)
        self.register_buffer("strides", strides)

    @staticmethod
    def _head(neck: int, outputs: int, bias: float) -> nn.Sequential:
        last = nn.Conv2d(neck, outputs, 1)
        nn.init.constant_(last.bias, bias)
        return nn.Sequential(separable(neck, neck), last)

    @staticmethod
    def _cells(size: int) -> tuple[Tensor, Tensor]:
        anchors, strides = [], []
        for stride in STRIDES:
            centres = (torch.arange(size // stride) + 0.5) * stride
            y, x = torch.meshgrid(centres, centres, indexing="ij")
            anchors.append(torch.stack([x, y], dim=-1).reshape(-1, 2))
            strides.append(torch.full((len(anchors[-1]), 1), float(stride)))
        return torch.cat(anchors), torch.cat(strides)

    def _pyramid(self, images: Tensor) -> list[Tensor]:
        features = []
        for stage in self.stages:
            images = stage(images)
            features.append(images)
        levels: list[Tensor] = []
        for feature, lateral, merge in reversed(list(zip(features[2:], self.laterals, self.merges, strict=True))):
            level = lateral(feature)
            if levels:
                level = level + interpolate(levels[0], scale_factor=2.0, mode="nearest")
            levels.insert(0, merge(level))
        return levels

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        levels = self._pyramid(images)
        raw = [head(level).flatten(2) for head, level in zip(self.box_heads, levels, strict=True)]
        logits = [head(level).flatten(2) for head, level in zip(self.class_heads, levels, strict=True)]
        distances = softplus(torch.cat(raw, dim=2).transpose(1, 2)) * self.strides
        left_top, right_bottom = distances.chunk(2, dim=2)
        boxes = torch.cat([self.anchors - left_top, self.anchors + right_bottom], dim=2)
        return boxes, torch.cat(logits, dim=2).transpose(1, 2)


class Exported(nn.Module):
    """The detector with YOLOv8's output: [B, 4 + classes, A], boxes as centre and size, scores in 0..1."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, images: Tensor) -> Tensor:
        boxes, logits = self.detector(images)
        left_top, right_bottom = boxes.chunk(2, dim=2)
        rows = [(left_top + right_bottom) / 2, right_bottom - left_top, logits.sigmoid()]
        return torch.cat(rows, dim=2).transpose(1, 2)
