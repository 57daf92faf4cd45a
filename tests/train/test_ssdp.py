"""SSDP by hand: what it changes, where it acts, when, and what it refuses."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

import spikeproof as sp
from spikeproof.base import InputError, SettingError
from spikeproof.neurons import IF, Spiking, time_mean
from spikeproof.train import SSDP
from spikeproof.train.hooks.ssdp import latencies
from support.moments import Chain, moment


def test_ssdp_by_hand() -> None:
    # T = 3. Pre fires at 0 or never, post at 1 or never.
    pre, post = torch.tensor([[0, 3]]), torch.tensor([[1, 3]])
    near = [math.exp(-(dt**2) / 2) for dt in range(4)]
    change = SSDP(layers=("a",), plus=0.3, base=0.1).change(pre, post, 3)
    expected = [
        [0.3 * near[1], -0.1 * near[2]],  # post at 1: with pre at 0, with silent pre
        [-0.1 * near[3], -0.1 * near[0]],  # silent post: with pre at 0, both silent
    ]
    torch.testing.assert_close(change, torch.tensor(expected, dtype=torch.float64))
    # Another item in which everything fires at once: the mean of the two.
    both = SSDP(layers=("a",), plus=0.3, base=0.1).change(
        torch.cat([pre, torch.zeros_like(pre)]), torch.cat([post, torch.zeros_like(post)]), 3
    )
    torch.testing.assert_close(both, (change + 0.3) / 2)


def test_ssdp_in_its_exponential_form_by_hand() -> None:
    pre, post = torch.tensor([[0, 3]]), torch.tensor([[1, 3]])
    change = SSDP.exponential(("a",)).change(pre, post, 3)
    fired = 0.02 * (math.exp(-1 / 20) - math.exp(-1 / 400))
    expected = torch.tensor([[fired, 0.0], [0.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(change, expected)
    assert fired == pytest.approx(-0.0463 * 0.02, rel=1e-2), "always depression, as published"


def test_a_change_is_cut_at_one() -> None:
    fired = torch.zeros(2, 3, dtype=torch.int64)
    assert SSDP(layers=("a",), plus=7.0).change(fired, fired, 4).tolist() == [[1.0] * 3] * 3


def test_ssdp_takes_first_spikes_in_front_of_and_behind_a_layer() -> None:
    # Inputs .5 and 1: early neurons fire at 1, 3 and at 0, 1, 2, 3; late ones at 1, 3 and at 1, 3.
    # The readout is above 0 at 1 and 3 for class 0, and never for class 1.
    net, x = Chain(), torch.tensor([[0.5, 1.0]])
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    rule = SSDP(layers=("middle", "readout"), plus=0.3, base=0.1, start=0)
    rule(moment(net, x))
    near = [math.exp(-(dt**2) / 2) for dt in range(5)]
    middle = torch.tensor([[0.3, 0.3 * near[1]], [0.3, 0.3 * near[1]]])
    # Latencies behind: 1 and silent (4); in front: 1 and 1.
    readout = torch.tensor([[0.3, 0.3], [-0.1 * near[3], -0.1 * near[3]]])
    torch.testing.assert_close(net.middle.weight.data, before["middle.weight"] + middle)
    torch.testing.assert_close(net.readout.weight.data, before["readout.weight"] + readout)


def test_the_shuffled_control_keeps_sizes_and_forgets_whose_they_were() -> None:
    x = torch.rand(6, 2, generator=torch.Generator().manual_seed(3)) + 0.2
    moved = {}
    for shuffled in (False, True):
        for step in range(8):
            net = Chain()
            before = net.middle.weight.detach().clone()
            settings = {"plus": 0.3, "base": 0.1, "start": 0, "shuffled": shuffled}
            SSDP(layers=("middle",), **settings)(moment(net, x, index=step))
            moved[shuffled, step] = net.middle.weight.detach() - before
    own = moved[False, 0]
    assert own.unique().numel() > 2
    assert all(torch.equal(moved[False, step], own) for step in range(8))
    orders = [moved[True, step] for step in range(8)]
    for change in orders:  # the same four numbers, up to the rounding of the sum
        torch.testing.assert_close(change.flatten().sort()[0], own.flatten().sort()[0])
    assert any(not torch.allclose(change, own, atol=1e-3) for change in orders)
    assert any(not torch.allclose(change, orders[0], atol=1e-3) for change in orders)


class Images(nn.Module):
    """Neurons, a 1x1 convolution that skips every other column, neurons, a readout."""

    def __init__(self) -> None:
        super().__init__()
        self.early, self.late = Spiking(IF()), Spiking(IF())
        self.mix = nn.Conv2d(2, 3, 1, stride=(1, 2), bias=False)
        self.readout = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.early(x.expand(4, *x.shape))
        current = self.mix(spikes.flatten(0, 1)).unflatten(0, spikes.shape[:2])
        logits: Tensor = self.readout(time_mean(self.late(current).mean((3, 4))))
        return logits


def test_at_a_1x1_convolution_every_place_is_a_linear_layer() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = Images()
    net.mix.weight.data.abs_().add_(0.4)
    x = torch.rand(5, 2, 2, 4, generator=torch.Generator().manual_seed(1))
    weight = net.mix.weight.detach().clone()
    rule = SSDP(layers=("mix",), plus=0.3, base=0.1, start=0)
    rule(moment(net, x))
    # The same by hand: places that the stride keeps, as items of a linear layer.
    spikes = Spiking(IF())(x.expand(4, *x.shape))[..., ::2]
    pre = spikes.permute(0, 1, 3, 4, 2).reshape(4, -1, 2)
    post = Spiking(IF())(pre @ weight[:, :, 0, 0].T)
    change = rule.change(latencies(pre), latencies(post), 4)
    assert change.unique().numel() > 2
    torch.testing.assert_close(net.mix.weight.data[:, :, 0, 0], weight[:, :, 0, 0] + change.float())


def test_ssdp_waits_for_its_start_and_leaves_hooks_modes_and_buffers_alone() -> None:
    data = sp.load("digits")
    model = sp.build("dense", data, width=8, timesteps=3)
    x = data.train.x[:8]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    rule = SSDP(layers=("body.readout", "body.layers.1.layers.0"), start=10)
    rule(moment(model, x, epoch=10))
    assert all(torch.equal(v, state[n]) for n, v in model.state_dict().items())
    rule(moment(model, x, epoch=11))
    changed = {n for n, v in model.state_dict().items() if not torch.equal(v, state[n])}
    assert changed == {"body.readout.weight", "body.layers.1.layers.0.weight"}
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize(
    ("layer", "error", "sentence"),
    [
        ("body.readot", SettingError, "no linear or convolutional layer 'body.readot'; it has"),
        (
            "body.stem.0",
            SettingError,
            "SSDP acts on linear layers and 1x1 convolutions; 'body.stem.0' is Conv2d",
        ),
    ],
)
def test_ssdp_names_the_layers_it_could_act_on(
    layer: str, error: type[Exception], sentence: str
) -> None:
    data = sp.load("digits")
    model = sp.build("cnn-small", data, width=2)
    with pytest.raises(error, match=sentence):
        SSDP(layers=(layer,), start=0)(moment(model, data.train.x[:2]))


def test_ssdp_refuses_a_layer_in_front_of_the_first_neurons() -> None:
    data = sp.load("digits")
    model = sp.build("dense", data, width=4)
    with pytest.raises(InputError, match="is not called once per time step"):
        SSDP(layers=("body.stem.1",), start=0)(moment(model, data.train.x[:2]))
