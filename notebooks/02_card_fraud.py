# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Card fraud, by the Python API
#
# Everything that `%edge` does is a Python call. This notebook finds fraud among card transactions with those calls, chooses
# the threshold that costs least, and publishes the pipeline, also the way a program without Python would: over REST.
#
# The names that begin with `ensure_` may be called again and again; each brings about what it says and changes nothing where
# that is so already. Below them lie the plain calls, such as `client.upload_model(...)`, `pipeline.deploy(...)` and
# `pipeline.publish(...)`, which make a new version every time.

# %%
from datetime import UTC, datetime

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow as pa
import requests

from jupyter_edge import Client, DeploymentConfigBuilder
from jupyter_edge.client import ModelWish, ensure_deployed, ensure_model, ensure_published, ensure_steps
from jupyter_edge.samples import path

client = Client()  # finds the engine, or starts it
client.set_current_workspace(client.get_workspace("card-fraud-api", create_if_not_exist=True));

# %% [markdown]
# ## The data
#
# A thousand made-up transactions, each 29 numbers that look like the principal components of real card data, and a label
# that says which are fraud. They are in an Arrow file, which keeps numbers as they are in memory: a third of the size of
# JSON, and nothing to parse.

# %%
transactions = pa.ipc.open_file(path("transactions.arrow")).read_all()
label = transactions["label"].to_numpy()
print(f"{transactions.num_rows} transactions, {label.sum()} of them fraud")
transactions.to_pandas().head()

# %% [markdown]
# ## Upload, and look inside
#
# The engine reads what the model takes and gives. `tensor_fields` names the columns of a request, in the order of the
# model's inputs.

# %%
model = ensure_model(client, ModelWish("ccfraud", path("ccfraud.onnx"), tensor_fields=["tensor"]))
schema = model.schema()
for side, specs in (("takes", schema.inputs), ("gives", schema.outputs)):
    for spec in specs:
        shape = " x ".join("rows" if size is None else str(size) for size in spec.shape)
        print(f"{side} {spec.name}: {spec.dtype}, {shape}")
model

# %% [markdown]
# ## Deploy
#
# The limits are those of the device where it is to run one day. What this machine can enforce is enforced, and the status
# says how.

# %%
small_device = DeploymentConfigBuilder().replica_count(1).cpus(0.5).memory("900Mi").build()
pipeline = ensure_steps(client, "card-fraud", [model])
ensure_deployed(pipeline, small_device)
print(*pipeline.status()["engines"][0]["details"], sep="\n")

# %% [markdown]
# ## Infer
#
# What goes in comes out: a table for a table, a DataFrame for a DataFrame. All thousand rows are one request.

# %%
answer = pipeline.infer(transactions.select(["tensor"]))
probability = np.array(answer["out.fraud_probability"].to_pylist())[:, 0]
print(type(answer).__name__, answer.num_rows, answer.column_names)

# %%
four = transactions.to_pandas().iloc[[49, 64, 0, 1]]
pipeline.infer(four, dataset=["time", "in.label", "out", "metadata.elapsed"])

# %% [markdown]
# Any program can ask, too: the deployment answers over HTTP, at an address of its own, whoever has the token.

# %%
headers = {**client.auth.auth_header(), "Content-Type": "application/vnd.apache.arrow.file"}
response = requests.post(pipeline.url(), data=path("transactions.arrow").read_bytes(), headers=headers, timeout=60)
rows = response.json()
over_http = np.array([row["out"]["fraud_probability"][0] for row in rows], dtype=np.float32)
print(f"HTTP {response.status_code}, {len(rows)} rows, same answers: {np.array_equal(over_http, probability)}")

# %% [markdown]
# ## Where to draw the line
#
# The model gives a probability; someone has to say from which one on a card is blocked. Suppose that a missed fraud costs 100
# and a false alarm costs 5, because someone has to make a call. Then the usual 0.5 is not the best choice.

# %%
MISSED, FALSE_ALARM = 100, 5
thresholds = np.arange(0.01, 1.0, 0.01)
missed = np.array([(label[probability < t] == 1).sum() for t in thresholds])
alarms = np.array([(label[probability >= t] == 0).sum() for t in thresholds])
cost = MISSED * missed + FALSE_ALARM * alarms
best = thresholds[cost.argmin()]

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
bins = np.linspace(0, 1, 26)
left.hist([probability[label == 0], probability[label == 1]], bins, stacked=True, label=["honest", "fraud"])
left.set(yscale="log", title="What the model says", xlabel="probability of fraud", ylabel="transactions")
left.axvline(best, color="gray", linestyle="--")
left.legend()
right.plot(thresholds, cost, label="all")
right.plot(thresholds, MISSED * missed, ":", label="missed fraud")
right.plot(thresholds, FALSE_ALARM * alarms, ":", label="false alarms")
right.axvline(best, color="gray", linestyle="--")
right.set(title="What it costs", xlabel="threshold", ylabel="cost", ylim=(0, 2 * cost.min()))
right.legend()
plt.show()

# %%
at = [best, 0.5]
pd.DataFrame(
    {
        "found": [((probability >= t) & (label == 1)).sum() for t in at],
        "missed": [((probability < t) & (label == 1)).sum() for t in at],
        "false alarms": [((probability >= t) & (label == 0)).sum() for t in at],
    },
    index=pd.Index([f"{t:.2f}" for t in at], name="threshold"),
).assign(cost=lambda table: MISSED * table["missed"] + FALSE_ALARM * table["false alarms"])

# %% [markdown]
# ## How fast is it?
#
# In a shop, transactions come one by one. The log says how long every answer took, so that nothing has to be measured on the
# side.

# %%
begin = datetime.now(UTC)
for number in range(200):
    pipeline.infer(transactions.slice(number, 1))
pipeline.latency(start_datetime=begin, end_datetime=datetime.now(UTC))

# %% [markdown]
# ## Publish
#
# The publish holds the pipeline's models by their digests. Whoever runs it needs one command, and nothing of this notebook:
# `docker_run_command()`, `compose()` and `helm_commands()` are for containers, `serve_command()` needs pip alone.

# %%
publish = ensure_published(pipeline, small_device)
print(publish.pipeline_url, end="\n\n")
print(publish.docker_run_command())

# %% [markdown]
# The same over REST, for a build server or another language: this is what `%edge` prints for it. Tokens are variables, so
# that none ends up in a notebook.

# %%
# %load_ext jupyter_edge
# %edge publish card-fraud --workspace card-fraud-api --show curl

# %% [markdown]
# A publish takes a moment, and REST answers at once; `get_publish_status` tells how far it is. This one is done.

# %%
status = requests.post(
    f"{client.api_endpoint}/v1/api/pipelines/get_publish_status",
    json={"id": publish.id},
    headers=client.auth.auth_header(),
    timeout=60,
).json()
{name: status[name] for name in ("id", "status", "pipeline_url", "engine_config")}

# %% [markdown]
# ## Tidy up
#
# The publish stays. [Edges and their log](04_edge_and_logs.ipynb) shows what runs it.

# %%
pipeline.undeploy();
