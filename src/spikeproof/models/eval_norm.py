"""Batch normalisation in evaluation mode, for whoever asks for input gradients only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from spikeproof.neurons import layers_unseen

__all__ = ["input_gradients_only", "is_compiled"]

_TYPES = (torch.float32, torch.float64)


def input_gradients_only(
    model: nn.Module, *, compiled: bool | None = None
) -> AbstractContextManager[Any]:
    r"""Inside, batch normalisation with running statistics hands a gradient to its input only.

    .. math:: \frac{\partial L}{\partial x} = \frac{\partial L}{\partial y}\,
              \frac{1}{\sqrt{\sigma^2 + \epsilon}}\,w

    torch's own backward pass also keeps the input and sums over every channel for the gradients of
    weight and bias, wanted or not. An attacker wants none: without them this backward is two
    products and nothing is kept. Answers are torch's own, gradients too, bit for bit, where the
    gradient lies in memory as the input does. Nothing is written on the model; training mode, other
    types and devices, and compiled models are served by torch as ever.

    Args:
        model: The one that will be called inside.
        compiled: What :func:`is_compiled` said of it, for who asks often.
    Example:
        >>> norm, x = nn.BatchNorm1d(3).eval(), torch.randn(4, 3, requires_grad=True)
        >>> with input_gradients_only(norm):
        ...     (grad,) = torch.autograd.grad(norm(x).sum(), x)
        >>> torch.equal(grad, torch.autograd.grad(norm(x).sum(), x)[0])
        True
    """
    if torch.compiler.is_compiling():
        return nullcontext()
    return nullcontext() if (is_compiled(model) if compiled is None else compiled) else _frugal()


def is_compiled(model: nn.Module) -> bool:
    """Whether a part is compiled; a scope that looks at every call would compile it anew.

    Example:
        >>> is_compiled(nn.Linear(1, 1))
        False
    """
    return any(
        getattr(module, "_compiled_call_impl", None) is not None or hasattr(module, "_orig_mod")
        for module in model.modules()
    )


@contextmanager
def _frugal() -> Iterator[None]:
    """The mode, which has nothing to look for in spiking layers."""
    with _Mode(), layers_unseen():
        yield


class _Mode(TorchFunctionMode):
    """Looks at every call of a torch function, and answers for one of them."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is functional.batch_norm:
            return _normalised(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _normalised(
    x: Tensor,
    mean: Tensor | None,
    var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    **settings: Any,  # as torch hands them on: training, momentum, eps
) -> Tensor:
    """``functional.batch_norm``."""
    given = x.requires_grad and x.dtype in _TYPES and x.device.type == "cpu"
    if settings.get("training", False) or not given or mean is None or var is None:
        return functional.batch_norm(x, mean, var, weight, bias, **settings)
    affine, small = (weight, bias), settings.get("eps", 1e-5)
    normalised: Tensor = _InputOnly.apply(x, (mean, var), affine, small)  # type: ignore[no-untyped-call]
    return normalised


class _InputOnly(torch.autograd.Function):
    """torch's forward pass, and of its backward pass the part for the input."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        statistics: tuple[Tensor, Tensor],
        affine: tuple[Tensor | None, Tensor | None],
        small: float,
    ) -> Tensor:
        (mean, var), (weight, bias) = statistics, affine
        ctx.save_for_backward(var, weight)
        ctx.small, ctx.layout = small, _layout(x)
        return functional.batch_norm(x, mean, var, weight, bias, False, 0.0, small)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        var, weight = ctx.saved_tensors
        grad = grads[0].contiguous(memory_format=ctx.layout)
        shape = (1, -1, *[1] * (grad.ndim - 2))
        # As torch does it: the root in double precision, and one product after the other.
        scale = (var.double() + ctx.small).sqrt().reciprocal().to(grad.dtype)
        out = grad * scale.view(shape)
        if weight is not None:
            out.mul_(weight.detach().view(shape))
        return out, None, None, None


def _layout(x: Tensor) -> torch.memory_format:
    """The order in which an input lies in memory."""
    last = x.ndim == 4 and not x.is_contiguous()
    if last and x.is_contiguous(memory_format=torch.channels_last):
        return torch.channels_last
    return torch.contiguous_format
