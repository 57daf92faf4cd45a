"""The mean over time: the same bits whatever the layout of the spikes."""

import pytest
import torch

from spikeproof.neurons import time_mean


@pytest.mark.parametrize("shape", [(10, 6, 24, 8, 8), (7, 3, 5, 5, 7), (1, 2, 3, 4, 1)])
def test_spikes_with_channels_last_have_torchs_mean_and_gradient(shape: tuple[int, ...]) -> None:
    drawn = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    spikes = (drawn < 0.3).float()
    last = spikes.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3).requires_grad_(True)
    ours, torchs = time_mean(last), last.mean(0)
    assert torch.equal(ours, torchs) and ours.is_contiguous()
    incoming = torch.randn(ours.shape)
    grads = [torch.autograd.grad(out, last, incoming)[0] for out in (ours, torchs)]
    assert torch.equal(*grads)
