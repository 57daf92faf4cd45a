"""A stored network as a plain torch module, written from its equations: what strangers attack.

Nothing of the package is imported. How the gradient crosses a spike is the attacker's choice: a
surrogate of any sharpness, or one that adapts (``adaptive.py``); the reset kept or detached. How it
crosses a code, narrow or wide, goes with the reset: attackers that detach it see the wide one. The
neurons may be another library's (``Plain(..., neurons=...)``). Logits do not depend on any of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.oracles.judge import read

__all__ = ["ARCTAN_2", "ARCTAN_5", "OWN", "Averaged", "Neurons", "Plain", "Shape", "Unit"]

# From the membrane minus the threshold, the layer and the step to a derivative.
Derivative = Callable[[Tensor, int, int], Tensor]
# From currents (T, N, ...) and the number of the layer to spikes.
Neurons = Callable[[Tensor, int], Tensor]


@dataclass(frozen=True)
class Shape:
    """A surrogate derivative: ``"triangle"`` or ``"arctan"``, and its sharpness."""

    shape: str
    sharpness: float

    def __call__(self, u: Tensor, layer: int, step: int) -> Tensor:
        """The derivative at the membrane minus the threshold."""
        s = self.sharpness
        if self.shape == "triangle":
            return s * (1 - s * u.abs()).clamp_min(0)
        assert self.shape == "arctan"
        return (s / 2) / (1 + (math.pi / 2 * s * u) ** 2)


OWN = None  # the surrogate that the network was trained with
ARCTAN_2, ARCTAN_5 = Shape("arctan", 2.0), Shape("arctan", 5.0)


class _Spike(torch.autograd.Function):
    """A step forward, a given derivative backward."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, slope: Tensor) -> Tensor:
        ctx.save_for_backward(slope)
        return (u >= 0).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (slope,) = ctx.saved_tensors
        return grads[0] * slope, None


