"""TG-Reg: the squared input gradient of every time step, differentiated exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from spikeproof.base import InputError
from spikeproof.models import framing
from spikeproof.neurons import observing
from spikeproof.train.terms.forward import Forward
from spikeproof.train.terms.input_gradient import differentiable
from spikeproof.train.terms.registry import TERMS

__all__ = ["TGReg"]


@TERMS.register("tg_reg")
@dataclass(frozen=True, kw_only=True)
class TGReg:
    r"""Penalise the squared gradient of the loss with respect to the input of every time step.

    .. math:: \frac1N \sum_i \sum_{t=1}^{T} \|\nabla_{s_t} L(x_i, y_i)\|_2^2

    :math:`s_t` is what the first layer is given at step t: a frame of events, or what the encoder
    made of an image. Where every step is the image itself,
    :math:`\|\nabla_x L\|_2^2 \le T \sum_t \|\nabla_{s_t} L\|_2^2`, so it bounds the l_2 gradient of
    the image; where the frames are the input, it is
    ``GradientNorm(norm="l2", of="loss")``.

    Returns:
        A scalar, the mean over items.
    Raises:
        InputError: a network without a first layer that is run step by step, or no gradient that
            could be differentiated again.
    Cost: 1 forward that runs the first layers at every step, 1 backward to the frames with a
        graph, and a backward through it; the reference kernel, which alone has second derivatives.
    Differs from the paper:
        The loss of each item by itself, so that the weight carries over to other batch sizes: the
        published code takes the gradient of the mean over a batch of B, a weight B^2 times smaller.
    Example:
        >>> from spikeproof.models import ModelSpec, build
        >>> from spikeproof.data import Domain
        >>> image = Domain(kind="image", shape=(1, 4, 4))
        >>> net = build(ModelSpec(name="dense", domain=image, classes=2, width=8, timesteps=3))
        >>> forward = Forward(net, torch.rand(4, 1, 4, 4), torch.tensor([0, 1, 0, 1]))
        >>> TGReg()(forward).item() >= 0
        True

    References:
        xu2026granularity
    """

    passes: ClassVar[tuple[int, int]] = (1, 1)

    def __call__(self, forward: Forward) -> Tensor:
        """The mean penalty of the batch."""
        _ = forward.logits  # the shared pass has its own frames
        with framing() as frames, observing():
            logits = forward.forward_again(forward.x, frozen_statistics=True)
        if not frames:
            raise InputError(
                "TGReg: no layer of the model runs on the input of single time steps, so there is "
                "no gradient per step; use gradient_norm, which penalises that of the raw input."
            )
        loss = F.cross_entropy(logits, forward.y, reduction="sum")
        grads = [grad for grad in differentiable(loss, frames) if grad is not None]
        if not any(grad.requires_grad for grad in grads):
            raise InputError(
                "TGReg: no gradient that could be differentiated again reaches the steps of the "
                "input; use spikeproof.neurons.Spiking for the neurons."
            )
        return torch.stack([grad.square().sum() for grad in grads]).sum() / len(forward.x)
