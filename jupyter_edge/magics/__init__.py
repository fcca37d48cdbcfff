"""`%edge` and `%%edge`: verbs that each are one call of the Python API, from a table that also makes the commands.

Nothing here loads the client, pandas or pyarrow before a verb that needs them runs.
"""

from __future__ import annotations
