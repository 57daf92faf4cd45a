"""Sound set-ups: the claimed attack finds what there is to find, whether much stands or nothing."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import spikeproof as sp
from spikeproof.attacks import PGD, Member
from tests.zoo.broken import AUDIO, AV, DENSE, DIGITS, EVENTS, digits, threat
from tests.zoo.entry import SOUND, Case, entry
from tests.zoo.networks import Recipe, data_of, fit_plain, spike_net, trained
from tests.zoo.parts import Around, rounded


def case(model: nn.Module, under: str, data: str) -> Case:
    """A case on any data."""
    return Case(model, data_of(data), threat(under, data))


@entry(SOUND, "An undefended convolutional network: nearly nothing stands.")
def plain_cnn() -> Case:
    return digits(trained(DIGITS), "linf:0.15")


@entry(SOUND, "An undefended dense network of leaky neurons under l_2.")
def plain_dense_l2() -> Case:
    return digits(trained(DENSE), "l2:0.75")


@entry(SOUND, "An undefended network of perfect integrators.")
def plain_if() -> Case:
    net = trained(Recipe("digits", seed=7, width=12, neuron=(("kind", "if"),)))
    return digits(net, "linf:0.15")


@entry(SOUND, "Adversarial training of leaky neurons, at half the standard radius.")
def at_lif() -> Case:
    return digits(trained(Recipe("digits", "AT", seed=8, width=8, epochs=8)), "linf:0.05")


@entry(SOUND, "A network without spikes: its gradient is exact.")
def relu() -> Case:
    return digits(_relu(11))


def _relu(seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
    fit_plain(net, seed)
    return net


@entry(SOUND, "A small radius, under which most of a smooth network really stands.")
def relu_small_radius() -> Case:
    return digits(_relu(12), "linf:0.02")


@entry(SOUND, "A spiking network in plain torch with a wide surrogate.")
def plain_torch() -> Case:
    return digits(spike_net(3), "linf:0.15")


@entry(SOUND, "The same with its layers adapted, so that gradient rules reach them.")
def adapted() -> Case:
    data = data_of("digits")
    return digits(sp.adapt(spike_net(3), example=data.validation.x[:4]), "l2:0.5")


@entry(SOUND, "Poisson coding, attacked and judged by the mean of ten draws.")
def poisson_with_eot() -> Case:
    net = trained(Recipe("digits", seed=9, timesteps=8, encoder=(("kind", "poisson"),)))
    claim = Member(attack=PGD(steps=30, step_size=0.125), loss="cross_entropy").averaged(10)
    return digits(net, claim=claim, same=False)


@entry(SOUND, "A temporal code whose gradient passes everywhere.")
def temporal_honest() -> Case:
    encoder = (("kind", "temporal"), ("code", "pre"), ("slope", "mean"))
    return digits(trained(Recipe("digits", seed=10, timesteps=8, epochs=8, encoder=encoder)),
                  "linf:0.15")  # fmt: skip


@entry(SOUND, "Pixels are rounded to 16 levels, straight through.")
def quantiser_honest() -> Case:
    return digits(Around(trained(DENSE), rounded(15, honest=True)))


@entry(SOUND, "An undefended network of events, under changes of whole events.")
def events_plain() -> Case:
    return case(trained(EVENTS), "counts:32", "digits-events")


@entry(SOUND, "The same, frame by frame under l_inf.")
def events_plain_linf() -> Case:
    return case(trained(EVENTS), "linf:0.025", "digits-events")


@entry(SOUND, "An undefended network of sounds.")
def audio_plain() -> Case:
    return case(trained(AUDIO), "linf:0.04", "digits-audio")


@entry(SOUND, "Adversarial training of sounds.")
def audio_at() -> Case:
    net = trained(Recipe("digits-audio", "AT", seed=13, width=10, epochs=4))
    return case(net, "linf:0.03", "digits-audio")


@entry(SOUND, "An undefended network of image and sound, under a joint budget.")
def av_plain() -> Case:
    return case(trained(AV), "joint:1", "digits-av")


class Halves(nn.Module):
    """Logits (-z, z), z = k (mean of the upper half - mean of the lower half).

    A pixel may move by half of an item's gap until the answer turns, so robust accuracy under
    l_inf is the share of items whose gap is above twice the radius.
    """

    def __init__(self, k: float = 20.0) -> None:
        super().__init__()
        self.k = nn.Parameter(torch.tensor(k))

    def forward(self, x: Tensor) -> Tensor:
        z = self.k * (x[:, 0, :2].mean((1, 2)) - x[:, 0, 2:].mean((1, 2)))
        return torch.stack([-z, z], 1)


@entry(
    SOUND, "A linear network of made images, of which just over half stands.", fact="closed form"
)
def made_linear() -> Case:
    return case(Halves().eval(), "linf:0.12", "made")


@entry(SOUND, "The same at a radius under which nearly everything stands.", fact="closed form")
def made_linear_far() -> Case:
    return case(Halves().eval(), "linf:0.02", "made")
