"""Pictures drawn for the tests: every one can be checked pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from jupyter_edge.vision.images import Picture


@pytest.fixture
def quarters() -> Picture:
    """Red, green / blue, white: 60 wide, 40 high, so that order of channels and every turn show."""
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:20, :30] = (255, 0, 0)
    picture[:20, 30:] = (0, 255, 0)
    picture[20:, :30] = (0, 0, 255)
    picture[20:, 30:] = (255, 255, 255)
    return picture
