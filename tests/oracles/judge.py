"""A judge that shares no code with the package: networks in numpy float64, legality value by value.

It reads a stored network by itself (a safetensors file is eight bytes of length, a JSON header and
raw numbers), computes the logits from the definitions of the layers, and says of every point that
an attack found whether it is legal and whether it breaks the item. Neither this nor ``layers.py``
imports torch or spikeproof, so a mistake in the package's kernels, folding or threats cannot hide
itself.

A verdict is one of four: ``BROKEN`` (legal and misclassified), ``STANDS``, ``ILLEGAL`` (outside
ball, box or grid), and ``ROUNDING``: the best wrong logit and the true one lie within 1e-6, or the
same network in float32 spikes differently, so that another order of summation could turn it.

A network that draws (Poisson coding, noisy neurons) is judged by the mean logits of ``DRAWS`` draws
that belong to the item, the same for every contestant. Among so many draws some neuron always
stands near its threshold, and moves the mean little when it turns; only ties are set apart there.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.oracles.layers import (
    CODES,
    Array,
    conv,
    conv_over_time,
    filtered,
    mel,
    normed,
    onsets,
    pooled,
)

__all__ = [
    "BROKEN",
    "DRAWS",
    "ILLEGAL",
    "ROUNDING",
    "STANDS",
    "Ball",
    "Judge",
    "Net",
    "legal",
    "length",
    "read",
]

STANDS, BROKEN, ROUNDING, ILLEGAL = 0, 1, 2, 3
TIE = 1e-6
DRAWS = 32
_SLACK = 1 + 1e-9  # of a real-valued length: the judge's own sum is rounded, too
_KINDS = {"F32": np.float32, "F64": np.float64, "I64": np.int64}


def read(path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """The settings of a stored network, and its numbers by name."""
    raw = path.read_bytes()
    (size,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + size])
    settings: dict[str, Any] = json.loads(header.pop("__metadata__")["spikeproof"])["model"]
    body, numbers = raw[8 + size :], {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        flat = np.frombuffer(body[begin:end], dtype=_KINDS[entry["dtype"]])
        numbers[name] = flat.reshape(entry["shape"])
    return settings, numbers


@dataclass(frozen=True)
class Neuron:
    """A leaky integrate-and-fire neuron: what a step keeps, where it fires, how it is reset."""

    leak: float
    gain: float
    threshold: float
    soft: bool
    noise: float

    @classmethod
    def of(cls, settings: dict[str, Any]) -> Neuron:
        """From the stored settings."""
        kind = settings["kind"]
        assert kind in ("lif", "if", "noisy-lif"), f"The judge knows no {kind}."
        assert not settings.get("synapse", 0.0), "The judge knows no synapse."
        leak = 1.0 if kind == "if" else float(settings["leak"])
        return cls(
            leak=leak,
            gain=1 - leak if settings.get("decay_input") else 1.0,
            threshold=float(settings["threshold"]),
            soft=settings["reset"] == "soft",
            noise=float(settings.get("noise", 0.0)),
        )

    def fire(self, currents: Array, feedback: Array | None = None) -> Array:
        """Spikes ``(T, N, ...)`` of currents ``(T, N, ...)``.

        Args:
            currents: What comes in.
            feedback: A matrix; the spikes of the step before, through it, are a current too.
        """
        kept = np.zeros_like(currents[0])
        out: list[Array] = []
        for current in currents:
            if feedback is not None and out:
                current = current + out[-1] @ feedback.T
            u = current.dtype.type(self.leak) * kept + current.dtype.type(self.gain) * current
            spike = (u >= self.threshold).astype(u.dtype)
            kept = u - u.dtype.type(self.threshold) * spike if self.soft else u * (1 - spike)
            out.append(spike)
        return np.stack(out)


class Net:
    """A stored network, computed by the judge.

    Args:
        settings: What ``read`` found in the header.
        numbers: Its tensors.
    """

    def __init__(self, settings: dict[str, Any], numbers: dict[str, Array]) -> None:
        assert settings["norm"] == "batch", "The judge knows only plain batch normalisation."
        self.settings, self.numbers = settings, numbers
        self.neuron = Neuron.of(settings["neuron"])
        self.encoder = settings["encoder"]["kind"]
        known = ("direct", "poisson", *CODES)
        assert self.encoder in known, f"The judge knows no {self.encoder} coding."
        bodies: dict[str, Callable[..., Array]] = {
            "cnn-small": self._cnn,
            "dense": self._dense,
            "recurrent": self._recurrent,
            "tcn-onsets": self._tcn,
            "tcn-small": self._tcn,
        }
        self._body = bodies[settings["name"]]

    @classmethod
    def read(cls, path: Path) -> Net:
        """The network in a file."""
        return cls(*read(path))

    @property
    def draws(self) -> bool:
        """Whether the network answers at random."""
        return self.encoder == "poisson" or self.neuron.noise > 0

    def logits(
        self, x: Array, *, dtype: Any = np.float64, trains: list[Array] | None = None, seed: Any = 0
    ) -> Array:
        """Logits ``(N, K)`` of inputs ``(N, *shape)``.

        Args:
            x: Inputs.
            dtype: Of every number in the computation.
            trains: Gets the spikes of every layer, ``(T, N, ...)``.
            seed: Of one draw, by item, ``(N, ...)``; not used where the network does not draw.
        """
        run = _Run(self, dtype, [] if trains is None else trains, seed)
        return self._body(run, np.asarray(x).astype(dtype))

    def _stem(self, run: _Run, x: Array, first: Callable[[Array], Array]) -> Array:
        """Currents ``(T, N, ...)``: an image is repeated, coded, or drawn at every step."""
        events = self.settings["domain"]["kind"] == "events"
        if events:
            return over_time(np.moveaxis(x, 1, 0), first)
        count = int(self.settings["timesteps"])
        if self.encoder == "poisson":
            return over_time(run.spikes_of(x, count), first)
        if self.encoder in CODES:
            code = CODES[self.encoder](x, count, self.settings["encoder"])
            run.trains.append(code)
            return over_time(code, first)
        current = first(x)
        return np.broadcast_to(current, (count, *current.shape))

    def _cnn(self, run: _Run, x: Array) -> Array:
        pooling, side = self.settings["pooling"], min(x.shape[-2:])
        current = self._stem(
            run, x, lambda z: run.norm("body.stem.1", conv(z, run("body.stem.0.weight")))
        )
        spikes = run.fire(current)
        at = 0
        if side >= 12:
            spikes, at = over_time(spikes, lambda z: pooled(z, pooling)), 1
        weight = run(f"body.block.layers.{at}.weight")
        current = over_time(
            spikes, lambda z: run.norm(f"body.block.layers.{at + 1}", conv(z, weight))
        )
        last = over_time(run.fire(current), lambda z: pooled(z, pooling))
        return run.linear("body.readout.2", last.reshape(*last.shape[:2], -1)).mean(0)

    def _flat(self, run: _Run, x: Array) -> Array:
        """Currents ``(T, N, K)`` of a linear layer on all values of a step."""

        def first(z: Array) -> Array:
            return run.norm("body.stem.2", run.linear("body.stem.1", z.reshape(len(z), -1)))

        return self._stem(run, x, first)

    def _dense(self, run: _Run, x: Array) -> Array:
        current = self._flat(run, x)
        spikes = run.fire(current)
        current = over_time(
            spikes,
            lambda z: run.norm("body.layers.1.layers.1", run.linear("body.layers.1.layers.0", z)),
        )
        return run.linear("body.readout", run.fire(current)).mean(0)

    def _recurrent(self, run: _Run, x: Array) -> Array:
        current = self._flat(run, x)
        spikes = run.fire(current, run("body.spikes.feedback.weight"))
        return run.linear("body.readout", spikes).mean(0)

    def _heard(self, run: _Run, x: Array) -> Array:
        """The first spikes of a waveform, ``(N, channels, frames)``."""
        if self.settings["name"] == "tcn-onsets":
            first = onsets(mel(x, 1e3))
            run.trains.append(first.transpose(2, 0, 1))
            return first
        front = self.settings.get("front_end", "tones")
        assert front in ("tones", "log-mel"), f"The judge knows no {front} front end."
        current = run.norm("body.level", filtered(x) if front == "tones" else mel(x, 1e6))
        return run.fire(current.transpose(2, 0, 1)).transpose(1, 2, 0)

    def _tcn(self, run: _Run, x: Array) -> Array:
        spikes = self._heard(run, x)
        for name in ("early", "late"):
            drive = conv_over_time(spikes, run(f"body.{name}.0.weight"))
            current = run.norm(f"body.{name}.1", drive)
            spikes = run.fire(current.transpose(2, 0, 1)).transpose(1, 2, 0)
        return run.linear("body.readout", spikes.transpose(2, 0, 1)).mean(0)


def over_time(x: Array, layer: Callable[[Array], Array]) -> Array:
    """A layer without memory at every step of ``(T, N, ...)``."""
    out = layer(x.reshape(-1, *x.shape[2:]))
    return out.reshape(*x.shape[:2], *out.shape[1:])


class _Run:
    """One pass: the numbers in its type, the draws, the spikes it leaves."""

    def __init__(self, net: Net, dtype: Any, trains: list[Array], seed: Any) -> None:
        self.net, self.dtype, self.trains = net, dtype, trains
        self.sources = [np.random.default_rng(one) for one in seed] if net.draws else []

    def __call__(self, name: str) -> Array:
        return np.asarray(self.net.numbers[name]).astype(self.dtype)

    def norm(self, name: str, x: Array) -> Array:
        parts = (self(f"{name}.{part}") for part in ("weight", "bias", "running_mean"))
        return normed(x, *parts, self(f"{name}.running_var"))

    def linear(self, name: str, x: Array) -> Array:
        return np.asarray(x @ self(f"{name}.weight").T + self(f"{name}.bias"))

    def spikes_of(self, x: Array, steps: int) -> Array:
        """Spikes with the value as their probability, ``(T, N, ...)``."""
        drawn = np.stack([source.random((steps, *x.shape[1:])) for source in self.sources], 1)
        return (drawn <= x).astype(self.dtype)

    def fire(self, currents: Array, feedback: Array | None = None) -> Array:
        noise = self.net.neuron.noise
        if noise:
            shape = (currents.shape[0], *currents.shape[2:])
            drawn = np.stack([source.standard_normal(shape) for source in self.sources], 1)
            currents = currents + (noise / self.net.neuron.gain * drawn).astype(self.dtype)
        spikes = self.net.neuron.fire(currents, feedback)
        self.trains.append(spikes)
        return spikes


@dataclass(frozen=True)
class Ball:
    """What an attacker may do: move by at most ``radius``, stay in the box, keep to whole numbers.

    Args:
        norm: ``"linf"``, ``"l2"``, ``"l1"``, ``"l0"`` (pixels with all channels; samples of audio)
            or ``"counts"`` (events added or removed).
        radius: How far.
        low: Smallest legal value.
        high: Largest legal value.
        kind: ``"image"``, ``"events"`` or ``"audio"``: which axis holds channels.
    """

    norm: str
    radius: float
    low: float
    high: float
    kind: str = "image"

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are legal."""
        return self.norm == "counts"


