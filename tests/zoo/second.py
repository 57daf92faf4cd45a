"""Entries written when the settling of symptoms stood too, and judged once: the second fresh group.

Radii follow a rule that was fixed before any verdict was seen. Broken entries have the middle
standard radius of their data: l_inf on images and sounds, counts on events, joint on pairs, l_2
where that is said. Sound ones that are trained without a defence have two and a half times that
radius (far), at which nothing should stand, or a sixth of it (near), at which nearly everything
should; those that are trained with sparse gradients and adversarial inputs the middle one, and
those of a closed form the radius at which about half stands. Stochastic networks are claimed by the
mean of ten draws where they are sound, and by single draws where they are broken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD, Member
from spikeproof.data import Dataset
from spikeproof.models import Latency, Network, Phase
from spikeproof.neurons import Surrogate
from spikeproof.threats import threat_of
from tests.zoo.broken import digits, threat
from tests.zoo.closed_forms import Linear, made_events, made_pairs, pair_weights, polarities
from tests.zoo.entry import BROKEN, SOUND, Case, entry
from tests.zoo.fresh import around, cut
from tests.zoo.networks import (
    Recipe,
    coded_net,
    data_of,
    fit_plain,
    spike_net,
    trained,
    with_neuron,
)
from tests.zoo.parts import Around, Mean, rounded, straight
from tests.zoo.sound import case
from tests.zoo.wrong_attacks import RoundedAtLast, SharedBudget, SmallRadius

IF = (("kind", "if"), ("reset", "soft"))
SOFT = (("kind", "lif"), ("leak", 0.9), ("reset", "soft"))
PLAIN_IF = Recipe("digits", model="dense", width=48, timesteps=5, seed=81, neuron=IF)
LEAKY = Recipe("digits", model="dense", width=40, timesteps=8, seed=82,
               neuron=(("kind", "lif"), ("leak", 0.7)))  # fmt: skip
RECURRENT = Recipe("digits-events", model="recurrent", width=48, epochs=6, seed=96)
CONV = Recipe("digits", width=10, timesteps=3, seed=83, neuron=SOFT)
EVENTS = Recipe("digits-events", width=5, epochs=5, seed=84, neuron=(("kind", "if"),))
SOUNDS = Recipe("digits-audio", width=12, epochs=6, seed=85, neuron=SOFT)
PAIRS = Recipe("digits-av", model="fusion-early", width=8, epochs=4, seed=86)
POISSON = Recipe("digits", timesteps=6, seed=87, encoder=(("kind", "poisson"),))
QUANTISED = Recipe("digits", timesteps=4, seed=88, encoder=(("kind", "sqe"), ("levels", 3)))
NOISY = Recipe("digits", model="dense", width=48, seed=89,
               neuron=(("kind", "noisy-lif"), ("noise", 0.1)))  # fmt: skip
NARROW = Surrogate("triangle", sharpness=30.0)
SHORT = PGD(steps=5, step_size=0.03, random_start=False)
OF_MEANS = Member(attack=PGD(steps=20, step_size=0.15), loss="cross_entropy").averaged(10)
SINGLE = Member(attack=PGD(steps=20, step_size=0.15), loss="cross_entropy")


def narrow(net: Network) -> Network:
    """The same answers through a surrogate that hardly any membrane lies under."""
    return with_neuron(net, replace(net.spec.neuron, surrogate=NARROW))


def bands(n: int) -> Tensor:
    """1 and 0 by turns, three features at a time."""
    return ((torch.arange(n) // 3) % 2).float()


# Broken: images


@entry(BROKEN, "The gradient reaches every other pixel of a chequerboard only.", second=True)
def chequers_cut() -> Case:
    kept = ((torch.arange(8)[:, None] + torch.arange(8)) % 2).float()
    return around(trained(PLAIN_IF), cut(kept), "linf:0.1", "digits")


@entry(BROKEN, "The gradient of the lower half is turned about.", second=True)
def lower_half_turned() -> Case:
    sign = torch.ones(8, 8)
    sign[4:] = -1

    def before(x: Tensor) -> Tensor:
        return x * sign + (x * (1 - sign)).detach()

    return around(trained(LEAKY), before, "linf:0.1", "digits")


@entry(BROKEN, "Pixels are rounded to 9 levels, whose derivative is zero.", second=True)
def nine_levels() -> Case:
    net = trained(LEAKY)
    return digits(Around(net, rounded(8)), twin=Around(net, rounded(8, honest=True)))


@entry(BROKEN, "The surrogate is too narrow, on perfect integrators that reset softly.",
       second=True)  # fmt: skip
def saturated_integrators() -> Case:
    net = trained(PLAIN_IF)
    return digits(narrow(net), "l2:0.5", twin=net)


@entry(BROKEN, "The surrogate is too narrow, in a recurrent network of events.", second=True)
def saturated_recurrent() -> Case:
    net = trained(RECURRENT)
    return Case(narrow(net), data_of("digits-events"), threat("linf:0.025", "digits-events"),
                twin=net)  # fmt: skip


@entry(BROKEN, "Phase coding lets the gradient pass only where its spike is.", second=True)
def phase_masked() -> Case:
    honest = coded_net((Phase(),), seed=90)
    return digits(coded_net((Phase(),), seed=90, masked=True), twin=honest)


@entry(BROKEN, "Latency coding of another network lets it pass where its spike is, under l_2.",
       second=True)  # fmt: skip
def latency_masked_l2() -> Case:
    honest = coded_net((Latency(),), seed=91)
    return digits(coded_net((Latency(),), seed=91, masked=True), "l2:0.5", twin=honest)


@entry(BROKEN, "A softmax of 200 times the logits.", second=True)
def softmax_times_200() -> Case:
    net = trained(PLAIN_IF)
    return digits(Around(net, after=lambda z: (200 * z).softmax(1)), twin=net, same=False)


@entry(BROKEN, "Logits are the number of classes that each one beats.", second=True)
def ranked_logits() -> Case:
    net = trained(CONV)

    def after(z: Tensor) -> Tensor:
        return (z[:, :, None] > z[:, None, :]).float().sum(2) + 0 * z

    return digits(Around(net, after=after), twin=net, same=False)


@entry(BROKEN, "Five steps of a thirtieth of the radius, under l_2.", second=True)
def few_steps_under_l2() -> Case:
    claim = Member(attack=SHORT, loss="cross_entropy")
    return digits(trained(CONV), "l2:0.5", claim=claim)


@entry(BROKEN, "One l_2 budget is shared by all images of a batch.", second=True)
def shared_budget_of_images() -> Case:
    return digits(
        trained(PLAIN_IF), "l2:0.5", claim=Member(attack=SharedBudget(), loss="cross_entropy"),
        attacks={"zoo-shared-budget": SharedBudget},
    )  # fmt: skip


# Broken: chance and state


@entry(BROKEN, "Noise from torch's generator on every pixel, attacked through single draws.",
       second=True)  # fmt: skip
def noise_without_eot() -> Case:
    def before(x: Tensor) -> Tensor:
        return x + 0.4 * torch.randn_like(x)

    net = Around(trained(CONV), before)
    claim = Member(attack=PGD(steps=10, step_size=0.1), loss="cross_entropy")
    return digits(net, twin=Mean(net), same=False, claim=claim)


@entry(BROKEN, "The package's Poisson code of two steps, attacked through single draws.",
       second=True)  # fmt: skip
def poisson_by_single_draws() -> Case:
    return digits(trained(replace(POISSON, timesteps=2)), claim=SINGLE, same=False)


@entry(BROKEN, "Noisy neurons judged by a single step through a single draw.", second=True)
def noisy_by_one_step() -> Case:
    net = trained(replace(NOISY, neuron=(("kind", "noisy-lif"), ("noise", 0.5))))
    claim = Member(attack=PGD(steps=1, step_size=1.0, random_start=False), loss="cross_entropy")
    return digits(net, claim=claim, same=False)


@entry(BROKEN, "A seed is set to 1 in every call that draws noise for images.", fact="function",
       second=True)  # fmt: skip
def noise_of_places() -> Case:
    def before(x: Tensor) -> Tensor:
        noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(1), dtype=x.dtype)
        return x + 0.35 * noise

    return around(trained(LEAKY), before, "linf:0.1", "digits", same=False)


class Trailing(nn.Module):
    """Subtracts half of the mean of what it saw in the call before."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net, self.seen = net, torch.zeros(())

    def forward(self, x: Tensor) -> Tensor:
        before, self.seen = self.seen, x.detach().mean()
        answer: Tensor = self.net(x - 1.5 * before)
        return answer


