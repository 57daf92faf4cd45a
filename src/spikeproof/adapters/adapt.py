"""From a network of a user to one that can be asked."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.adapters.adapted import Adapted
from spikeproof.adapters.protocol import Reading
from spikeproof.base import InputError

__all__ = ["adapt"]


def adapt(
    model: Any,
    *,
    library: str | None = None,
    time: str | None = None,
    reduce: str | None = None,
    steps: int | None = None,
    mean: Any = None,
    std: Any = None,
    example: Tensor | None = None,
    reset: str | None = None,
) -> Adapted:
    """Return a plain torch network as the package asks it.

    Args:
        model: The network.
        library: What it is made with.
        time: Where its time axis is.
        reduce: How its answer becomes logits.
        steps: How often the input is shown.
        mean: Of the inputs that it was trained on.
        std: The same.
        example: A few inputs.
        reset: Of graphs that do not say it.
    Raises:
        InputError: it is no torch module.
    """
    if isinstance(model, Adapted):
        return model
    if not isinstance(model, nn.Module):
        raise InputError(f"A network must be a torch.nn.Module; got {type(model).__name__}.")
    return Adapted(model, Reading(library="torch", version=str(torch.__version__)))
