# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A tour of the panels
#
# Everything in this package can be clicked. A panel is a form on the engine's state: two panels that show the same thing
# agree, and what your code does shows in them, and the other way round. Run the cells, then play with the panels.
#
# Panels need a running kernel. On GitHub, or in a report, each leaves a table or a picture in its place.

# %%
from jupyter_edge import Client, DeploymentConfigBuilder
from jupyter_edge.client import ModelWish, ensure_deployed, ensure_edge, ensure_model, ensure_published, ensure_steps
from jupyter_edge.samples import path

client = Client()
client.set_current_workspace(client.get_workspace("widgets-tour", create_if_not_exist=True));

# %% [markdown]
# ## Upload a model
#
# Drop an ONNX file on the panel, or give the path of one beside this notebook. Below are the inputs that the model's file
# tells of, and the columns of a request that feed them. The next cell uploads a sample model, so that there is something to
# see; a moment later it is in the panel, too.

# %%
from jupyter_edge.widgets import UploadPanel

UploadPanel(client)

# %%
model = ensure_model(client, ModelWish("ccfraud", path("ccfraud.onnx"), tensor_fields=["tensor"]))
model.name(), model.tensor_fields()

# %% [markdown]
# ## Build, deploy, try
#
# Choose the steps of a pipeline and its limits, deploy it, and watch its state. **Infer** sends the row in the form; the small
# chart shows how long the last answers took. Most objects have a panel of their own: `pipeline.panel()` opens at this
# pipeline, as `PipelinePanel(client)` would let you choose.

# %%
pipeline = ensure_steps(client, "card-fraud", [model])
small_device = DeploymentConfigBuilder().cpus(0.5).memory("900Mi").build()
ensure_deployed(pipeline, small_device)
answer = pipeline.infer_from_file(path("transactions.arrow"))
pipeline.panel()

# %% [markdown]
# ## Publish
#
# **Publish** pushes the newest steps to the registry. Below are the addresses of what was pushed, and the command that runs
# it: with pip alone, docker, compose or helm.

# %%
publish = ensure_published(pipeline, small_device)
publish.panel()

# %% [markdown]
# ## Register edges
#
# An edge gets a name, tags, and a bundle: a secret that is shown once and works once. The table says when each was last heard
# of, and how many rows it sent.

# %%
edge = ensure_edge(pipeline, "kiosk", ["tour"]).edge
edge.panel()

# %% [markdown]
# ## Explore the log
#
# A page at a time, however long the log is. Choose who answered, a range of time, columns; the bars show how the values of a
# column are spread. **Export** writes what you see to files.

# %%
pipeline.explore_logs(page_rows=8)

# %% [markdown]
# ## Watch work
#
# What takes long is a job of the engine. Its bar has a Cancel button, which acts while a cell runs, too; an interrupt of the
# kernel cancels what a cell waits for.

# %%
client.jobs()[0].panel()

# %% [markdown]
# ## Look at detections
#
# The sliders act in the browser: how sure a box must be, how much two boxes may overlap. Click a class to hide it, zoom with
# the buttons or the keys. The model runs here once; the rest of [object detection](03_object_detection.ipynb) is in a notebook
# of its own.

# %%
from jupyter_edge.vision import image_to_tensor
from jupyter_edge.widgets import DetectionView

wish = ModelWish("shapes", path("shapes.onnx"), tensor_fields=["images"], batch_config="single")
detector = ensure_model(client, wish)
shapes = ensure_deployed(ensure_steps(client, "shapes", [detector]))
image = image_to_tensor(path("shapes.png"), size=(256, 256))
output = shapes.infer(image.to_arrow("images"))["out.output0"][0].as_py()
shapes.undeploy()
DetectionView(path("shapes.png"), output, image, names=detector.class_names())

# %% [markdown]
# ## All in one
#
# `client.panel()` has all panels in tabs, for a workspace of your choice. It is a whole small application: with Voila
# (`voila notebook.ipynb`) it is a page of its own, without any code.

# %%
client.panel()

# %% [markdown]
# ## Tidy up
#
# The panels stay alive: after this cell, the pipeline above is *Undeployed*, and can be deployed again there.

# %%
pipeline.undeploy();