@entry(BROKEN, "Images are shifted by the mean of the call before.", fact="function", second=True)
def trailing_mean() -> Case:
    net = trained(CONV)
    return digits(Trailing(net), twin=net, same=False)


@entry(BROKEN, "Sounds are scaled by the loudest of their batch.", fact="function", second=True)
def loudest_of_batch() -> Case:
    def before(x: Tensor) -> Tensor:
        return 2 * x * (x.abs().flatten(1).mean(1).min() / x.abs().mean())

    return around(trained(SOUNDS), before, "linf:0.04", "digits-audio", same=False)


# Broken: events


@entry(BROKEN, "The gradient of the first half of the frames is cut.", second=True)
def early_frames_cut() -> Case:
    kept = torch.ones(10, 1, 1, 1)
    kept[:5] = 0
    return around(trained(EVENTS), cut(kept), "counts:32", "digits-events")


@entry(BROKEN, "Events are counted as there or not by comparison, which has no gradient.",
       second=True)  # fmt: skip
def there_or_not() -> Case:
    net = trained(EVENTS)

    def code(x: Tensor) -> Tensor:
        return (x > 0).to(x.dtype) + 0 * x

    return Case(
        Around(net, code), data_of("digits-events"), threat("counts:32", "digits-events"),
        twin=Around(net, lambda x: straight(code(x), x)),
    )  # fmt: skip


