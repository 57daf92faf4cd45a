"""Networks where they are to be computed, without moving the ones of their owners."""

from __future__ import annotations

from copy import deepcopy
from itertools import chain

import torch
from torch import nn

__all__ = ["home_of", "on_device"]


def home_of(model: nn.Module) -> torch.device:
    """The device that a network lives on, by its first parameter or buffer; else the CPU.

    Example:
        >>> home_of(nn.Linear(1, 1)), home_of(nn.ReLU())
        (device(type='cpu'), device(type='cpu'))
    """
    tensors = chain(model.parameters(), model.buffers())
    return next((tensor.device for tensor in tensors), torch.device("cpu"))


def on_device(model: nn.Module, device: torch.device | None) -> nn.Module:
    """The network itself where it lives there already or None is asked for; else a copy there.

    Example:
        >>> model = nn.Linear(1, 1)
        >>> on_device(model, torch.device("cpu")) is model
        True
    """
    home = home_of(model)
    if device is None or (home.type == device.type and device.index in (None, home.index)):
        return model
    return deepcopy(model).to(device)
