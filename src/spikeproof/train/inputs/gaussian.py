"""Gaussian augmentation: the baseline that trains on random instead of adversarial changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from spikeproof.base import Seeds, SettingError, check_fraction, check_positive, per_item
from spikeproof.data import Domain, Views
from spikeproof.train.inputs.base import Inputs
from spikeproof.train.inputs.registry import INPUTS

__all__ = ["GaussianNoise"]


@INPUTS.register("gaussian")
@dataclass(frozen=True)
class GaussianNoise(Inputs):
    r"""Add Gaussian noise to every item, drawn anew in every epoch.

    .. math:: x' = \operatorname{clip}(x + \sigma \xi), \quad \xi \sim N(0, 1)

    Args:
        domain: Legal inputs; noise is clipped to its box.
        noise: :math:`\sigma`, in input units, > 0.
        share: Share of the items that get noise, in [0, 1]; the others stay as they are.
    Returns:
        Inputs, the shape of ``x``, detached.
    Raises:
        SettingError: noise that is not positive, or a domain of whole numbers.
    Cost: one draw per feature; no pass.
    Example:
        >>> import torch
        >>> from spikeproof.base import seeds
        >>> inputs = GaussianNoise(Domain(kind="audio", shape=(1000,), low=-1.0), noise=0.1)
        >>> x = torch.zeros(1, 1000)
        >>> noisy = inputs(nn.Identity(), x, torch.tensor([0]), seeds=seeds(0, n=1))
        >>> round(noisy.std().item(), 2)
        0.1

    References:
        rusak2020
    """

    kind: ClassVar[str] = "gaussian"

    domain: Domain | Views
    noise: float = 0.1
    share: float = 1.0

    def __post_init__(self) -> None:
        check_positive(self, "noise")
        check_fraction(self, "share")
        if self.domain.integer:
            raise SettingError(
                "Gaussian noise does not fit a domain of whole numbers; for event counts use the "
                "inputs 'corruption' with kinds = ['deletion', 'insertion', 'jitter']."
            )

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, seeds: Seeds) -> Tensor:
        """Noisy items."""
        draw = seeds.child("gaussian").normal(x.shape[1:], device=x.device).to(x)
        noisy = seeds.child("share").uniform((1,), device=x.device)[:, 0].to(x) < self.share
        noisy = per_item(noisy, x)
        return self.domain.clip(x.detach() + self.noise * draw * noisy).to(x.dtype)
