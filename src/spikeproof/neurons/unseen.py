"""A scope in which spiking layers run unseen by modes of torch functions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

import torch

__all__ = ["layers_unseen", "unseen"]

_unseen: ContextVar[bool] = ContextVar("spikeproof_unseen", default=False)


@contextmanager
def layers_unseen() -> Iterator[None]:
    """Let no mode of torch functions look into the spiking layers called inside.

    A mode that waits for another layer's function is asked about every small call of every layer,
    which on a small network costs as much as the layers do.

    Example:
        >>> with layers_unseen():
        ...     type(unseen()).__name__
        'DisableTorchFunction'
    """
    token = _unseen.set(True)
    try:
        yield
    finally:
        _unseen.reset(token)


def unseen() -> AbstractContextManager[Any] | None:
    """What a spiking layer opens around its work; None outside of such a scope."""
    if not _unseen.get() or torch.compiler.is_compiling():
        return None
    scope: AbstractContextManager[Any] = torch._C.DisableTorchFunction()
    return scope
