"""Made items of every kind whose robust accuracy is a closed form: linear networks, known gaps."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn

from spikeproof.data import Dataset, DataSpec, Domain, Split, Views

__all__ = ["MADE", "Linear", "made_events", "made_pairs", "made_sounds"]

_SOUND, _IMAGE = 32, (1, 4, 4)


class Linear(nn.Module):
    """Logits (-z, z), z = k times the product of an item with fixed weights."""

    def __init__(self, weights: Tensor, k: float = 20.0) -> None:
        super().__init__()
        self.k = nn.Parameter(torch.tensor(k))
        self.register_buffer("weights", weights)

    def forward(self, x: Tensor) -> Tensor:
        z = self.k * (x * self.weights).flatten(1).sum(1)
        return torch.stack([-z, z], 1)


def _set(name: str, domain: Domain | Views, parts: list[tuple[Tensor, Tensor]]) -> Dataset:
    """A data set of three splits, numbered in turn."""
    splits, begun = [], 0
    for x, y in parts:
        splits.append(Split(x, y, torch.arange(begun, begun + len(x))))
        begun += len(x)
    modality = "audio-visual" if isinstance(domain, Views) else domain.kind
    spec = DataSpec(
        name=name, version="1", classes=2, modality=modality, licence="-", source="-",
        sha256="0" * 64, joint={"image": 0.1, "audio": 0.02} if modality == "audio-visual" else {},
    )  # fmt: skip
    return Dataset(spec=spec, domain=domain, train=splits[0], validation=splits[1],
                   sealed=splits[2])  # fmt: skip


def _gaps(n: int, low: float, high: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Classes by turns, and by how much each item is known."""
    return torch.arange(n) % 2, torch.rand(n, generator=generator) * (high - low) + low


def polarities() -> Tensor:
    """+1 on the first polarity, -1 on the second; ``(T, 2, H, W)``."""
    weights = torch.ones(4, 2, 4, 4)
    weights[:, 1] = -1
    return weights


@cache
def made_events() -> Dataset:
    """Event counts of two classes: which polarity has more, by 1 to 12 events.

    Whoever may add or remove R events moves the difference by R at most, and there is always room
    to add some, so an item stands where its difference is above R; a tie is wrong.
    """
    generator = torch.Generator().manual_seed(41)

    def part(n: int) -> tuple[Tensor, Tensor]:
        y, _ = _gaps(n, 0, 1, generator)
        wanted = torch.randint(1, 13, (n,), generator=generator) * (2 * y - 1)
        x = (torch.rand(n, 4, 2, 4, 4, generator=generator) < 0.3).float()
        for item, gap in zip(x, wanted.tolist(), strict=True):
            while (now := int(item[:, 0].sum() - item[:, 1].sum())) != gap:
                t, h, w = torch.randint(4, (3,), generator=generator).tolist()
                item[t, 0 if now < gap else 1, h, w] += 1
        return x.clamp_max(40), y

    domain = Domain(kind="events", shape=(4, 2, 4, 4), high=40.0, integer=True)
    return _set("made-events", domain, [part(32), part(96), part(96)])


def alternating(n: int) -> Tensor:
    """Weights +1/n and -1/n by turns."""
    return (1 - 2 * (torch.arange(n) % 2)).float() / n


def _sounds(gap: Tensor, generator: torch.Generator) -> Tensor:
    """Noise without any share of the alternating pattern, and that pattern at a known height."""
    pattern = alternating(_SOUND)
    noise = 0.1 * torch.randn(len(gap), _SOUND, generator=generator).clamp(-2, 2)
    noise = noise - (noise @ pattern)[:, None] * _SOUND * pattern
    return noise + gap[:, None] * _SOUND * pattern


@cache
def made_sounds() -> Dataset:
    """Waveforms of two classes: an alternating pattern of height -0.1 to 0.1 under noise.

    Every sample may move by r, all of them towards the other class, so an item stands under l_inf
    where the height of its pattern is above r.
    """
    generator = torch.Generator().manual_seed(42)

    def part(n: int) -> tuple[Tensor, Tensor]:
        y, gap = _gaps(n, 0.005, 0.1, generator)
        return _sounds(gap * (2 * y - 1), generator), y

    domain = Domain(kind="audio", shape=(_SOUND,), low=-1.0, high=1.0)
    return _set("made-sounds", domain, [part(32), part(96), part(96)])


def pair_weights() -> Tensor:
    """Mean of the upper half less that of the lower one, and the pattern of the sound; flat."""
    image = torch.cat([torch.full((8,), 1 / 8), torch.full((8,), -1 / 8)])
    return torch.cat([image, alternating(_SOUND)])


@cache
def made_pairs() -> Dataset:
    """Image and sound of two classes, each known by half of an item's gap of 0.02 to 0.42.

    At radius r every pixel may move by 0.1 r, which moves the image's share by 0.2 r, and every
    sample by 0.02 r, so an item stands where its gap is above 0.22 r.
    """
    generator = torch.Generator().manual_seed(43)

    def part(n: int) -> tuple[Tensor, Tensor]:
        y, gap = _gaps(n, 0.02, 0.42, generator)
        signed = gap * (2 * y - 1) / 2
        image = torch.full((n, 16), 0.5)
        image[:, :8] += signed[:, None] / 2
        image[:, 8:] -= signed[:, None] / 2
        return torch.cat([image, _sounds(signed, generator)], 1), y

    domain = Views(
        (
            ("image", Domain(kind="image", shape=_IMAGE)),
            ("audio", Domain(kind="audio", shape=(_SOUND,), low=-1.0, high=1.0)),
        )
    )
    return _set("made-pairs", domain, [part(32), part(96), part(96)])


MADE = {"made-events": made_events, "made-sounds": made_sounds, "made-pairs": made_pairs}
"""Each by its name."""
