"""Train the detector on pictures drawn while it trains."""

from __future__ import annotations

import time
from collections.abc import Iterator

import cv2
import numpy as np
import torch
from shapes_loss import Truth, detection_loss
from shapes_network import Detector
from shapes_pictures import CLASSES, MAX_OBJECTS, draw_example
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

BATCH = 16
TRAINING_SEED = 1
PEAK_RATE = 3e-3

Example = tuple[Tensor, Tensor, Tensor, Tensor]


class Drawings(Dataset[Example]):
    """Training pictures by number: pixels [3, size, size] uint8, boxes, classes and presence of MAX_OBJECTS."""

    def __init__(self, count: int, size: int) -> None:
        self.count, self.size = count, size

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Example:
        picture = draw_example((TRAINING_SEED, number), self.size)
        found = len(picture.classes)
        boxes, classes = np.zeros((MAX_OBJECTS, 4), np.float32), np.zeros(MAX_OBJECTS, np.int64)
        boxes[:found], classes[:found] = picture.boxes, picture.classes
        pixels = torch.from_numpy(picture.pixels).permute(2, 0, 1)
        return pixels, torch.from_numpy(boxes), torch.from_numpy(classes), torch.arange(MAX_OBJECTS) < found


def batches(steps: int, size: int) -> Iterator[tuple[Tensor, Truth]]:
    """Yield `steps` batches; every second one is the one before, mirrored and with its colours exchanged."""
    drawings = Drawings((steps + 1) // 2 * BATCH, size)
    loader = DataLoader(drawings, BATCH, num_workers=1, worker_init_fn=lambda _: cv2.setNumThreads(1))
    for pixels, boxes, classes, present in loader:
        images = (pixels.float() / 255).to(memory_format=torch.channels_last)
        yield images, Truth(boxes, classes, present)
        left, top, right, bottom = boxes.unbind(-1)
        mirrored = torch.stack([size - right, top, size - left, bottom], dim=-1)
        yield images.flip(3).roll(1, dims=1), Truth(mirrored, classes, present)


def train(steps: int, size: int) -> Detector:
    """Return a detector trained for some steps of BATCH pictures, in evaluation mode."""
    torch.manual_seed(0)
    detector = Detector(len(CLASSES), size).to(memory_format=torch.channels_last)
    weights = [parameter for parameter in detector.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in detector.parameters() if parameter.ndim == 1]
    optimizer = torch.optim.AdamW([{"params": weights, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps, pct_start=0.1)
    begun, mean_loss = time.monotonic(), 0.0
    for step, (images, truth) in zip(range(1, steps + 1), batches(steps, size), strict=False):
        boxes, logits = detector(images)
        loss = detection_loss(boxes, logits, detector.anchors, truth)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(detector.parameters(), 10.0)
        optimizer.step()
        schedule.step()
        mean_loss = loss.item() if step == 1 else 0.98 * mean_loss + 0.02 * loss.item()
        if step % 100 == 0:
            print(f"step {step}/{steps}, {time.monotonic() - begun:.0f} s, loss {mean_loss:.3f}", flush=True)
    return detector.eval()
