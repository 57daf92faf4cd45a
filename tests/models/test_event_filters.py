"""Filters of event noise: event by event, and attacked with and without a way through them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD
from spikeproof.base import InputError, SettingError, seeds
from spikeproof.data import Domain
from spikeproof.evaluate import plain_logits, verify
from spikeproof.models import BackgroundActivity, EventFilter, RateLimit, Refractory
from spikeproof.neurons import drawing
from spikeproof.oracle import Expectation, Oracle
from spikeproof.threats import Counts, Misclassification, Threat

SHAPE = (4, 2, 5, 6)
EVENTS = Domain(kind="events", shape=SHAPE, high=4.0, integer=True)


def recordings(n: int, rate: float = 0.12) -> Tensor:
    """Sparse counts, some above 1."""
    draws = torch.Generator().manual_seed(5)
    return torch.poisson(torch.full((n, *SHAPE), rate), generator=draws)


def test_background_activity_event_by_event() -> None:
    x = recordings(3)
    for radius, window, support in ((1, 1, 1), (2, 0, 3), (1, 3, 2)):
        out = BackgroundActivity(radius, window, support)(x)
        for n, t, c, h, w in x.nonzero().tolist():
            near = sum(
                bool(x[n, s, :, i, j].any())
                for s in range(max(0, t - window), t + 1)
                for i in range(max(0, h - radius), min(5, h + radius + 1))
                for j in range(max(0, w - radius), min(6, w + radius + 1))
                if (i, j) != (h, w)
            )
            assert out[n, t, c, h, w] == (x[n, t, c, h, w] if near >= support else 0)
        assert (out[x == 0] == 0).all() and 0 < out.sum() < x.sum()


def test_spikes_on_lines_have_their_neighbours_on_both_sides() -> None:
    x = torch.tensor([[[1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 0.0]]])
    assert BackgroundActivity(window=1)(x).tolist() == [[[0, 0, 1, 1], [0, 1, 0, 0]]]


def test_refractory_and_rate_limit_event_by_event() -> None:
    x = recordings(3, 0.7)
    for steps in (0, 1, 2):
        out = Refractory(steps)(x)
        for n, c, h, w in [(0, 0, 0, 0), (1, 1, 3, 2), (2, 0, 4, 5), (0, 1, 2, 2)]:
            last = -9
            for t in range(4):
                goes = x[n, t, c, h, w] > 0 and t - last > steps
                assert out[n, t, c, h, w] == float(goes)
                last = t if goes else last
    for most, steps in ((1, 2), (2, 3)):
        out = RateLimit(most, steps)(x)
        windows = torch.stack([out[:, max(0, t - steps + 1) : t + 1].sum(1) for t in range(4)])
        assert windows.max() == most
        # Nothing more could come through: an event is lost only where its window is full.
        lost = (x - out) > 0
        assert (windows.movedim(0, 1)[lost] == most).all() and (out <= x).all()


def test_chance_keeps_the_expected_rate_and_belongs_to_the_item() -> None:
    x = torch.ones(2000, 3, 4)
    limit = RateLimit(1, 3, by_chance=True)
    with drawing(seeds(0, n=2000)):
        out = limit(x)
    # In the windows stand 1, 2 and 3 events: 1, 1/2 and 1/3 of them come through.
    assert out.mean((0, 2)).tolist() == pytest.approx([1, 1 / 2, 1 / 3], abs=0.02)
    x[0, 0, 0] = 3  # more events in one item change nothing for the others
    with drawing(seeds(0, n=2000)):
        assert torch.equal(limit(x)[1:], out[1:])
    with drawing(seeds(0, n=2000)[:5]):
        assert torch.equal(limit(x[:5]), limit_of(limit, x)[:5])


def limit_of(limit: RateLimit, x: Tensor) -> Tensor:
    """What the whole batch gives."""
    with drawing(seeds(0, n=len(x))):
        return limit(x)


def test_gradients_are_what_the_filter_says() -> None:
    # An event at step 0 closes the way of the one at step 1; line 1 is empty.
    x = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    for gradient, expected in (
        ("straight-through", [1.0, 1.0, 1.0, 1.0]),
        ("none", [0.0, 0.0, 0.0, 0.0]),
        # Without the first event of line 0 the second comes through: 1 - 1. Line 1 is open.
        ("relaxed", [0.0, 1.0, 0.0, 1.0]),
    ):
        wanted = x.clone().requires_grad_(True)
        out = Refractory(1, gradient=gradient)(wanted)
        out.sum().backward()
        assert wanted.grad is not None and wanted.grad.flatten().tolist() == expected
        assert torch.equal(out.detach(), Refractory(1)(x))


def test_the_relaxed_gradient_is_what_one_event_more_or_less_changes() -> None:
    x = (recordings(1) > 0).float()
    weight = torch.randn(x.shape, generator=torch.Generator().manual_seed(3))
    for made in (Refractory(2), RateLimit(1, 2)):
        at = x.clone().requires_grad_(True)
        (grad,) = torch.autograd.grad((made(at) * weight).sum(), at)
        for place in [(0, 1, 0, 2, 3), (0, 0, 1, 4, 4), tuple(x.nonzero()[2].tolist())]:
            other = x.clone()
            other[place] = 1 - other[place]
            change = float(((made(other) - made(x)) * weight).sum())
            slope = float(grad[place]) * (1 if other[place] else -1)
            if isinstance(made, Refractory):  # exact: its formula is linear in every event
                assert slope == pytest.approx(change, abs=1e-5)
            else:
                assert slope * change >= 0


class Halves(nn.Module):
    """More events on the left, or on the right?"""

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        sums = x.sum((1, 2, 3))
        return torch.stack([sums[:, :3].sum(1), sums[:, 3:].sum(1)], 1)


def items(n: int) -> tuple[Tensor, Tensor]:
    """Recordings with some events more on one side, in the shape of a moving edge."""
    draws = torch.Generator().manual_seed(1)
    x = torch.zeros(n, *SHAPE)
    y = torch.arange(n) % 2
    for i in range(n):
        for t in range(4):
            x[i, t, 0, :, 3 * int(y[i]) + int(torch.randint(0, 3, (), generator=draws))] = 1
            x[i, t, 1, t, 3 * int(1 - y[i]) : 3 * int(1 - y[i]) + 2] = 1
    return x, y


FILTERS: list[tuple[str, Callable[..., EventFilter]]] = [
    ("background", lambda **own: BackgroundActivity(**own)),
    ("refractory", lambda **own: Refractory(1, **own)),
    ("rate", lambda **own: RateLimit(1, 2, **own)),
    ("rate by chance", lambda **own: RateLimit(1, 2, by_chance=True, **own)),
]


@pytest.mark.parametrize(("name", "made"), FILTERS, ids=[name for name, _ in FILTERS])
def test_a_filter_masks_from_a_naive_attack_and_falls_to_one_that_goes_through(
    name: str, made: Callable[..., EventFilter]
) -> None:
    x, y = items(20)
    threat = Threat(Counts(), 18, EVENTS)
    left = {}
    for how, own in (("naive", {"gradient": "none"}), ("through", {})):
        net = nn.Sequential(made(**own), Halves())
        keys = seeds(0, n=len(x))
        rule = Expectation(samples=4) if name == "rate by chance" else None
        assert (plain_logits(net, x).argmax(1) == y).all()
        with Oracle(net, rule, seeds=keys) as oracle:
            attack = PGD(steps=20, step_size=0.2)
            x_adv = attack(oracle, x, Misclassification(y), threat, seeds=keys)
        left[how] = float((~verify(net, x, x_adv, y, threat).won).float().mean())
    assert left["naive"] >= 0.8
    assert left["through"] <= 0.2


@pytest.mark.parametrize(
    ("ask", "error", "sentence"),
    [
        (lambda: Refractory(-1), SettingError, "Refractory: steps"),
        (lambda: RateLimit(0), SettingError, "RateLimit: most"),
        (lambda: BackgroundActivity(radius=0), SettingError, "BackgroundActivity: radius"),
        (lambda: Refractory(gradient="own"), SettingError, "Refractory.gradient"),
        (lambda: Refractory()(torch.zeros(2, 3)), InputError, "(N, T, C, H, W) or (N, T, lines)"),
        (
            lambda: RateLimit(by_chance=True)(torch.full((1, 2, 3), 0.5)),
            InputError,
            "x holds fractions",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(
    ask: Callable[[], object], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error) as problem:
        ask()
    assert sentence in str(problem.value)
