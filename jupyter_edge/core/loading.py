"""What surrounds the loading of a server: it begins before all other imports, and ends when the server is ready."""

from __future__ import annotations

import gc
import os


def begin_loading() -> None:
    """Import without two things that only cost time: threads for matrices, and the search for garbage.

    numpy's OpenBLAS starts a thread for each core but one, which spin for some 100 ms and have nothing to do here
    later. What modules make stays, so that looking through it again and again, as it grows, finds next to nothing.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.disable()


def end_loading() -> None:
    """Have the garbage collector pass over all that is there now, and do its work from now on.

    None of it goes before the process does, and to look through it stops all requests for some 15 ms each time.
    """
    gc.freeze()
    gc.enable()