def length(ball: Ball, x_adv: Array, x: Array) -> Array:
    """How far each point is from its item, as the ball measures, ``(N,)``."""
    moved = np.abs(x_adv.astype(np.longdouble) - x.astype(np.longdouble))
    flat = moved.reshape(len(x), -1)
    if ball.norm == "linf":
        return flat.max(1)
    if ball.norm == "l2":
        return np.asarray(np.sqrt((flat**2).sum(1)))
    if ball.norm in ("l1", "counts"):
        return np.asarray(flat.sum(1))
    assert ball.norm == "l0"
    changed = ~(x_adv == x)  # so that a NaN counts
    axis = {"image": 1, "events": 2}.get(ball.kind)
    changed = changed if axis is None or changed.ndim < 4 else changed.any(axis)
    return np.asarray(changed.reshape(len(x), -1).sum(1))


def legal(ball: Ball, x_adv: Array, x: Array) -> Array:
    """Whether each point is finite, in box and ball, and on the grid, ``(N,)``."""
    flat = x_adv.reshape(len(x), -1)
    ok = np.isfinite(flat).all(1) & (flat >= ball.low).all(1) & (flat <= ball.high).all(1)
    if ball.whole:
        ok &= (flat == np.rint(flat)).all(1)
    slack = 1.0 if ball.norm in ("l0", "counts") else _SLACK
    return np.asarray(ok & (length(ball, x_adv, x) <= ball.radius * slack))


