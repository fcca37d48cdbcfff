"""The tutorials' helper that turns a tensor into a DataFrame."""  # noqa: N999

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd


class Util:
    """Conversions between tensors and what a pipeline takes."""

    def convert_data(self, tensor: npt.ArrayLike, column: str) -> pd.DataFrame:
        """Return a DataFrame of one row: in ``column``, the ``tensor`` as nested lists, ready for ``to_json``."""
        import pandas as pd

        return pd.DataFrame({column: [np.asarray(tensor).tolist()]})
