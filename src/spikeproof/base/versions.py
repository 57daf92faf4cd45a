"""The software that computes numbers."""

from __future__ import annotations

import sys

import numpy as np

__all__ = ["versions"]


def versions() -> dict[str, str]:
    """Return the versions of this package, torch, numpy, and Python's minor version.

    Example:
        >>> sorted(versions())
        ['numpy', 'python', 'spikeproof', 'torch']
    """
    import torch  # takes seconds, and whoever imports this module may never ask

    package = sys.modules[__name__.split(".")[0]]
    return {
        "numpy": np.__version__,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "spikeproof": str(package.__version__),
        "torch": str(torch.__version__),
    }
