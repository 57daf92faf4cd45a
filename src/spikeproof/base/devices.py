"""Where numbers are computed: which device, and how exact its arithmetic is."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from spikeproof.base.errors import SettingError

__all__ = ["arithmetic", "check_device", "computing", "device_of"]

_FORM = re.compile(r"cpu|(\w+?)(:\d{1,3})?")


def device_of(name: str | torch.device, where: str = "device") -> torch.device:
    """Return the device of a name, if this machine has it.

    Args:
        name: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, or a device that a plug-in of torch brings; a
            ``torch.device`` is taken as it is.
        where: What the sentence of an error begins with, such as ``"--device"``.
    Raises:
        SettingError: no such device, or none here.
    Example:
        >>> device_of("cpu")
        device(type='cpu')
        >>> device_of("gpu", "--device")
        Traceback (most recent call last):
        ...
        spikeproof.base.errors.SettingError: --device: unknown device 'gpu'; write cpu, cuda or \
cuda:0.
    """
    if isinstance(name, torch.device):
        return name
    device = torch.device(check_device(name, where))
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if not count:
            raise SettingError(f"{where} {name}: torch sees no CUDA device here; use cpu.")
        if device.index is not None and device.index >= count:
            raise SettingError(
                f"{where} {name}: torch sees {count} CUDA device{'s' if count > 1 else ''} here, "
                f"the last one cuda:{count - 1}."
            )
    return device


def check_device(name: object, where: str = "device") -> str:
    """Return a name if it names a device, whether or not this machine has it; else SettingError."""
    found = _FORM.fullmatch(name) if isinstance(name, str) else None
    if not isinstance(name, str) or found is None or found[1] not in (None, "cuda", *_plug_ins()):
        raise SettingError(f"{where}: unknown device {name!r}; write cpu, cuda or cuda:0.")
    return name


def arithmetic(device: str | torch.device) -> dict[str, str]:
    """How a device computes, where that gives other bits than the CPU; part of ids and records.

    Example:
        >>> arithmetic("cpu"), arithmetic("cuda:1")
        ({}, {'device': 'cuda', 'arithmetic': 'deterministic, no TF32'})
    """
    kind = torch.device(device).type
    if kind == "cpu":
        return {}
    return {"device": kind, "arithmetic": "deterministic, no TF32"}


def _plug_ins() -> list[str]:
    """The kind of device that a plug-in has given its name, if one has."""
    name = torch._C._get_privateuse1_backend_name()
    return [] if name == "privateuseone" else [str(name)]


@contextmanager
def computing(device: torch.device) -> Iterator[None]:
    """Let a device compute the same bits every time, in full single precision.

    On CUDA torch chooses deterministic algorithms where it has them, and TF32, which rounds the
    factors of a product to 10 bits, is off. What torch has no deterministic algorithm for (sums
    along an axis, ``cumsum``) may differ in the last bit from run to run. On the CPU nothing
    changes. Settings are put back on the way out.

    Args:
        device: Where the work inside is done.
    """
    if device.type != "cuda":
        yield
        return
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        matmul.allow_tf32,
        cudnn.allow_tf32,
        cudnn.benchmark,
    )
    # Read by cuBLAS when it is first used; without it its products may differ between runs.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    try:
        torch.use_deterministic_algorithms(True, warn_only=True)
        matmul.allow_tf32 = cudnn.allow_tf32 = cudnn.benchmark = False
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*deterministic.*")
            yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = before[2:]