@entry(BROKEN, "Events are rounded when the attack has ended, another network.", second=True)
def fractions_of_events() -> Case:
    return Case(
        trained(EVENTS), data_of("digits-events"), threat("counts:32", "digits-events"),
        claim=Member(attack=RoundedAtLast(), loss="cross_entropy"),
        attacks={"zoo-rounded-at-last": RoundedAtLast},
    )  # fmt: skip


@entry(BROKEN, "The surrogate of integrators is too narrow, on events.", second=True)
def saturated_integrators_of_events() -> Case:
    net = trained(EVENTS)
    return Case(narrow(net), data_of("digits-events"), threat("linf:0.025", "digits-events"),
                twin=net)  # fmt: skip


# Broken: sounds and pairs


@entry(BROKEN, "Three samples in six have no gradient.", second=True)
def bands_of_sound_cut() -> Case:
    return around(trained(SOUNDS), cut(bands(1200)), "linf:0.04", "digits-audio")


@entry(BROKEN, "The gradient of the sound is turned about.", second=True)
def reversed_sound() -> Case:
    return around(trained(SOUNDS), lambda x: 2 * x.detach() - x, "linf:0.04", "digits-audio")


@entry(BROKEN, "Samples are rounded to 6 bits, whose derivative is zero.", second=True)
def six_bits() -> Case:
    net = trained(SOUNDS)
    return Case(
        Around(net, rounded(32, -1.0)), data_of("digits-audio"),
        threat("linf:0.04", "digits-audio"),
        twin=Around(net, rounded(32, -1.0, honest=True)),
    )  # fmt: skip


@entry(BROKEN, "Sounds are attacked at a fifth of the radius that is claimed.", second=True)
def wrong_radius_of_sounds() -> Case:
    return Case(
        trained(SOUNDS), data_of("digits-audio"), threat("linf:0.04", "digits-audio"),
        claim=Member(attack=SmallRadius(), loss="cross_entropy"),
        attacks={"zoo-small-radius": SmallRadius},
    )  # fmt: skip


@entry(BROKEN, "Of two senses, fused early, the gradient of the image is cut.", second=True)
def image_of_pairs_cut() -> Case:
    data = data_of("digits-av")
    kept = torch.ones(data.domain.shape)
    kept[data.domain.slices()["image"]] = 0  # type: ignore[union-attr]
    return around(trained(PAIRS), cut(kept), "joint:1", "digits-av")


@entry(BROKEN, "The surrogate is too narrow, on pairs fused early.", second=True)
def saturated_pairs() -> Case:
    net = trained(PAIRS)
    return Case(narrow(net), data_of("digits-av"), threat("joint:1", "digits-av"), twin=net)


