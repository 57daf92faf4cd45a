"""Average pooling of spikes by 2 x 2 pixels, faster than torch's own on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["SpikePool"]


# Fewer numbers with channels last are pooled by torch before Python has begun.
_MANY = 1 << 16


class SpikePool(nn.AvgPool2d):
    """``nn.AvgPool2d`` of spikes; 2 x 2 windows side by side are added row by row.

    torch walks the windows one by one. Whole rows are added, and written backward, twice as fast.
    With channels last only the way forward is: three times as fast where there is much to add.
    The order of the sums is another, which no sum of spikes can tell: all are small whole numbers,
    so results are torch's bit for bit, and in torch's layout. Other sizes, images in another layout
    or with a rest, and other devices are left to torch.

    Example:
        >>> SpikePool(2)(torch.tensor([[[[1.0, 0.0], [1.0, 1.0]]]])).item()
        0.75
    """

    def forward(self, x: Tensor) -> Tensor:
        """Averages ``(N, C, H / 2, W / 2)`` of ``(N, C, H, W)``."""
        # Whoever traces the layer fuses the plain one by itself.
        if torch.compiler.is_compiling() or not self._served(x):
            return super().forward(x)
        way = _Halved if x.is_contiguous() else _HalvedLast
        pooled: Tensor = way.apply(x)  # type: ignore[no-untyped-call]
        return pooled

    def _served(self, x: Tensor) -> bool:
        """Whether this is the case that is made faster."""
        two = all(each in (2, (2, 2)) for each in (self.kernel_size, self.stride))
        plain = self.padding in (0, (0, 0)) and self.divisor_override is None
        known = x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64)
        whole = x.ndim == 4 and x.numel() > 0 and x.shape[2] % 2 == 0 and x.shape[3] % 2 == 0
        if not (two and plain and known and whole):
            return False
        last = x.numel() >= _MANY and x.is_contiguous(memory_format=torch.channels_last)
        return last or x.is_contiguous()


class _Halved(torch.autograd.Function):
    """The mean of each window; its gradient is shared by the four pixels."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        # Nothing is kept for the way back: the shape of the gradient says all.
        n, channels, height, width = x.shape
        pairs = x.view(n, channels, height // 2, 2, width)
        rows = pairs[:, :, :, 0] + pairs[:, :, :, 1]
        return (rows[..., ::2] + rows[..., 1::2]).mul_(0.25)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        share = grads[0].contiguous() * 0.25
        n, channels, height, width = share.shape
        if torch.is_grad_enabled():  # somebody will differentiate once more
            return _spread(share)
        out = torch.empty(n, channels, height, 2, 2 * width, dtype=share.dtype)
        upper, lower = out.unbind(3)
        upper[..., ::2] = share
        upper[..., 1::2] = share
        lower.copy_(upper)
        return out.view(n, channels, 2 * height, 2 * width)


class _HalvedLast(torch.autograd.Function):
    """The same with channels last; torch's own way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        pairs = x.permute(0, 2, 3, 1).view(n * height // 2, 2, width * channels)
        rows = (pairs[:, 0] + pairs[:, 1]).view(-1, 2, channels)
        mean = (rows[:, 0] + rows[:, 1]).mul_(0.25)
        return mean.view(n, height // 2, width // 2, channels).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (grad,) = grads
        if torch.is_grad_enabled():
            return _spread(grad * 0.25)
        n, channels, height, width = grad.shape
        # Nothing is kept: of the input torch asks for shape and layout only.
        shape, last = (n, channels, 2 * height, 2 * width), torch.channels_last
        like = torch.empty(shape, dtype=grad.dtype, memory_format=last)
        two, none = [2, 2], [0, 0]
        return torch.ops.aten.avg_pool2d_backward(grad, like, two, two, none, False, True, None)


def _spread(share: Tensor) -> Tensor:
    """Every number on its four pixels, by operations that have a derivative."""
    n, channels, height, width = share.shape
    spread = share[:, :, :, None, :, None].expand(-1, -1, -1, 2, -1, 2)
    return spread.reshape(n, channels, 2 * height, 2 * width)
