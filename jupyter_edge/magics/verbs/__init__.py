"""The table of verbs, in the order in which a story uses them."""

from __future__ import annotations

from jupyter_edge.magics.table import Verb
from jupyter_edge.magics.verbs.engine import ENGINE_VERBS, JOB_VERBS
from jupyter_edge.magics.verbs.inference import INFERENCE_VERBS, LOG_VERBS
from jupyter_edge.magics.verbs.models import MODEL_VERBS
from jupyter_edge.magics.verbs.pipelines import PIPELINE_VERBS
from jupyter_edge.magics.verbs.publishing import PUBLISH_VERBS

VERBS: tuple[Verb, ...] = (
    *ENGINE_VERBS,
    *MODEL_VERBS,
    *PIPELINE_VERBS,
    *INFERENCE_VERBS,
    *PUBLISH_VERBS,
    *LOG_VERBS,
    *JOB_VERBS,
)

__all__ = ["VERBS"]
