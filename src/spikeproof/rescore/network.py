"""A stored network, read and computed in float64 without torch and without the package's layers."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base import FileProblem
from spikeproof.rescore.layers import (
    Array,
    StoredNeuron,
    conv,
    conv_over_time,
    filtered,
    mel,
    normed,
    over_time,
    pooled,
)

__all__ = ["Answers", "StoredNetwork"]

_TYPES = {"F32": np.float32, "F64": np.float64, "I64": np.int64}
_BATCH = 64


@dataclass(frozen=True)
class Answers:
    """What a network answers.

    Args:
        margin: Best wrong logit minus the true one, ``(N,)``.
        nearest: How near any membrane came to its threshold, ``(N,)``: below about 1e-5 single
            precision may answer otherwise.
    """

    margin: Array
    nearest: Array


class StoredNetwork:
    """A network of the package, computed from the definitions of its layers.

    It knows the architectures ``cnn-small``, ``dense`` and ``tcn-small`` with ``lif`` or ``if``
    neurons, direct coding, both front ends and batch normalisation: whatever answers without
    draws.

    Args:
        settings: What the header of the file says of the network.
        numbers: Its tensors.
    """

    def __init__(self, settings: Mapping[str, Any], numbers: Mapping[str, Array]) -> None:
        self.settings, self.numbers = settings, numbers
        self.neuron = StoredNeuron.of(settings["neuron"])
        self._body = _BODIES[settings["name"]]

    @classmethod
    def read(cls, path: Path) -> StoredNetwork | None:
        """The network in a safetensors file; None where it is of another kind.

        Raises:
            FileProblem: the file is not one of these.
        """
        try:
            raw = path.read_bytes()
            (size,) = struct.unpack("<Q", raw[:8])
            header = json.loads(raw[8 : 8 + size])
            settings = json.loads(header.pop("__metadata__")["spikeproof"])["model"]
            if not _known(settings):
                return None
            body, numbers = raw[8 + size :], {}
            for name, entry in header.items():
                begin, end = entry["data_offsets"]
                flat = np.frombuffer(body[begin:end], dtype=_TYPES[entry["dtype"]])
                numbers[name] = flat.reshape(entry["shape"]).astype(np.float64)
            return cls(settings, numbers)
        except (OSError, ValueError, KeyError, TypeError, struct.error) as problem:
            raise FileProblem(f"{path} is not a whole model file ({problem}).") from None

    def answers(self, x: Array, y: Array) -> Answers:
        """What it answers to inputs ``(N, *shape)`` of true classes ``(N,)``."""
        margin, nearest = np.zeros(len(x)), np.zeros(len(x))
        for begin in range(0, len(x), _BATCH):
            part = slice(begin, begin + _BATCH)
            logits, nearest[part] = self.logits(x[part])
            rows = np.arange(len(logits))
            own = logits[rows, y[part]].copy()
            logits[rows, y[part]] = -np.inf
            margin[part] = logits.max(1) - own
        return Answers(margin, nearest)

    def logits(self, x: Array) -> tuple[Array, Array]:
        """Logits ``(N, K)``, and how near any membrane came to its threshold, ``(N,)``."""
        run = _Pass(self, np.full(len(x), np.inf))
        logits = self._body(run, np.asarray(x, dtype=np.float64))
        return logits, run.nearest


def _known(settings: Mapping[str, Any]) -> bool:
    """Whether a network is of the kind that is computed here."""
    return (
        settings["name"] in _BODIES
        and settings["norm"] == "batch"
        and settings["neuron"]["kind"] in ("lif", "if")
        and settings.get("encoder", {"kind": "direct"})["kind"] == "direct"
        and settings.get("front_end", "tones") in _FRONT_ENDS
        and "views" not in settings["domain"]
        and len(settings["domain"]["shape"]) != 2
    )


@dataclass
class _Pass:
    """One pass through a network."""

    net: StoredNetwork
    nearest: Array

    def norm(self, name: str, x: Array) -> Array:
        """Batch normalisation."""
        parts = ("weight", "bias", "running_mean", "running_var")
        return normed(x, *(self.net.numbers[f"{name}.{part}"] for part in parts))

    def linear(self, name: str, x: Array) -> Array:
        """A linear layer with bias."""
        weight, bias = (self.net.numbers[f"{name}.{part}"] for part in ("weight", "bias"))
        return np.asarray(x @ weight.T + bias)

    def fire(self, currents: Array) -> Array:
        """Spikes of a layer."""
        spikes, nearest = self.net.neuron.fire(currents)
        self.nearest = np.minimum(self.nearest, nearest)
        return spikes

    def stem(self, x: Array, first: Callable[[Array], Array]) -> Array:
        """Currents ``(T, N, ...)``: events step by step, anything else at every step."""
        if self.net.settings["domain"]["kind"] == "events":
            return over_time(np.moveaxis(x, 1, 0), first)
        current = first(x)
        return np.broadcast_to(current, (int(self.net.settings["timesteps"]), *current.shape))

    def weight(self, name: str) -> Array:
        """The weight of a layer."""
        return self.net.numbers[f"{name}.weight"]


def _cnn(run: _Pass, x: Array) -> Array:
    """``cnn-small``."""
    pooling, side = run.net.settings["pooling"], min(x.shape[-2:])
    first = run.weight("body.stem.0")
    spikes = run.fire(run.stem(x, lambda z: run.norm("body.stem.1", conv(z, first))))
    at = 0
    if side >= 12:
        spikes, at = over_time(spikes, lambda z: pooled(z, pooling)), 1
    second, name = run.weight(f"body.block.layers.{at}"), f"body.block.layers.{at + 1}"
    current = over_time(spikes, lambda z: run.norm(name, conv(z, second)))
    last = over_time(run.fire(current), lambda z: pooled(z, pooling))
    logits = run.linear("body.readout.2", last.reshape(*last.shape[:2], -1))
    return np.asarray(logits.mean(0))


def _dense(run: _Pass, x: Array) -> Array:
    """``dense``."""

    def first(z: Array) -> Array:
        return run.norm("body.stem.2", run.linear("body.stem.1", z.reshape(len(z), -1)))

    def second(z: Array) -> Array:
        return run.norm("body.layers.1.layers.1", run.linear("body.layers.1.layers.0", z))

    spikes = run.fire(run.stem(x, first))
    return np.asarray(run.linear("body.readout", run.fire(over_time(spikes, second))).mean(0))


def _tcn(run: _Pass, x: Array) -> Array:
    """``tcn-small``."""
    heard = _FRONT_ENDS[run.net.settings.get("front_end", "tones")]
    current = run.norm("body.level", heard(x))
    for name in ("early", "late"):
        spikes = run.fire(current.transpose(2, 0, 1)).transpose(1, 2, 0)
        drive = conv_over_time(spikes, run.weight(f"body.{name}.0"))
        current = run.norm(f"body.{name}.1", drive)
    return np.asarray(run.linear("body.readout", run.fire(current.transpose(2, 0, 1))).mean(0))


_FRONT_ENDS: dict[str, Callable[[Array], Array]] = {"log-mel": mel, "tones": filtered}
_BODIES: dict[str, Callable[[_Pass, Array], Array]] = {
    "cnn-small": _cnn,
    "dense": _dense,
    "tcn-small": _tcn,
}
