"""Average pooling of spikes: the same bits as torch's own pooling."""

import itertools
import math

import pytest
import torch
from torch import Tensor, nn

from spikeproof.models import pooling
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


@pytest.mark.parametrize("shape", [(64, 12, 16, 16), (100, 5, 12, 14), (1, 1, 512, 256)])
def test_many_spikes_with_channels_last_are_pooled_as_torch_does(shape: tuple[int, ...]) -> None:
    assert math.prod(shape) >= pooling._MANY
    last, contiguous = torch.channels_last, torch.contiguous_format
    x = spikes(*shape).contiguous(memory_format=last).requires_grad_(True)
    a, b = SpikePool(2)(x), nn.AvgPool2d(2)(x)
    for come in (last, contiguous):
        incoming = torch.randn(b.shape).contiguous(memory_format=come)
        grads = [torch.autograd.grad(out, x, incoming, retain_graph=True)[0] for out in (a, b)]
        assert torch.equal(*grads) and grads[0].stride() == grads[1].stride()
    assert torch.equal(a, b) and a.stride() == b.stride()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_second_derivatives_exist(
    layout: torch.memory_format, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pooling, "_MANY", 0)
    x = torch.rand(1, 2, 4, 4, dtype=torch.float64).contiguous(memory_format=layout)
    assert torch.autograd.gradgradcheck(lambda z: SpikePool(2)(z).pow(3), x.requires_grad_(True))


def test_nothing_is_kept_for_the_way_back() -> None:
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda saved: saved):
        for layout in (torch.contiguous_format, torch.channels_last):
            SpikePool(2)(spikes(64, 4, 16, 16).contiguous(memory_format=layout).requires_grad_())
    assert not kept