@entry(BROKEN, "Logits of pairs are rounded to whole numbers.", second=True)
def rounded_logits_of_pairs() -> Case:
    net = trained(PAIRS)
    return Case(Around(net, after=torch.round), data_of("digits-av"),
                threat("joint:1", "digits-av"), twin=net, same=False)  # fmt: skip


# Sound: trained, far and near


@entry(SOUND, "Perfect integrators that reset softly, far out.", second=True)
def integrators_far() -> Case:
    return digits(trained(PLAIN_IF), "linf:0.25")


@entry(SOUND, "The same near by.", second=True)
def integrators_near() -> Case:
    return digits(trained(PLAIN_IF), "linf:0.0167")


@entry(SOUND, "A recurrent network of events far out.", second=True)
def recurrent_far() -> Case:
    return case(trained(RECURRENT), "counts:80", "digits-events")


@entry(SOUND, "The same near by.", second=True)
def recurrent_near() -> Case:
    return case(trained(RECURRENT), "counts:5", "digits-events")


@entry(SOUND, "A convolutional network of soft resets near by, under l_2.", second=True)
def soft_resets_near() -> Case:
    return digits(trained(CONV), "l2:0.0833")


@entry(SOUND, "The same far out, under l_2.", second=True)
def soft_resets_far() -> Case:
    return digits(trained(CONV), "l2:1.25")


@entry(SOUND, "A phase code with the mean of its bits as gradient, near by.", second=True)
def phase_near() -> Case:
    return digits(coded_net((Phase(),), seed=90), "linf:0.0167")


@entry(SOUND, "A latency code of another network near by, under l_2.", second=True)
def latency_near_l2() -> Case:
    return digits(coded_net((Latency(),), seed=91), "l2:0.0833")


@entry(SOUND, "Spikes in plain torch near by.", second=True)
def plain_torch_near() -> Case:
    return digits(spike_net(92), "linf:0.0167")


@entry(SOUND, "The same far out.", second=True)
def plain_torch_far() -> Case:
    return digits(spike_net(92), "linf:0.25")


@entry(
    SOUND, "A smooth network of two layers of tanh under l_2, at the middle radius.", second=True
)
def smooth_l2() -> Case:
    return digits(_smooth(93), "l2:0.5")


@cache
def _smooth(seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, 40), nn.Tanh(), nn.Linear(40, 10))
    fit_plain(net, seed)
    return net


@entry(SOUND, "Sparse gradients and adversarial training of a dense network.", second=True)
def sparse_gradients() -> Case:
    return digits(trained(Recipe("digits", "SR+AT", seed=94, model="dense", width=96, timesteps=5,
                                 epochs=10)))  # fmt: skip


@entry(SOUND, "Events seen by integrators, far out.", second=True)
def integrators_of_events_far() -> Case:
    return case(trained(EVENTS), "counts:80", "digits-events")


@entry(SOUND, "The same near by.", second=True)
def integrators_of_events_near() -> Case:
    return case(trained(EVENTS), "counts:5", "digits-events")


@entry(SOUND, "The same near by, frame by frame under l_inf.", second=True)
def frames_near() -> Case:
    return case(trained(EVENTS), "linf:0.00417", "digits-events")


@entry(SOUND, "Sounds heard by neurons of soft resets, far out.", second=True)
def soft_sounds_far() -> Case:
    return case(trained(SOUNDS), "linf:0.1", "digits-audio")


@entry(SOUND, "The same near by.", second=True)
def soft_sounds_near() -> Case:
    return case(trained(SOUNDS), "linf:0.00667", "digits-audio")


@entry(SOUND, "The same near by, under l_2.", second=True)
def soft_sounds_near_l2() -> Case:
    return case(trained(SOUNDS), "l2:0.167", "digits-audio")


@entry(SOUND, "Pairs fused early, far out.", second=True)
def early_fusion_far() -> Case:
    return case(trained(PAIRS), "joint:2.5", "digits-av")


@entry(SOUND, "The same near by.", second=True)
def early_fusion_near() -> Case:
    return case(trained(PAIRS), "joint:0.167", "digits-av")


# Sound: stochastic, by the mean of ten draws


@entry(SOUND, "Poisson coding near by, by the mean of ten draws.", second=True)
def poisson_near() -> Case:
    return digits(trained(POISSON), "linf:0.0167", claim=OF_MEANS, same=False)