class Plain(nn.Module):
    """A stored network of a kind that the judge knows.

    Args:
        path: The safetensors file.
        surrogate: How the gradient crosses a spike; None is the network's own surrogate.
        detach: Let no gradient flow through the reset.
        neurons: Another library's neurons, in place of these; from the settings of the neuron.
    """

    def __init__(
        self,
        path: Path,
        surrogate: Derivative | None = OWN,
        *,
        detach: bool = False,
        neurons: Callable[[dict[str, Any]], Neurons] | None = None,
    ) -> None:
        super().__init__()
        self.settings, numbers = read(path)
        self.neuron = self.settings["neuron"]
        for name, value in numbers.items():
            tensor = torch.tensor(value)
            self.register_buffer(name.replace(".", "_"), tensor)
        # Libraries ask the first parameter for the device.
        self.device_of = nn.Parameter(torch.zeros(1), requires_grad=False)
        own = self.neuron["surrogate"]
        assert own["height"] == 1
        self.surrogate: Derivative = surrogate or Shape(own["shape"], own["sharpness"])
        self.detach = detach
        self.other = None if neurons is None else neurons(self.neuron)
        self.layer = 0
        name, front = self.settings["name"], self.settings.get("front_end", "tones")
        self.tones = name == "tcn-small" and front == "tones"
        if self.tones:
            self.register_buffer("waves", _waves())
        elif name.startswith("tcn-"):
            hann, bands = _mel()
            self.register_buffer("hann", hann)
            self.register_buffer("bands", bands)

    @property
    def draws(self) -> bool:
        """Whether it answers at random, from torch's generator."""
        noisy = self.neuron.get("noise", 0.0) > 0
        return noisy or self.settings["encoder"]["kind"] == "poisson"

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` of inputs ``(N, *shape)``."""
        self.layer = 0
        if not isinstance(self.surrogate, Shape):
            self.surrogate.begin()  # type: ignore[attr-defined]
        run = {
            "cnn-small": self._cnn,
            "dense": self._dense,
            "recurrent": self._recurrent,
            "tcn-onsets": self._tcn,
            "tcn-small": self._tcn,
        }
        return run[self.settings["name"]](x)

    def _of(self, name: str) -> Tensor:
        tensor: Tensor = getattr(self, name.replace(".", "_"))
        return tensor

    def _norm(self, name: str, x: Tensor) -> Tensor:
        mean, var, weight, bias = (
            self._of(f"{name}.{part}") for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, var, weight, bias)

    def _linear(self, name: str, x: Tensor) -> Tensor:
        return F.linear(x, self._of(f"{name}.weight"), self._of(f"{name}.bias"))

    def _stem(self, x: Tensor, first: Callable[[Tensor], Tensor]) -> Tensor:
        steps = self.settings["timesteps"]
        if self.settings["domain"]["kind"] == "events":
            return _each(x.transpose(0, 1), first)
        if self.settings["encoder"]["kind"] == "poisson":
            spikes = (torch.rand(steps, *x.shape) <= x.detach()).to(x.dtype)
            return _each(spikes + x - x.detach(), first)  # straight through
        if self.settings["encoder"]["kind"] in CODES:
            return _each(coded(x, steps, self.settings["encoder"], wide=self.detach), first)
        current = first(x)
        return current.expand(steps, *current.shape)

    def _cnn(self, x: Tensor) -> Tensor:
        pool = F.max_pool2d if self.settings["pooling"] == "max" else F.avg_pool2d
        current = self._stem(
            x,
            lambda z: self._norm(
                "body.stem.1", F.conv2d(z, self._of("body.stem.0.weight"), padding=1)
            ),
        )
        spikes, at = self._fire(current), 0
        if min(x.shape[-2:]) >= 12:
            spikes, at = _each(spikes, lambda z: pool(z, 2)), 1
        weight = self._of(f"body.block.layers.{at}.weight")
        current = _each(
            spikes,
            lambda z: self._norm(f"body.block.layers.{at + 1}", F.conv2d(z, weight, padding=1)),
        )
        last = _each(self._fire(current), lambda z: pool(z, 2)).flatten(2)
        return self._linear("body.readout.2", last.mean(0))

    def _flat(self, x: Tensor) -> Tensor:
        return self._stem(
            x, lambda z: self._norm("body.stem.2", self._linear("body.stem.1", z.flatten(1)))
        )

    def _dense(self, x: Tensor) -> Tensor:
        current = self._flat(x)
        name = "body.layers.1.layers"
        current = _each(
            self._fire(current),
            lambda z: self._norm(f"{name}.1", self._linear(f"{name}.0", z)),
        )
        return self._linear("body.readout", self._fire(current).mean(0))

    def _recurrent(self, x: Tensor) -> Tensor:
        current = self._flat(x)
        spikes = self._fire(current, self._of("body.spikes.feedback.weight"))
        return self._linear("body.readout", spikes.mean(0))

    def _energies(self, x: Tensor) -> Tensor:
        frames = x.unfold(1, 240, 80)
        if self.tones:
            both = frames @ self.waves
            energy = both[..., :32].square() + both[..., 32:].square()
            return torch.log1p(1000.0 * energy).transpose(1, 2)
        spectrum = torch.fft.rfft(frames * self.hann)
        gain = 1e3 if self.settings["name"] == "tcn-onsets" else 1e6
        power = spectrum.real.square() + spectrum.imag.square()
        return torch.log1p(gain * power @ self.bands.T).transpose(1, 2)

    def _heard(self, x: Tensor) -> Tensor:
        energy = self._energies(x)
        if self.settings["name"] != "tcn-onsets":
            return self._fired(self._norm("body.level", energy))
        change = torch.diff(energy, dim=2, prepend=torch.zeros_like(energy[:, :, :1]))
        above = torch.cat([change, -change], 1) / 0.5 - 1
        layer, self.layer = self.layer, self.layer + 1
        slopes = [self.surrogate(u, layer, t) for t, u in enumerate(above.detach().unbind(2))]
        spikes: Tensor = _Spike.apply(above, torch.stack(slopes, 2))
        return spikes

    def _fired(self, currents: Tensor) -> Tensor:
        """Spikes ``(N, C, T)`` of currents ``(N, C, T)``."""
        return self._fire(currents.permute(2, 0, 1)).permute(1, 2, 0)

    def _tcn(self, x: Tensor) -> Tensor:
        spikes = self._heard(x)
        for name in ("early", "late"):
            drive = F.conv1d(spikes, self._of(f"body.{name}.0.weight"), padding=1)
            spikes = self._fired(self._norm(f"body.{name}.1", drive))
        return self._linear("body.readout", spikes.mean(2))

    def _fire(self, currents: Tensor, feedback: Tensor | None = None) -> Tensor:
        layer, self.layer = self.layer, self.layer + 1
        if self.other is not None:
            assert feedback is None, "Another library's neurons are not recurrent here."
            return self.other(currents, layer)
        leak = 1.0 if self.neuron["kind"] == "if" else self.neuron["leak"]
        gain = 1 - leak if self.neuron.get("decay_input") else 1.0
        threshold, noise = self.neuron["threshold"], self.neuron.get("noise", 0.0)
        v, out = torch.zeros_like(currents[0]), list[Tensor]()
        for step, current in enumerate(currents):
            if feedback is not None and out:
                current = current + F.linear(out[-1], feedback)
            u = leak * v + gain * current
            if noise:
                u = u + noise * torch.randn_like(u)
            above = u - threshold
            spike = _Spike.apply(above, self.surrogate(above.detach(), layer, step))
            reset = spike.detach() if self.detach else spike
            v = u - threshold * reset if self.neuron["reset"] == "soft" else u * (1 - reset)
            out.append(spike)
        return torch.stack(out)


def _each(x: Tensor, layer: Callable[[Tensor], Tensor]) -> Tensor:
    """A layer without memory at every step of ``(T, N, ...)``."""
    out = layer(x.flatten(0, 1))
    return out.unflatten(0, x.shape[:2])


CODES = ("latency", "phase", "temporal")


def coded(x: Tensor, steps: int, settings: dict[str, Any], *, wide: bool) -> Tensor:
    """A code of pixels, ``(T, N, ...)``, with a gradient of this side's own choosing.

    Latency: the spike as a bump that moves in time, a triangle of one step to each side, or wide,
    a bell of one and a half. Phase: every bit grows with the pixel by its worth, or wide, all bits
    alike. Temporal: the edge of the train as a ramp of a step to each side, or wide, over all.
    """
    kind, t = settings["kind"], torch.arange(steps, dtype=x.dtype).view(-1, *(1,) * x.ndim)
    value = x.detach()
    if kind == "latency":
        at = (steps - 1) * (1 - value)
        code = ((at + 0.5).floor() == t).to(x.dtype)
        apart = t - at
        moved = apart / 2.25 * (-apart.square() / 4.5).exp() if wide else apart.sign()
        slope = -(steps - 1) * moved * (apart.abs() < (4 if wide else 1))
    elif kind == "phase":
        bits = settings["bits"]
        level, place = (value * (2**bits - 1) + 0.5).floor().long(), t.long() % bits
        worth = 2.0 ** -(1.0 + place)
        code = (level // 2 ** (bits - 1 - place) % 2) * (worth if settings["weighted"] else 1.0)
        slope = torch.ones_like(code) if wide else worth.expand_as(code)
    else:
        share = t / steps
        early = settings["code"] == "pre"
        code = (share < value if early else share > 1 - value).to(x.dtype)
        edge = value - share if early else share - (1 - value)
        slope = torch.ones_like(code) if wide else (1 - steps * edge.abs()).clamp_min(0) * steps
    return code + slope * (x - value)


def _mel() -> tuple[Tensor, Tensor]:
    """A Hann window whose sum is 2, and 24 triangles over the 121 bins of its spectrum."""
    hann = torch.hann_window(240, periodic=False, dtype=torch.float64)
    low, high = (1127 * math.log(1 + hz / 700) for hz in (100.0, 3800.0))
    mel = torch.linspace(low, high, 26, dtype=torch.float64)
    corner = 700 * ((mel / 1127).exp() - 1)
    hz = torch.arange(121, dtype=torch.float64)[:, None] * 8000 / 240
    up = (hz - corner[:-2]) / (corner[1:-1] - corner[:-2])
    down = (corner[2:] - hz) / (corner[2:] - corner[1:-1])
    bands = torch.minimum(up, down).clamp_min(0).T
    return (hann * 2 / hann.sum()).float(), bands.float().contiguous()


def _waves() -> Tensor:
    """Windowed cosines and sines of 32 frequencies, ``(240, 64)``."""
    k = torch.arange(240, dtype=torch.float64)
    hz = 600.0 * 3.0 ** (torch.arange(32, dtype=torch.float64) / 31)
    phase = 2 * math.pi * hz[:, None] * k / 8000
    window = 0.5 - 0.5 * torch.cos(2 * math.pi * k / 239)
    waves = torch.cat([phase.cos(), phase.sin()]) * window * (2 / window.sum())
    return waves.T.float().contiguous()


class Averaged(nn.Module):
    """The mean logits of several draws of a network that draws: what expectation attacks see."""

    def __init__(self, model: nn.Module, draws: int = 10) -> None:
        super().__init__()
        self.model, self.draws = model, draws

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        logits = self.model(torch.cat([x] * self.draws))
        mean: Tensor = logits.unflatten(0, (self.draws, len(x))).mean(0)
        return mean


class Unit(nn.Module):
    """A network on inputs scaled to [0, 1], flat images where a library wants ``(N, C, H, W)``.

    Args:
        model: Reads inputs of ``shape`` in [``low``, ``high``].
        low: Smallest legal value.
        high: Largest legal value.
        shape: Of one item.
    """

    def __init__(self, model: nn.Module, low: float, high: float, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.model, self.low, self.high, self.shape = model, low, high, shape

    @property
    def seen(self) -> tuple[int, int, int]:
        """The shape that a library sees: events stack their steps, a waveform lies on its side."""
        if len(self.shape) == 1:
            return (1, 1, self.shape[0])
        *lead, height, width = self.shape
        return (math.prod(lead), height, width)

    def to_unit(self, x: Tensor) -> Tensor:
        """An input as the library sees it."""
        return ((x - self.low) / (self.high - self.low)).reshape(len(x), *self.seen)

    def from_unit(self, u: Tensor) -> Tensor:
        """And back."""
        x = self.low + (self.high - self.low) * u if (self.low, self.high) != (0, 1) else u
        return x.reshape(len(u), *self.shape)

    def forward(self, u: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.model(self.from_unit(u))
        return logits
