"""Broken defences: every one hides adversarial inputs from the attack that it is claimed by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

import spikeproof as sp
from spikeproof.attacks import FGSM, PGD, Member
from spikeproof.models import Network, Temporal
from spikeproof.neurons import Surrogate
from spikeproof.threats import Threat, threat_of
from tests.zoo.entry import BROKEN, Case, entry
from tests.zoo.networks import Recipe, data_of, spike_net, trained, with_neuron
from tests.zoo.parts import (
    Around,
    Mean,
    by_content,
    denoised,
    fixed_noise,
    own_poisson,
    rounded,
    shattered,
)
from tests.zoo.wrong_attacks import RoundedAtLast, SharedBudget, SmallRadius

DIGITS = Recipe("digits")
DENSE = Recipe("digits", model="dense", width=64, seed=1)
EVENTS = Recipe("digits-events", width=6, epochs=6)
AUDIO = Recipe("digits-audio", width=10, epochs=8)
AV = Recipe("digits-av", width=8, epochs=3)
NARROW = Surrogate("rectangle", sharpness=40.0)


def threat(name: str, data: str = "digits") -> Threat:
    """A threat such as ``linf:0.1``."""
    kind, _, radius = name.partition(":")
    return threat_of(data_of(data), kind, float(radius))


def digits(
    model: nn.Module, under: str = "linf:0.1", *, twin: nn.Module | None = None, **more: Any
) -> Case:
    """A case on digits."""
    return Case(model, data_of("digits"), threat(under), twin=twin, **more)


# The gradient is cut


@entry(BROKEN, "The input is detached before the network, so no gradient reaches it.")
def detached_encoder() -> Case:
    net = trained(DIGITS)
    return digits(Around(net, Tensor.detach), twin=net)


@entry(BROKEN, "The gradient reaches the border of the image only.")
def half_detached() -> Case:
    net, border = trained(DENSE), torch.ones(8, 8)
    border[1:7, 2:6] = 0

    def before(x: Tensor) -> Tensor:
        return x * border + (x * (1 - border)).detach()

    return digits(Around(net, before), twin=net)


@entry(BROKEN, "Pixels are rounded to 16 levels, whose derivative is zero.")
def integer_quantiser() -> Case:
    net = trained(DIGITS)
    return digits(Around(net, rounded(15)), twin=Around(net, rounded(15, honest=True)))


@entry(BROKEN, "An event filter decides by comparison, and no gradient passes it.")
def event_filter() -> Case:
    net = trained(EVENTS)
    return Case(
        Around(net, denoised()),
        data_of("digits-events"),
        threat("counts:32", "digits-events"),
        twin=Around(net, denoised(honest=True)),
    )


@entry(BROKEN, "Samples are rounded to 5 bits, whose derivative is zero.")
def audio_quantiser() -> Case:
    net = trained(AUDIO)
    return Case(
        Around(net, rounded(16, -1.0)),
        data_of("digits-audio"),
        threat("linf:0.04", "digits-audio"),
        twin=Around(net, rounded(16, -1.0, honest=True)),
    )


@entry(BROKEN, "Of two senses the gradient of one is cut, and the attack leaves it alone.")
def one_sense_detached() -> Case:
    net, data = trained(AV), data_of("digits-av")
    size = data.domain.parts[0][1].size  # type: ignore[union-attr]

    def before(x: Tensor) -> Tensor:
        return torch.cat([x[:, :size].detach(), x[:, size:]], 1)

    return Case(Around(net, before), data, threat("joint:1", "digits-av"), twin=net)


# The gradient vanishes


@entry(BROKEN, "The surrogate is so narrow that hardly any membrane lies under it.")
def saturated_surrogate() -> Case:
    net = trained(DIGITS)
    return digits(with_neuron(net, replace(net.spec.neuron, surrogate=NARROW)), twin=net)


@entry(BROKEN, "The same on a dense network of leaky neurons, under another norm.")
def saturated_surrogate_l2() -> Case:
    net = trained(DENSE)
    return digits(with_neuron(net, replace(net.spec.neuron, surrogate=NARROW)), "l2:0.5", twin=net)


@entry(BROKEN, "The same on events.")
def saturated_surrogate_events() -> Case:
    net = trained(EVENTS)
    return Case(
        with_neuron(net, replace(net.spec.neuron, surrogate=NARROW)),
        data_of("digits-events"),
        threat("linf:0.025", "digits-events"),
        twin=net,
    )


@entry(BROKEN, "The derivative of the spike is centred two thresholds above the threshold.")
def threshold_mismatch() -> Case:
    return digits(spike_net(centre=2.0, window=0.5), twin=spike_net())


@entry(BROKEN, "A softmax of 1000 times the logits rounds to 0 and 1.")
def softmax_times_1000() -> Case:
    net = trained(DIGITS)

    def after(z: Tensor) -> Tensor:
        return (1000 * z).softmax(1)

    return digits(Around(net, after=after), twin=net, same=False)


@entry(BROKEN, "Logits are rounded to halves, whose derivative is zero.")
def rounded_logits() -> Case:
    net = trained(DENSE)

    def after(z: Tensor) -> Tensor:
        return (2 * z).round() / 2

    return digits(Around(net, after=after), twin=net, same=False)


@entry(BROKEN, "A contrast so steep that its derivative underflows to zero.")
def steep_contrast() -> Case:
    net = trained(DIGITS)

    def at(gain: float) -> Any:
        return lambda x: torch.sigmoid(gain * (x - 0.5))

    def honest(x: Tensor) -> Tensor:
        return at(500.0)(x).detach() + (x - x.detach())

    return digits(Around(net, at(500.0)), "linf:0.15", twin=Around(net, honest))


# The gradient misleads


@entry(BROKEN, "A fast wave of the size of a grey level turns the sign of the derivative about.")
def shattered_gradient() -> Case:
    net = trained(DIGITS)
    return digits(Around(net, shattered(0.004)), twin=Around(net, shattered(0.004, honest=True)))


def _coded(code: str, slope: str, seed: int) -> Network:
    encoder = (("kind", "temporal"), ("code", code), ("slope", slope))
    return trained(Recipe("digits", timesteps=8, epochs=8, seed=seed, encoder=encoder))


def _masked_code(code: str, seed: int, under: str) -> Case:
    net = _coded(code, "spike", seed)
    twin = sp.build(replace(net.spec, encoder=Temporal(code=code)))
    twin.load_state_dict(net.state_dict())
    return digits(net, under, twin=twin.eval())


@entry(BROKEN, "A temporal code lets the gradient pass only where a spike is (pre).")
def temporal_pre_masked() -> Case:
    return _masked_code("pre", 3, "linf:0.1")


@entry(BROKEN, "A temporal code lets the gradient pass only where a spike is (post).")
def temporal_post_masked() -> Case:
    return _masked_code("post", 4, "linf:0.2")


@entry(BROKEN, "Adversarial training of perfect integrators hides from its own gradient.")
def at_on_if() -> Case:
    return digits(trained(Recipe("digits", "AT", seed=24, width=12, timesteps=3, epochs=8,
                                 neuron=(("kind", "if"),))))  # fmt: skip


@entry(BROKEN, "Threshold guarding without adversarial training, judged by a single step.")
def tgo_by_one_step() -> Case:
    net = trained(Recipe("digits", "TGO", seed=5, epochs=8))
    return digits(net, claim=Member(attack=FGSM(), loss="cross_entropy"), same=False)


# Chance and state


@entry(BROKEN, "Poisson coding is attacked through single draws.", fact="attack")
def poisson_without_eot() -> Case:
    net = own_poisson(spike_net(), 2)
    claim = Member(attack=PGD(steps=10, step_size=0.1), loss="cross_entropy")
    return digits(net, twin=Mean(net), same=False, claim=claim)


@entry(BROKEN, "The noise of an item follows from its place in the batch.", fact="function")
def fixed_seed_noise() -> Case:
    net = trained(DIGITS)
    return digits(Around(net, fixed_noise(0.25)), twin=net, same=False)


@entry(BROKEN, "The noise of an item follows from its values, and is another one a step away.")
def noise_by_content() -> Case:
    net = trained(DENSE)
    return digits(Around(net, by_content(0.35)), twin=net, same=False)


@entry(BROKEN, "Membranes are carried from one call to the next.", fact="function")
def state_leak() -> Case:
    return digits(spike_net(carry=True), twin=spike_net(), same=False)


@entry(BROKEN, "Items are centred by the mean of their batch.", fact="function")
def batch_centred() -> Case:
    net = trained(DENSE)

    def before(x: Tensor) -> Tensor:
        return (x - x.mean(0, keepdim=True) + 0.3).clamp(0, 1)

    return digits(Around(net, before), twin=net, same=False)


# The attack is wrong


@entry(BROKEN, "One l_2 budget is shared by all items of a batch.")
def batch_shared_budget() -> Case:
    return digits(
        trained(DIGITS), "l2:0.75", claim=Member(attack=SharedBudget(), loss="cross_entropy"),
        attacks={"zoo-shared-budget": SharedBudget},
    )  # fmt: skip


@entry(BROKEN, "Three steps of a fiftieth of the radius.")
def too_few_steps() -> Case:
    claim = Member(attack=PGD(steps=3, step_size=0.02, random_start=False), loss="cross_entropy")
    return digits(trained(DENSE), claim=claim)


@entry(BROKEN, "The attack runs at a fifth of the radius that is claimed.")
def wrong_radius() -> Case:
    return digits(
        trained(DIGITS), claim=Member(attack=SmallRadius(), loss="cross_entropy"),
        attacks={"zoo-small-radius": SmallRadius},
    )  # fmt: skip


@entry(BROKEN, "Events are attacked as fractions, and success is lost when they are rounded.")
def relaxed_only() -> Case:
    return Case(
        trained(EVENTS), data_of("digits-events"), threat("counts:32", "digits-events"),
        claim=Member(attack=RoundedAtLast(), loss="cross_entropy"),
        attacks={"zoo-rounded-at-last": RoundedAtLast},
    )  # fmt: skip
