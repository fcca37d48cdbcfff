# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Edges and their log
#
# A pipeline runs in several places at once: here, and on edges that fetched it. All of them send their rows to one log. This
# notebook declares a pipeline with two edges, runs them as processes beside it, and then asks the log who answered what, and
# how fast.

# %%
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa

from jupyter_edge.samples import path

# %load_ext jupyter_edge
# %edge workspace edges-and-log

model_file = path("ccfraud.onnx")
folder = Path(tempfile.mkdtemp())
declaration = folder / "card-fraud.yaml"

# %% [markdown]
# ## A whole pipeline in one file
#
# A declaration says what there is to be. It stands in a file here, to be kept with the code; `%%edge pipeline card-fraud` takes
# the same text as a cell. A value such as `$model_file` is a variable of the notebook.

# %%
# %%writefile {declaration}
steps:
  - model: ccfraud
    file: $model_file
    tensor_fields: [tensor]
deployment: {cpus: 0.5, memory: 900Mi}
publish: {cpus: 0.5, memory: 512Mi}
edges:
  - name: berlin
    tags: [shop, north]
  - name: madrid
    tags: [shop, south]

# %% [markdown]
# `--dry-run` shows what it would do: `+` is made, `~` is changed, `=` stays.

# %%
# %edge pipeline card-fraud --file {declaration} --dry-run

# %% [markdown]
# Without `--dry-run` it is done. Apply it again, and nothing is left to do; change a line, and only that is.

# %%
# %edge pipeline card-fraud --file {declaration}

# %% [markdown]
# ## What was published
#
# The registry now holds the pipeline's models, a helm chart, and what an edge needs to check them. Both edges are registered
# for it.

# %%
# %edge publish card-fraud -o publish
publish.diagram()

# %% [markdown]
# What starts it elsewhere is shown by `--show docker`, `podman`, `compose` or `helm`. Without a *bundle*, a secret that lets one
# edge join once, such an edge answers and sends nothing home; `%edge edge add` makes bundles.

# %%
# %edge publish card-fraud --show docker

# %% [markdown]
# ## Run two edges
#
# `serve` starts an edge beside the notebook, with all that a real one does: it pulls, checks digests, joins, answers on its
# own port, and keeps its log until the engine has it.

# %%
# %edge serve card-fraud --as berlin -o berlin
# %edge serve card-fraud --as madrid -o madrid
# %edge serve

# %% [markdown]
# Now customers pay, in three places: most in Berlin, some in Madrid, a few through the engine.

# %%
# %edge pipeline card-fraud -o pipeline
transactions = pa.ipc.open_file(path("transactions.arrow")).read_all().select(["tensor"])


def pay(*places):
    """Send transactions to each place: 400 to the first, 200 to the second, 140 to the third."""
    for number in range(20):
        for share, place in enumerate(places, start=1):
            if number % share == 0:
                place.infer(transactions.slice(20 * number, 20))
        time.sleep(0.05)


opening = datetime.now(UTC)
pay(berlin, madrid, pipeline)

# %% [markdown]
# ## An edge stops and comes back
#
# Berlin is switched off: it sends what is left of its log and ends. The others go on. Switched on again it needs no bundle and
# no download: its folder keeps who it is, and the models.
#
# An edge that merely loses its network answers all the same. It keeps the rows and sends them later, with the time of the
# answer; each row arrives once.

# %%
# %edge serve --stop berlin
pay(madrid, pipeline)
# %edge serve card-fraud --as berlin -o berlin
pay(berlin, madrid, pipeline)

# %% [markdown]
# Closing time. What an edge has not sent yet, it sends now.

# %%
berlin.stop()
madrid.stop()
# %edge edge list card-fraud

# %% [markdown]
# ## Ask the log
#
# `logs` gives the newest rows of all places. `metadata.partition` says who answered: an edge by its name, the engine by one
# that is new with each deployment.

# %%
# %edge logs card-fraud --limit 100000 --dataset time,out,metadata.partition,metadata.elapsed -o log
log.head()

# %%
log["probability"] = log["out.fraud_probability"].str[0]
log["answered by"] = log["metadata.partition"].where(log["metadata.partition"].isin(["berlin", "madrid"]), "engine")
log.groupby("answered by")["probability"].agg(
    rows="size", flagged=lambda values: (values > 0.5).sum(), median="median", highest="max"
)

# %% [markdown]
# ## See it
#
# How long did the answers take? Time is counted from the input's bytes to the output, without the way over the network.

# %%
pipeline.latency()

# %%
pipeline.latency().percentiles().round(2)

# %% [markdown]
# How much was asked since the shops opened, and when? Berlin is missing where it was switched off.

# %%
pipeline.plot_logs(start_datetime=opening, end_datetime=datetime.now(UTC))

# %% [markdown]
# ## Look around in it
#
# The explorer turns the pages of a log of any length: filter by place and time, choose columns, see how a column is spread,
# and export what you see.

# %%
pipeline.explore_logs(page_rows=10)

# %% [markdown]
# ## Take it along
#
# An export is a plain file, of as many rows as there are: JSON Lines, or Arrow with `--arrow`.

# %%
# %edge export card-fraud --directory {folder} --dataset time,out,metadata.partition

# %%
exported = pd.read_json(folder / "card-fraud-1.json", lines=True)
len(exported) == len(log)

# %% [markdown]
# ## Tidy up
#
# Both edges stay registered, and so do their rows in the log. `%edge edge remove berlin` would void its credential.

# %%
# %edge undeploy card-fraud --quiet
# %edge status
