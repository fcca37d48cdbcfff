"""Which cells answer for which object (task-aligned assignment, Feng et al. 2021), and the losses."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, one_hot

CANDIDATES = 10
SCORE_POWER, OVERLAP_POWER = 0.5, 6.0
BOX_WEIGHT = 5.0
EPSILON = 1e-9


class Truth(NamedTuple):
    """What a batch of pictures shows, padded to M objects: boxes [B, M, 4] xyxy, classes and presence [B, M]."""

    boxes: Tensor
    classes: Tensor
    present: Tensor


def intersection_over_union(first: Tensor, second: Tensor) -> Tensor:
    """Return the overlap of xyxy boxes, broadcast over all dimensions but the last."""
    sides = torch.minimum(first[..., 2:], second[..., 2:]) - torch.maximum(first[..., :2], second[..., :2])
    shared = sides.clamp(min=0).prod(-1)
    areas = [(boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1) for boxes in (first, second)]
    return shared / (areas[0] + areas[1] - shared + EPSILON)


def distance_penalty(first: Tensor, second: Tensor) -> Tensor:
    """Return the squared distance of box centres over that of the corners of their common hull (DIoU)."""
    hull = torch.maximum(first[..., 2:], second[..., 2:]) - torch.minimum(first[..., :2], second[..., :2])
    apart = (first[..., :2] + first[..., 2:] - second[..., :2] - second[..., 2:]) / 2
    return apart.square().sum(-1) / (hull.square().sum(-1) + EPSILON)


@torch.no_grad()
def assign(boxes: Tensor, scores: Tensor, anchors: Tensor, truth: Truth) -> tuple[Tensor, Tensor]:
    """Return for each cell the object it answers for [B, A] and with what weight [B, A], 0 for none.

    boxes [B, A, 4], scores [B, A, C] in 0..1, anchors [A, 2].
    """
    left_top = anchors - truth.boxes[:, :, None, :2]
    right_bottom = truth.boxes[:, :, None, 2:] - anchors
    inside = (torch.cat([left_top, right_bottom], dim=-1).amin(-1) > 0) & truth.present[..., None]
    overlap = intersection_over_union(truth.boxes[:, :, None], boxes[:, None])
    index = truth.classes[:, None, :].expand(-1, len(anchors), -1)
    alignment = scores.gather(2, index).transpose(1, 2) ** SCORE_POWER * overlap**OVERLAP_POWER * inside
    candidate = inside & (alignment >= alignment.topk(CANDIDATES, dim=-1).values[..., -1:])

    owner = torch.where(candidate, overlap, -1.0).argmax(dim=1)
    owned = candidate & one_hot(owner, truth.boxes.shape[1]).transpose(1, 2).bool()
    alignment, overlap = alignment * owned, overlap * owned
    scale = overlap.amax(-1, keepdim=True) / (alignment.amax(-1, keepdim=True) + EPSILON)
    return owner, (alignment * scale).amax(dim=1)


def detection_loss(boxes: Tensor, logits: Tensor, anchors: Tensor, truth: Truth) -> Tensor:
    """Return the sum of class loss (cross entropy) and box loss (DIoU) per unit of assigned weight."""
    owner, weight = assign(boxes.detach(), logits.detach().sigmoid(), anchors, truth)
    classes = one_hot(truth.classes.gather(1, owner), logits.shape[2]) * weight[..., None]
    total = weight.sum().clamp(min=1)
    class_loss = binary_cross_entropy_with_logits(logits, classes, reduction="sum") / total

    taken = weight > 0
    target = truth.boxes.gather(1, owner[..., None].expand(-1, -1, 4))[taken]
    distance = 1 - intersection_over_union(boxes[taken], target) + distance_penalty(boxes[taken], target)
    return class_loss + BOX_WEIGHT * (distance * weight[taken]).sum() / total
