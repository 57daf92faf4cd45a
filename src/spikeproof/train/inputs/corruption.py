"""Corruption augmentation: a random kind of noise of a random strength on every item."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from spikeproof.base import Seeds, SettingError, check_one_of, check_positive
from spikeproof.data import CORRUPTIONS, EVENT_CORRUPTIONS, Domain, Views, corrupt
from spikeproof.train.inputs.base import Inputs
from spikeproof.train.inputs.registry import INPUTS

__all__ = ["CorruptionNoise"]


@INPUTS.register("corruption")
@dataclass(frozen=True)
class CorruptionNoise(Inputs):
    r"""Corrupt every item by one kind of noise and one strength, drawn anew in every epoch.

    .. math:: x' = \operatorname{corrupt}_k(x, u \cdot \text{strength}), \quad
        k \sim U(\text{kinds}), \; u \sim U(0, 1)

    ``spikeproof.data.corrupt`` has the formula of every kind.

    Args:
        domain: Legal inputs; every view of a multimodal item is corrupted for itself.
        kinds: Kinds of corruption; those that fit the domain where empty.
        strength: Largest strength, > 0, at most 1.
    Returns:
        Inputs, the shape of ``x``, detached.
    Raises:
        SettingError: an unknown kind, one that does not fit the domain, or a strength outside
            (0, 1].
    Cost: the draws of every kind; no pass.
    Example:
        >>> from spikeproof.base import seeds
        >>> domain = Domain(kind="audio", shape=(3,))
        >>> inputs = CorruptionNoise(domain, kinds=("uniform",), strength=0.1)
        >>> x = torch.full((2, 3), 0.5)
        >>> noisy = inputs(nn.Identity(), x, torch.tensor([0, 1]), seeds=seeds(0, n=2))
        >>> bool(0 < (noisy - x).abs().max() <= 0.1)
        True

    References:
        hendrycks2019
    """

    kind: ClassVar[str] = "corruption"

    domain: Domain | Views
    kinds: tuple[str, ...] = ()
    strength: float = 0.3

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", tuple(self.kinds))
        check_positive(self, "strength")
        if self.strength > 1 or math.isnan(self.strength):
            raise SettingError(
                f"CorruptionNoise.strength must be at most 1; got {self.strength!r}."
            )
        for kind in self.kinds:
            check_one_of(kind, {**CORRUPTIONS, **EVENT_CORRUPTIONS}, "CorruptionNoise.kinds")
        for part in _parts(self.domain):
            self._fitting(part)

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, seeds: Seeds) -> Tensor:
        """Corrupted items."""
        if not isinstance(self.domain, Views):
            return self._corrupted(x, self.domain, seeds)
        views = self.domain.unpack(x)
        noisy = {
            name: self._corrupted(views[name], part, seeds.child("view", name))
            for name, part in self.domain.parts
        }
        return self.domain.pack(noisy)

    def _corrupted(self, x: Tensor, domain: Domain, seeds: Seeds) -> Tensor:
        """One modality."""
        kinds = self._fitting(domain)
        draw = seeds.child("which").uniform((2,), torch.float64, device=x.device)
        which, level = (draw[:, 0] * len(kinds)).long(), self.strength * draw[:, 1]
        out = x.detach().clone()
        for number, kind in enumerate(kinds):
            idx = (which == number).nonzero().flatten()
            if len(idx):
                some, strength = x.detach()[idx], level[idx]
                out[idx] = corrupt(some, domain, kind, strength, seeds=seeds[idx])
        return out

    def _fitting(self, domain: Domain) -> tuple[str, ...]:
        """The kinds to draw from on one domain."""
        known = EVENT_CORRUPTIONS if domain.counts else CORRUPTIONS
        wrong = [kind for kind in self.kinds if kind not in known]
        if wrong:
            raise SettingError(
                f"CorruptionNoise: {', '.join(wrong)} does not fit a {domain.kind} domain of "
                f"{'whole' if domain.counts else 'real'} numbers; use {', '.join(known)}."
            )
        return self.kinds or tuple(known)


def _parts(domain: Domain | Views) -> list[Domain]:
    """Every single domain."""
    return [part for _, part in domain.parts] if isinstance(domain, Views) else [domain]
