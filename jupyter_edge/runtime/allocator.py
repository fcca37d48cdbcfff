"""How memory is kept: glibc's malloc keeps the large buffers of requests."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h
_LARGEST_KEPT = 32 << 20  # the most that M_MMAP_THRESHOLD may be
_KEPT_FREE = 128 << 20


def keep_large_buffers() -> None:
    """Have freed buffers of up to 32 MiB kept for the next request, where malloc is glibc's.

    By default each goes back to the kernel, which gives the next one page by page: that costs an image request a tenth
    of its time, and the log's writer most of it. All threads share one arena: with one each, what one has freed is not
    there for the others, and memory goes on growing under a load of large requests. To be called before threads start.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_FREE)
