"""Make the detector samples: shapes.onnx, shapes.png and shapes.json."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
from shapes_evaluation import SAMPLES, report
from shapes_network import STRIDES, Detector, Exported
from shapes_pictures import CLASSES, draw_picture
from shapes_training import train

SIZE = 256
STEPS = 2400
OPSET = 17
IR_VERSION = 8
DEMO_SEED = (3, 82)  # chosen by eye among pictures with all classes in which everything is found
DEMO_WIDTH, DEMO_HEIGHT = 640, 480


def export(detector: Detector, path: Path) -> None:
    """Write the detector with YOLOv8's output layout and the metadata that ultralytics writes."""
    images = torch.zeros(1, 3, SIZE, SIZE)
    torch.onnx.export(
        Exported(detector).eval(),
        (images,),
        str(path),
        input_names=["images"],
        output_names=["output0"],
        opset_version=OPSET,
        dynamo=False,
    )
    model = onnx.load(path)
    model.ir_version = IR_VERSION
    metadata = {
        "description": "jupyter_edge sample: a detector of drawn shapes",
        "license": "Apache-2.0",
        "task": "detect",
        "batch": "1",
        "stride": str(max(STRIDES)),
        "imgsz": str([SIZE, SIZE]),
        "names": str(dict(enumerate(CLASSES))),
    }
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def write_demo_picture(folder: Path) -> None:
    """Draw the demo picture, shapes.png, and write what it shows to shapes.json."""
    rng = np.random.default_rng(DEMO_SEED)
    picture = draw_picture(rng, DEMO_WIDTH, DEMO_HEIGHT, fewest=8, noise=1.0)  # noise does not compress
    cv2.imwrite(str(folder / "shapes.png"), picture.pixels[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    objects = [
        {"class": CLASSES[kind], "box": [round(float(v), 1) for v in box]}
        for kind, box in zip(picture.classes, picture.boxes, strict=True)
    ]
    lines = ",\n".join("  " + json.dumps(shape) for shape in objects)
    (folder / "shapes.json").write_text(f"[\n{lines}\n]\n")


def main() -> None:
    """Draw the demo picture, train and export the detector, and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=SAMPLES, help="folder to write to")
    parser.add_argument("--steps", type=int, default=STEPS, help="training steps; 0 draws the demo picture only")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    write_demo_picture(arguments.out)
    if arguments.steps:
        export(train(arguments.steps, SIZE), arguments.out / "shapes.onnx")
        report(arguments.out / "shapes.onnx")


if __name__ == "__main__":
    main()
