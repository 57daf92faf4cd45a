"""Average pooling of spikes: the same bits as torch's own pooling."""

import itertools

import pytest
import torch
from torch import Tensor, nn

from spikeproof.models.pooling import SpikePool


def spikes(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """About one in three."""
    drawn = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    return (drawn < 0.3).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [(2,), (3, 2, 1), (2, 1), (2, 2, 1)])
def test_spikes_and_gradients_are_pooled_as_torch_does(
    size: tuple[int, ...], dtype: torch.dtype
) -> None:
    ours, theirs = SpikePool(*size), nn.AvgPool2d(*size)
    last = torch.channels_last
    for shape in ((3, 4, 6, 8), (2, 3, 2, 2), (3, 4, 5, 7)):
        for lie, come in itertools.product((torch.contiguous_format, last), repeat=2):
            x = spikes(*shape, dtype=dtype).contiguous(memory_format=lie).requires_grad_(True)
            a, b = ours(x), theirs(x)
            incoming = torch.randn(b.shape, dtype=dtype).contiguous(memory_format=come)
            grads = [torch.autograd.grad(out, x, incoming)[0] for out in (a, b)]
            assert torch.equal(a, b), (shape, lie)
            assert torch.equal(*grads), (shape, lie, come)
            assert (a.stride(), grads[0].stride()) == (b.stride(), grads[1].stride())


def test_second_derivatives_exist() -> None:
    x = torch.rand(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda z: SpikePool(2)(z).pow(3), x)


def test_nothing_is_kept_for_the_way_back() -> None:
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda saved: saved):
        SpikePool(2)(spikes(2, 3, 4, 4).requires_grad_(True))
    assert not kept
