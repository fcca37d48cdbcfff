# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Object detection: from a picture to boxes on it
#
# A detector takes a picture as numbers and returns more numbers. This notebook goes the whole way: picture, tensor, model,
# boxes, and the picture again with the boxes on it. The model is a small one that comes with the package: it finds circles,
# squares, triangles, stars and hearts, and its output is laid out as that of YOLOv8. Models of YOLOv5, v8, v11 and YOLOX are
# used in the same way.

# %%
import json

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Image

from jupyter_edge import Client, DeploymentConfigBuilder
from jupyter_edge.client import ModelWish, ensure_deployed, ensure_model, ensure_steps, picture_rows, picture_tensor
from jupyter_edge.samples import path
from jupyter_edge.vision import decode_yolo, image_to_tensor

client = Client()
client.set_current_workspace(client.get_workspace("object-detection", create_if_not_exist=True))
picture = path("shapes.png")
Image(picture)

# %% [markdown]
# ## Deploy the detector
#
# `batch_config="single"` says that a request holds one picture. The names of the classes are in the metadata of the model's
# file, so nobody has to keep a list of them beside it.

# %%
wish = ModelWish("shapes", path("shapes.onnx"), tensor_fields=["images"], batch_config="single")
detector = ensure_model(client, wish)
pipeline = ensure_steps(client, "shapes", [detector])
ensure_deployed(pipeline, DeploymentConfigBuilder().cpus(1).memory("900Mi").build())
names = detector.class_names()
names

# %% [markdown]
# ## Picture to tensor
#
# The model wants 256 x 256 pixels, red, green and blue as three planes, numbers from 0 to 1. `image_to_tensor` makes that of
# a file, of bytes, of a PIL picture or of an array, and keeps what is needed to find the way back.
#
# A picture is not square, the model's input is. It can be stretched, or fitted in with a border, the *letterbox*. What was
# used in training is best; boxes find their way back from both.

# %%
stretched = image_to_tensor(picture, size=(256, 256))
boxed = image_to_tensor(picture, size=(256, 256), fit="letterbox")

figure, all_axes = plt.subplots(1, 2, figsize=(7, 3.6), layout="constrained")
for axes, tensor, title in zip(all_axes, (stretched, boxed), ("stretch", "letterbox"), strict=True):
    axes.imshow(tensor.tensor[0].transpose(1, 2, 0))
    axes.set_title(title)
    axes.axis("off")
plt.show()
stretched

# %% [markdown]
# A tensor is large as JSON, because every number is written out. As Arrow it travels as it is in memory.

# %%
as_arrow = stretched.to_arrow("images")
as_json = stretched.to_frame("images").to_json(orient="records")
print(f"Arrow {as_arrow.nbytes / 1e6:.2f} MB, JSON {len(as_json) / 1e6:.2f} MB")

# %% [markdown]
# ## Infer
#
# One row goes in, one row comes out: for each of 1344 places in the picture nine numbers, four for a box and one for each
# class, how much it looks like it.

# %%
answer = pipeline.infer(as_arrow)
output = np.array(answer["out.output0"][0].as_py(), np.float32).reshape(1, 4 + len(names), -1)
output.shape

# %% [markdown]
# ## Numbers to boxes
#
# `decode_yolo` keeps what is sure enough (`confidence`), drops what says the same again (`iou` is the overlap from which two
# boxes of a class count as one), and gives boxes in pixels of *your* picture.

# %%
detections = decode_yolo(output, stretched, confidence=0.5, iou=0.45, names=names)
detections

# %%
detections.draw(picture)

# %% [markdown]
# Boxes are plain numbers: filter them like an array, or take them as a DataFrame.

# %%
detections[detections.confidence > 0.85].to_pandas()

# %% [markdown]
# ## Is it right?
#
# The picture was drawn by a program, so the truth is known. The overlap of a true box and a found one is the area that they
# share, as a part of the area that they cover together: 1 is perfect.

# %%
def overlap(a, b):
    """Return the intersection over union of two boxes (left, top, right, bottom)."""
    sides = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)
    shared = sides.prod()
    return shared / (np.prod(np.subtract(a[2:], a[:2])) + np.prod(np.subtract(b[2:], b[:2])) - shared)


rows = []
for true in json.loads(path("shapes.json").read_text()):
    box = np.array(true["box"])
    best = max(detections, key=lambda found: overlap(box, found.xyxy[0]))
    rows.append({"drawn": true["class"], "found": best.class_name[0], "overlap": round(overlap(box, best.xyxy[0]), 2)})
pd.DataFrame(rows)

# %% [markdown]
# ## Try other thresholds
#
# How sure is sure enough? Move the sliders: they act in the browser, without asking the model again. Arrow keys move a
# slider that has the focus; click a class to hide it. `view.detections` is what the sliders leave: move one, and run the cell
# below again.

# %%
from jupyter_edge.widgets import DetectionView

view = DetectionView(picture, output, stretched, names=names, confidence=0.3)
view

# %%
view.detections

# %% [markdown]
# The same for a report, where nothing can be moved. Without suppression, one object is found many times over.

# %%
choices = {"nothing dropped": (0.5, 1.0), "confidence 50 %": (0.5, 0.45), "confidence 85 %": (0.85, 0.45)}
figure, all_axes = plt.subplots(1, 3, figsize=(12, 3.3), layout="constrained")
for axes, (title, (confidence, iou)) in zip(all_axes, choices.items(), strict=True):
    found = decode_yolo(output, stretched, confidence=confidence, iou=iou, names=names)
    axes.imshow(np.asarray(found.draw(picture)))
    axes.set_title(f"{title}: {len(found)} boxes")
    axes.axis("off")
plt.show()

# %% [markdown]
# ## Your own picture
#
# All of it as one function. `picture_tensor` asks the model for the size, so that any picture of any kind will do, also one
# that the camera turned. To try your own, drop it on the file browser and put its name here: a sheet of paper with drawn
# shapes, for instance.

# %%
def detect(picture):
    """Return a picture with what the pipeline finds in it."""
    tensor = picture_tensor(detector, picture, fit="letterbox")
    answer = pipeline.infer(picture_rows(detector, tensor))
    return decode_yolo(answer["out.output0"][0].as_py(), tensor, names=names).draw(picture)


detect(picture)

# %% [markdown]
# ## Tidy up
#
# A row of the log keeps its outputs always, its input up to 1 MiB: this picture's 0.8 MB are in it.

# %%
pipeline.undeploy();