@entry(SOUND, "The same far out.", second=True)
def poisson_far() -> Case:
    return digits(trained(POISSON), "linf:0.25", claim=OF_MEANS, same=False)


@entry(SOUND, "Stochastic quantised encoding near by, by the mean of ten draws.", second=True)
def quantised_near() -> Case:
    return digits(trained(QUANTISED), "linf:0.0167", claim=OF_MEANS, same=False)


@entry(SOUND, "The same far out.", second=True)
def quantised_far() -> Case:
    return digits(trained(QUANTISED), "linf:0.25", claim=OF_MEANS, same=False)


@entry(SOUND, "Noisy neurons near by, by the mean of ten draws.", second=True)
def noisy_near() -> Case:
    return digits(trained(NOISY), "linf:0.0167", claim=OF_MEANS, same=False)


@entry(SOUND, "The same far out.", second=True)
def noisy_far() -> Case:
    return digits(trained(NOISY), "linf:0.25", claim=OF_MEANS, same=False)


# Sound: closed forms


def _weights() -> Tensor:
    """Ascending weights of 6x6 pixels, zero in the mean, of absolute sum 1."""
    ramp = torch.linspace(-1, 1, 36).view(1, 6, 6)
    return ramp / ramp.abs().sum()


@cache
def ramps() -> Dataset:
    """Two classes of 6x6 images: how much of a ramp they hold, from -0.2 to 0.2, under noise.

    A pixel may move by r, all of them towards the other class, so an item stands under l_inf where
    its product with the weights is above r, and under l_2 where it is above r times their norm.
    """
    generator, w = torch.Generator().manual_seed(95), _weights()

    def part(n: int) -> tuple[Tensor, Tensor]:
        y = torch.arange(n) % 2
        gap = (torch.rand(n, generator=generator) * 0.19 + 0.01) * (2 * y - 1)
        noise = 0.1 * torch.rand(n, 1, 6, 6, generator=generator) + 0.45
        short = gap - (noise * w).flatten(1).sum(1)
        return noise + short[:, None, None, None] * w / w.square().sum(), y

    return Dataset.from_splits(
        train=part(64), validation=part(96), test=part(96), kind="image", low=-1.0, high=2.0,
        name="made-ramps",
    )  # fmt: skip


def _ramp(under: str, scale: float, norm: Callable[[Tensor], Tensor]) -> Case:
    """A linear network of the ramps."""
    kind, _, radius = under.partition(":")
    return Case(
        Linear(_weights(), scale).eval(), ramps(), threat_of(ramps(), kind, float(radius)),
        gap=lambda x: ((x * _weights()).flatten(1).sum(1).abs(), float(norm(_weights()))),
    )  # fmt: skip


@entry(SOUND, "A linear network of made ramps.", fact="closed form", second=True)
def linear_ramps() -> Case:
    return _ramp("linf:0.1", 20.0, lambda w: w.abs().sum())


@entry(SOUND, "The same under l_2.", fact="closed form", second=True)
def linear_ramps_l2() -> Case:
    return _ramp("l2:0.5", 20.0, lambda w: w.norm())


@entry(SOUND, "The same with logits a thousandth as large: a small gradient, and a true one.",
       fact="closed form", second=True)  # fmt: skip
def linear_ramps_small() -> Case:
    return _ramp("linf:0.12", 0.02, lambda w: w.abs().sum())


@entry(SOUND, "A linear network of made events, at half the radius of before.",
       fact="closed form", second=True)  # fmt: skip
def linear_events_nearer() -> Case:
    return Case(
        Linear(polarities(), 1.0).eval(), made_events(), threat("counts:3", "made-events"),
        gap=lambda x: ((x * polarities()).flatten(1).sum(1).abs(), 1.0),
    )  # fmt: skip


@entry(SOUND, "A linear network of made pairs, at a larger radius.", fact="closed form",
       second=True)  # fmt: skip
def linear_pairs_farther() -> Case:
    return Case(
        Linear(pair_weights(), 5.0).eval(), made_pairs(), threat("joint:1.4", "made-pairs"),
        gap=lambda x: ((x @ pair_weights()).abs(), 0.22),
    )  # fmt: skip
