"""Pictures to tensors, YOLO outputs to boxes, boxes onto pictures."""

from __future__ import annotations

from jupyter_edge.vision.coco import COCO_NAMES
from jupyter_edge.vision.detections import Detections
from jupyter_edge.vision.drawing import draw_boxes
from jupyter_edge.vision.images import read_image, to_png
from jupyter_edge.vision.tensors import ImageTensor, image_to_tensor
from jupyter_edge.vision.yolo import decode_yolo

__all__ = [
    "COCO_NAMES",
    "Detections",
    "ImageTensor",
    "decode_yolo",
    "draw_boxes",
    "image_to_tensor",
    "read_image",
    "to_png",
]
