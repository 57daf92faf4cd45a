"""Batch normalisation for attackers: torch's answers and input gradients, and nothing else."""

import itertools

import pytest
import torch
from torch import Tensor, nn

from spikeproof.data import Domain
from spikeproof.models import ModelSpec, PerStepNorm, build, input_gradients_only
from spikeproof.oracle import Oracle

SHAPES = ((6, 5), (4, 5, 7), (6, 5, 4, 3), (6, 5, 1, 1), (1, 5, 3, 3), (64, 5, 16, 16))
LAYOUTS = {
    "rows": lambda x: x,
    "channels last": lambda x: (
        x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x
    ),
    "turned": lambda x: x.transpose(0, 1).contiguous().transpose(0, 1),
}


def normal(shape: tuple[int, ...], dtype: torch.dtype, seed: int) -> Tensor:
    """Random numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def settled(shape: tuple[int, ...], dtype: torch.dtype, *, affine: bool) -> nn.Module:
    """A layer in evaluation mode with statistics and weights of its own."""
    kind = nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d
    norm = kind(shape[1], affine=affine).to(dtype).eval()
    for seed, tensor in enumerate(norm.state_dict().values()):
        if tensor.is_floating_point():
            tensor.copy_(normal(tuple(tensor.shape), dtype, seed).abs() + 0.3)
    return norm


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_answers_and_gradients_are_those_of_torch_bit_for_bit(dtype: torch.dtype) -> None:
    for shape, affine in itertools.product(SHAPES, (True, False)):
        norm = settled(shape, dtype, affine=affine)
        for lie, come in itertools.product(LAYOUTS, repeat=2):
            x = LAYOUTS[lie](normal(shape, dtype, 7)).requires_grad_(True)
            incoming = LAYOUTS[come](normal(shape, dtype, 8))
            theirs = norm(x)
            with input_gradients_only(norm):
                ours = norm(x)
            own, (grad,) = (torch.autograd.grad(out, x, incoming) for out in (ours, theirs))
            told = f"{shape}, affine={affine}, input {lie}, gradient {come}"
            assert torch.equal(ours, theirs), told
            assert torch.equal(own[0], grad), told
            assert own[0].stride() == grad.stride(), told
            assert ours.stride() == theirs.stride(), told


def test_no_input_is_kept_and_no_weight_gets_a_gradient() -> None:
    norm = settled((6, 5), torch.float32, affine=True)
    x, kept = normal((6, 5), torch.float32, 0).requires_grad_(True), []
    hooks = torch.autograd.graph.saved_tensors_hooks(kept.append, lambda saved: saved)
    with input_gradients_only(norm), hooks:
        out = norm(x)
    assert out.requires_grad
    assert {tuple(tensor.shape) for tensor in kept} == {(5,)}
    assert all(p.grad is None for p in norm.parameters())


def test_training_mode_and_other_types_stay_with_torch() -> None:
    norm = nn.BatchNorm1d(3).train()
    with input_gradients_only(norm):
        norm(normal((4, 3), torch.float32, 0).requires_grad_(True)).sum().backward()
    assert norm.weight.grad is not None
    assert norm.num_batches_tracked == 1
    half = nn.BatchNorm1d(3).eval().to(torch.bfloat16)
    with input_gradients_only(half):
        out = half(normal((4, 3), torch.bfloat16, 0).requires_grad_(True))
    assert out.grad_fn is not None
    assert "NativeBatchNorm" in out.grad_fn.name()


def test_statistics_per_step_are_served_too() -> None:
    norm = PerStepNorm(3, timesteps=2).eval()
    norm.running_mean.copy_(normal((2, 3), torch.float32, 1))
    x = normal((8, 3), torch.float32, 2).requires_grad_(True)
    (theirs,) = torch.autograd.grad(norm(x).square().sum(), x)
    with input_gradients_only(norm):
        out = norm(x)
    (ours,) = torch.autograd.grad(out.square().sum(), x)
    assert torch.equal(ours, theirs)


def test_an_oracle_takes_this_way() -> None:
    domain = Domain(kind="image", shape=(1, 12, 12))
    model = build(ModelSpec(name="cnn-small", domain=domain, classes=3, width=4), seed=0)
    x = torch.rand(3, *domain.shape, generator=torch.Generator().manual_seed(0))
    names = []

    def score(logits: Tensor) -> Tensor:
        queue = [logits.grad_fn]
        while queue:
            node = queue.pop()
            if node is not None:
                names.append(node.name())
                queue += [before for before, _ in node.next_functions]
        return logits[:, 0]

    with Oracle(model) as oracle:
        _, grad = oracle.logits_and_grad(x, score)
    assert not any("NativeBatchNorm" in name for name in names)
    z = x.clone().requires_grad_(True)
    (plain,) = torch.autograd.grad(model.eval()(z)[:, 0].sum(), z)
    assert torch.equal(grad, plain)
