"""Ask the C library to keep the memory that large tensors free."""

from __future__ import annotations

import ctypes
import os
import sys

__all__ = ["OPT_OUT", "tune_allocator"]

OPT_OUT = "SPIKEPROOF_ALLOCATOR"
"""Environment variable that leaves the allocator alone where it is ``system``."""
# Numbers of glibc's malloc.h.
_TRIM, _MMAP = -1, -3
_MOST = (1 << 31) - 1


def tune_allocator() -> bool:
    """Let this process keep freed memory for its next tensors; return whether it now does.

    glibc hands large blocks back to the system and faults them in again, page by page, at the next
    step: a good part of the time of a small network. Kept, they change no number; the process stays
    as large as it was at its peak. The same as ``MALLOC_TRIM_THRESHOLD_`` and
    ``MALLOC_MMAP_THRESHOLD_`` in the environment, and nothing where one of these is set, where
    ``SPIKEPROOF_ALLOCATOR`` is ``system``, or where there is no glibc. It holds until the process
    ends, so the command line and the workers of a study do it, an import of the package never does.

    Example:
        >>> tune_allocator() in (True, False)
        True
    """
    if not sys.platform.startswith("linux") or os.environ.get(OPT_OUT) == "system":
        return False
    if {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"} & set(os.environ):
        return True
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    # Older versions refuse a threshold above 32 MiB; larger blocks are then handed back as ever.
    kept = library.mallopt(_MMAP, 1 << 30) or library.mallopt(_MMAP, 1 << 25)
    return bool(kept and library.mallopt(_TRIM, _MOST))
