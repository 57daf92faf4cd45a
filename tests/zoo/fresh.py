"""Entries written when every check and threshold stood, and judged once: the fresh group.

Radii follow a rule that was fixed before any verdict was seen. Broken entries have the middle
standard radius of their data: l_inf on images and sounds, counts on events, joint on pairs. Sound
ones that are trained have twice that radius, at which nothing should stand, or a fifth of it, at
which nearly everything should; those of a closed form the radius at which half stands.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD, Member
from spikeproof.models import Latency, Temporal
from tests.zoo.broken import NARROW, digits, threat
from tests.zoo.closed_forms import (
    Linear,
    alternating,
    made_events,
    made_pairs,
    made_sounds,
    pair_weights,
    polarities,
)
from tests.zoo.entry import BROKEN, SOUND, Case, entry
from tests.zoo.networks import Recipe, coded_net, data_of, trained, with_neuron
from tests.zoo.parts import Around, Map
from tests.zoo.sound import case
from tests.zoo.wrong_attacks import SharedBudget, SmallRadius

SCANS = Recipe("digits", seed=41)
DENSE = Recipe("digits", model="dense", width=64, seed=42)
EVENTS = Recipe("digits-events", width=6, epochs=6, seed=43)
SOUNDS = Recipe("digits-audio", width=10, epochs=8, seed=44)
PAIRS = Recipe("digits-av", width=8, epochs=3, seed=45)


def cut(kept: Tensor) -> Map:
    """Let the gradient reach the features of a mask alone."""

    def before(x: Tensor) -> Tensor:
        return x * kept + (x * (1 - kept)).detach()

    return before


def around(net: nn.Module, before: Map, under: str, data: str, *, same: bool = True) -> Case:
    """A defence before a network, the network its twin."""
    return Case(Around(net, before), data_of(data), threat(under, data), twin=net, same=same)


# Broken


@entry(BROKEN, "The gradient of the left half of the image is cut.", fresh=True)
def left_half_cut() -> Case:
    kept = torch.ones(8, 8)
    kept[:, :4] = 0
    return around(trained(SCANS), cut(kept), "linf:0.1", "digits")


@entry(BROKEN, "The gradient of one polarity of the events is cut.", fresh=True)
def off_events_cut() -> Case:
    kept = torch.ones(2, 1, 1)
    kept[1] = 0
    return around(trained(EVENTS), cut(kept), "counts:32", "digits-events")


@entry(BROKEN, "The gradient of the first half of the sound is cut.", fresh=True)
def half_sound_cut() -> Case:
    kept = torch.ones(data_of("digits-audio").domain.shape)
    kept[: len(kept) // 2] = 0
    return around(trained(SOUNDS), cut(kept), "linf:0.04", "digits-audio")


@entry(BROKEN, "Of two senses the gradient of the sound is cut.", fresh=True)
def sound_of_pairs_cut() -> Case:
    data = data_of("digits-av")
    kept = torch.ones(data.domain.shape)
    kept[data.domain.slices()["audio"]] = 0  # type: ignore[union-attr]
    return around(trained(PAIRS), cut(kept), "joint:1", "digits-av")


@entry(BROKEN, "The noise of a sound is drawn after a seed that every call sets.", fact="function",
       fresh=True)  # fmt: skip
def reseeded_noise() -> Case:
    def before(x: Tensor) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return x + 0.2 * torch.randn_like(x)

    return around(trained(SOUNDS), before, "linf:0.04", "digits-audio", same=False)


@entry(BROKEN, "Events are scaled by the mean of their batch.", fact="function", fresh=True)
def batch_scaled_events() -> Case:
    def before(x: Tensor) -> Tensor:
        return x * (0.1 / x.mean().clamp_min(1e-6))

    return around(trained(EVENTS), before, "counts:32", "digits-events", same=False)


@entry(BROKEN, "The surrogate is too narrow, on sounds.", fresh=True)
def saturated_sound() -> Case:
    net = trained(SOUNDS)
    other = with_neuron(net, replace(net.spec.neuron, surrogate=NARROW))
    return Case(other, data_of("digits-audio"), threat("linf:0.04", "digits-audio"), twin=net)


@entry(BROKEN, "The gradient of the events is turned about.", fresh=True)
def reversed_events() -> Case:
    return around(trained(EVENTS), lambda x: 2 * x.detach() - x, "counts:32", "digits-events")


@entry(BROKEN, "Logits times 1000: cross-entropy is exactly 0 on every item.", fresh=True)
def logits_times_1000() -> Case:
    net = trained(SCANS)
    return digits(Around(net, after=lambda z: 1000 * z), twin=net, same=False)


@entry(BROKEN, "Logits of events are rounded to halves.", fresh=True)
def rounded_event_logits() -> Case:
    net = trained(EVENTS)
    return Case(
        Around(net, after=lambda z: (2 * z).round() / 2), data_of("digits-events"),
        threat("counts:32", "digits-events"), twin=net, same=False,
    )  # fmt: skip


@entry(BROKEN, "Latency coding lets the gradient pass only where its spike is.", fresh=True)
def latency_masked() -> Case:
    honest = coded_net((Latency(),), seed=46)
    return digits(coded_net((Latency(),), seed=46, masked=True), twin=honest)


FUSED = (Temporal(code="pre"), Temporal(code="post"), Latency())


@entry(BROKEN, "Three temporal codes fused, each with its published gradient.", fresh=True)
def fused_masked() -> Case:
    return digits(coded_net(FUSED, seed=47, masked=True), twin=coded_net(FUSED, seed=47))


@entry(BROKEN, "Three steps of a fiftieth of the radius, on sounds.", fresh=True)
def few_steps_on_sound() -> Case:
    claim = Member(attack=PGD(steps=3, step_size=0.02, random_start=False), loss="cross_entropy")
    return Case(trained(SOUNDS), data_of("digits-audio"), threat("linf:0.04", "digits-audio"),
                claim=claim)  # fmt: skip


@entry(BROKEN, "Pairs are attacked at a fifth of the radius that is claimed.", fresh=True)
def wrong_radius_of_pairs() -> Case:
    return Case(
        trained(PAIRS), data_of("digits-av"), threat("joint:1", "digits-av"),
        claim=Member(attack=SmallRadius(), loss="cross_entropy"),
        attacks={"zoo-small-radius": SmallRadius},
    )  # fmt: skip


@entry(BROKEN, "One l_2 budget is shared by all sounds of a batch.", fresh=True)
def shared_budget_of_sounds() -> Case:
    return Case(
        trained(SOUNDS), data_of("digits-audio"), threat("l2:1", "digits-audio"),
        claim=Member(attack=SharedBudget(), loss="cross_entropy"),
        attacks={"zoo-shared-budget": SharedBudget},
    )  # fmt: skip


# Sound


@entry(SOUND, "An undefended network of scans far out: nothing stands.", fresh=True)
def scans_far() -> Case:
    return digits(trained(SCANS), "linf:0.2")


@entry(SOUND, "A dense network of scans near by.", fresh=True)
def dense_near() -> Case:
    return digits(trained(DENSE), "linf:0.02")


@entry(SOUND, "A network of a latency code with its shift as gradient, near by.", fresh=True)
def latency_near() -> Case:
    return digits(coded_net((Latency(),), seed=46), "linf:0.02")


@entry(SOUND, "An undefended network of events far out.", fresh=True)
def events_far() -> Case:
    return case(trained(EVENTS), "counts:64", "digits-events")


@entry(SOUND, "The same near by.", fresh=True)
def events_near() -> Case:
    return case(trained(EVENTS), "counts:6", "digits-events")


@entry(SOUND, "An undefended network of sounds far out.", fresh=True)
def sounds_far() -> Case:
    return case(trained(SOUNDS), "linf:0.08", "digits-audio")


@entry(SOUND, "The same near by.", fresh=True)
def sounds_near() -> Case:
    return case(trained(SOUNDS), "linf:0.008", "digits-audio")


@entry(SOUND, "An undefended network of pairs far out.", fresh=True)
def pairs_far() -> Case:
    return case(trained(PAIRS), "joint:2", "digits-av")


@entry(SOUND, "The same near by.", fresh=True)
def pairs_near() -> Case:
    return case(trained(PAIRS), "joint:0.2", "digits-av")


@entry(SOUND, "A linear network of made events.", fact="closed form", fresh=True)
def linear_events() -> Case:
    return Case(
        Linear(polarities()).eval(), made_events(), threat("counts:6", "made-events"),
        gap=lambda x: ((x * polarities()).flatten(1).sum(1).abs(), 1.0),
    )  # fmt: skip


@entry(SOUND, "A linear network of made sounds.", fact="closed form", fresh=True)
def linear_sounds() -> Case:
    return Case(
        Linear(alternating(32)).eval(), made_sounds(), threat("linf:0.05", "made-sounds"),
        gap=lambda x: ((x @ alternating(32)).abs(), 1.0),
    )  # fmt: skip


@entry(SOUND, "A linear network of made pairs.", fact="closed form", fresh=True)
def linear_pairs() -> Case:
    return Case(
        Linear(pair_weights()).eval(), made_pairs(), threat("joint:1", "made-pairs"),
        gap=lambda x: ((x @ pair_weights()).abs(), 0.22),
    )  # fmt: skip