class Judge:
    """Says of points that attacks found what they are worth.

    Args:
        net: The network.
        batch: Items computed at a time.
    """

    def __init__(self, net: Net, batch: int = 64) -> None:
        self.net, self.batch = net, batch

    def margins(
        self, x: Array, y: Array, items: Sequence[int] | None = None, fresh: int = 0
    ) -> tuple[Array, Array]:
        """Best wrong logit minus the true one, and whether float32 spikes alike, ``(N,)`` each.

        Args:
            x: Points, ``(N, *shape)``.
            y: True classes.
            items: Numbers of the items, for the draws; not needed where the network draws nothing.
            fresh: Another set of draws for each number.
        """
        items = list(range(len(x))) if items is None else list(items)
        margin, alike = np.zeros(len(x)), np.ones(len(x), bool)
        for begin in range(0, len(x), self.batch):
            s = slice(begin, begin + self.batch)
            logits, alike[s] = self._both(x[s], items[s], fresh)
            rows = np.arange(len(logits))
            own = logits[rows, y[s]].copy()
            logits[rows, y[s]] = -np.inf
            margin[s] = logits.max(1) - own
        return margin, alike

    def _both(self, x: Array, items: Sequence[int], fresh: int) -> tuple[Array, Array]:
        """Mean logits over the draws, and whether both precisions spike alike in all of them."""
        draws = DRAWS if self.net.draws else 1
        total, alike = 0.0, np.ones(len(x), bool)
        for draw in range(draws):
            seed = [(item, draw, fresh) for item in items]
            wide: list[Array] = []
            narrow: list[Array] = []
            total = total + self.net.logits(x, trains=wide, seed=seed)
            if self.net.draws:
                continue
            self.net.logits(x, dtype=np.float32, trains=narrow, seed=seed)
            for a, b in zip(wide, narrow, strict=True):
                alike &= (a == b).reshape(len(a), len(x), -1).all((0, 2))
        return np.asarray(total / draws), alike

    def verdicts(
        self, x_adv: Array, x: Array, y: Array, ball: Ball, items: Sequence[int] | None = None
    ) -> Array:
        """One of ``STANDS``, ``BROKEN``, ``ROUNDING`` and ``ILLEGAL`` per item, ``(N,)``."""
        margin, alike = self.margins(np.nan_to_num(x_adv), y, items)
        found = np.where(margin > 0, BROKEN, STANDS)
        found = np.where(alike & (np.abs(margin) > TIE), found, ROUNDING)
        return np.where(legal(ball, x_adv, x), found, ILLEGAL)
