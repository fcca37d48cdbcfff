# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Quickstart: from a model to an edge, and back
#
# You have a model. It is to answer in a shop, on a small machine that is not always online, and you want to know what it
# answered. This notebook does all of that in five minutes, on this machine: no cluster, no account, no internet.
#
# ```mermaid
# flowchart LR
#   model(ONNX model) -- upload --> pipeline(pipeline)
#   pipeline -- deploy --> engine(answers here)
#   pipeline -- publish --> registry(registry)
#   registry -- serve --> edge(answers at the edge)
#   engine -- rows --> log(one log)
#   edge -- rows --> log
# ```
#
# Run the cells one by one with **Shift+Enter**. You may run them again whenever you like: `%edge` does only what is not
# done yet.

# %% [markdown]
# ## Start
#
# The engine is one process beside your notebook. It keeps models, runs pipelines and collects the log, and it goes on when
# you close the notebook. A workspace keeps what you do here apart from other work.

# %%
# %load_ext jupyter_edge
# %edge workspace quickstart
# %edge status

# %% [markdown]
# ## 1. Upload a model
#
# The package brings a small model that tells honest card transactions from fraud, and a thousand transactions that it never
# saw. `--fields` names the columns of a request. Words in braces are Python, as in every magic.

# %%
from jupyter_edge.samples import path

# %edge upload ccfraud {path("ccfraud.onnx")} --fields tensor

# %% [markdown]
# ## 2. Deploy a pipeline
#
# A pipeline is one model or several, one after the other. It runs under the limits of the machine that you have in mind:
# here half a CPU and 900 MiB of memory.

# %%
# %edge pipeline card-fraud ccfraud
# %edge deploy card-fraud --cpus 0.5 --memory 900Mi

# %% [markdown]
# ## 3. Ask it
#
# One transaction is 29 numbers. The answer is the probability that it is fraud, and this one clearly is.

# %%
# %%edge infer card-fraud
[{"tensor": [-0.37, 5.92, -0.18, 4.34, -1.7, 1.21, 0.5, -1.51, 2.17, -1.68, 1.88, -1.77, -0.68, -0.19, 0.7,
             -0.01, -0.2, 0.1, 0.03, 0.26, 0.01, -0.61, 0.05, -0.24, 0.12, 0.28, 0.17, 0.08, 3.76]}]

# %% [markdown]
# A DataFrame goes in by its name, and `-o` puts the answer into a variable. The model does not know the column `label`: it
# comes back as it went in, so that every answer stands beside the truth.

# %%
import pyarrow as pa

transactions = pa.ipc.open_file(path("transactions.arrow")).read_all().to_pandas()
# %edge infer card-fraud transactions -o answers
answers.head()

# %% [markdown]
# How good is it? Say that 0.5 and more is fraud.

# %%
import pandas as pd

truth = answers["in.label"].map({0: "honest", 1: "fraud"}).rename("transaction")
flagged = answers["out.fraud_probability"].str[0].gt(0.5).map({True: "flagged", False: "passed"}).rename("model")
pd.crosstab(truth, flagged)

# %% [markdown]
# It finds 30 of 39 frauds and troubles 5 honest customers; [the next notebook](02_card_fraud.ipynb) does better.
#
# Whoever has no notebook asks the same over HTTP. Every verb shows its twin: `--show curl`, `--show python`, and for what is
# published `--show docker`, `compose` and `helm`.

# %%
# %edge infer card-fraud {path("transactions.arrow")} --show curl

# %% [markdown]
# **When something is wrong**, one line says what, and what to do next. It would also stop *Run All*, but this cell is marked
# as one that fails.

# %% tags=["raises-exception"]
# %edge deploy card-frawd

# %% [markdown]
# ## 4. Publish it, and run it on an edge
#
# A publish puts the pipeline, its models and a helm chart into a registry, where edges fetch it. Each part has its digest: an
# edge refuses what was changed on the way.

# %%
# %edge publish card-fraud --cpus 0.5 --memory 900Mi -o publish
publish.diagram()

# %% [markdown]
# An edge is any machine. `serve` runs one beside this notebook, so that you see the whole way: it registers the edge
# `shop-7`, fetches what was published, checks it, and answers on a port of its own.

# %%
# %edge serve card-fraud --as shop-7

# %%
# %edge infer card-fraud transactions --at shop-7 -o answers_of_the_edge
difference = answers_of_the_edge["out.fraud_probability"].str[0] - answers["out.fraud_probability"].str[0]
print(f"{len(difference)} answers, the largest difference is {difference.abs().max():.6f}")

# %% [markdown]
# The edge says what the engine says. It sends its log home by itself, a little later than it answers; when it is stopped, it
# first sends what is left.

# %%
# %edge serve --stop shop-7

# %% [markdown]
# ## 5. One log for all places
#
# Every row is in the pipeline's log, once. `metadata.partition` says who answered: the engine's name is new with every
# deployment, an edge keeps its own.

# %%
# %edge logs card-fraud --limit 100000 --dataset time,out,metadata.partition,metadata.elapsed -o log
log["metadata.partition"].value_counts()

# %%
log.head()

# %% [markdown]
# ## Tidy up
#
# What is published stays so, and so does the log. `%edge down` would also stop the engine.

# %%
# %edge undeploy card-fraud --quiet
# %edge status

# %% [markdown]
# ## Where to go from here
#
# | notebook | what it shows |
# | --- | --- |
# | [Card fraud by the Python API](02_card_fraud.ipynb) | the same as Python calls and over REST; where to draw the line between fraud and honest |
# | [Object detection](03_object_detection.ipynb) | from a picture to boxes on it |
# | [Edges and their log](04_edge_and_logs.ipynb) | several edges, a whole pipeline in YAML, charts of the log |
# | [A tour of the panels](05_widgets_tour.ipynb) | all of it by clicking |
#
# `%edge help` lists all verbs, `%edge help deploy` tells all about one, and the Tab key completes verbs, names and files.
