"""Faults that users met in November 2026, as small as they get: networks, labels and types.

``A1`` to ``A23`` are the catalogue's letters. Those that are not here have tests where the code is
that mends them: A3, A4, A7 and A22 in evaluate/test_flags.py, A8 and A9 in data/test_domain.py, A13
in evaluate/test_arguments.py. A14 to A18 and A23 are in test_files_and_words.py as users met them;
the whole kind of A14, A15 and A18 is in evaluate/test_audit_files.py, of A16 in
study/test_verified.py, of A17 in base/test_locks.py and cli/test_verify.py, of A23 in
base/test_checks.py and study/test_plan_sentences.py. A19 and A20 are in cli/test_command_line.py,
A21 there (plans) and in cli/test_terminal.py (streams).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import spikeproof as sp
from spikeproof.attacks import Member, Suite
from spikeproof.base import Doubtful, GradientRuleUnused, InputError
from spikeproof.data import Domain
from spikeproof.oracle import Oracle
from support.faults import DOMAIN, Carry, Foreign, Sum, X, Y, data_of

# Both classes, every item 0.1 from the boundary of Sum.
BOTH, LABELS = torch.cat([X, 1 - X]), torch.cat([Y, 1 - Y])
NEAR, FAR = 0.08, 0.12


def robust(
    model: nn.Module,
    radius: float,
    x: Tensor = BOTH,
    y: Tensor = LABELS,
    domain: Domain = DOMAIN,
    **more: Any,
) -> sp.evaluate.Audit:
    """An audit of these items under one threat."""
    threat = sp.Threat(sp.Linf(), radius, domain)
    return sp.audit(model, data_of(x, y, domain), threat, "quick", **more)


def right(model: nn.Module, x: Tensor = BOTH, y: Tensor = LABELS) -> bool:
    """Whether every item stands within its known distance and falls beyond it."""
    return (
        robust(model, NEAR, x, y).union_accuracy == 1.0
        and robust(model, FAR, x, y).union_accuracy == 0.0
    )


def test_a1_a_network_that_carries_its_state_is_not_called_robust() -> None:
    with pytest.warns(Doubtful, match="withheld"):
        found = robust(Carry(), FAR)
    assert found.withheld == ("state",)
    assert right(sp.adapt(Carry(), example=X))


def test_a2_gradient_rules_that_reach_no_layer_are_not_passed_off_as_two_attacks() -> None:
    rules = [sp.Surrogate("arctan", sharpness=5.0), sp.Surrogate("triangle", sharpness=1.0)]

    def gradients(model: nn.Module) -> Iterator[Tensor]:
        for rule in rules:
            with Oracle(model, gradient=rule) as oracle:
                yield oracle.logits_and_grad(X, lambda z: z[:, 0])[1]

    with pytest.warns(GradientRuleUnused, match="No layer of Foreign obeys"):
        one, other = gradients(Foreign())
    assert torch.equal(one, other)
    quick = sp.suite("quick").members
    names = [member.name for member in sp.suite("quick").fitted(Foreign(), X).members]
    # Only what differs by more than its rule, its algorithm or its loss, is an attack of its own.
    assert len(set(names)) == len(names) == len({(m.attack, m.loss) for m in quick})
    doubled = Suite(tuple(Member(gradient=rule) for rule in rules))
    assert len(doubled.fitted(Foreign(), X).members) == 1
    one, other = gradients(sp.adapt(Foreign(), example=X))
    assert not torch.equal(one, other)


def test_a5_torchs_own_generator_is_named_whatever_three_calls_of_one_seed_say() -> None:
    def noise(x: Tensor) -> Tensor:
        return x + 0.2 * torch.randn_like(x)

    x, y = BOTH.repeat(2, 1, 1, 1), LABELS.repeat(2)
    for _ in range(3):
        found = robust(Sum(before=noise), 0.05, x, y, seed=0)
        assert "torch-generator" in [flag.name for flag in found.flags or ()]


@pytest.mark.parametrize("period", [5, 8, 9])
def test_a5_a_network_that_draws_seldom_is_looked_at_once(period: int) -> None:
    # Functional dropout may leave a single small item as it is, once and not the next time.
    class Seldom(Sum):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            out: Tensor = super().forward(x)
            return out + (0.1 * torch.rand(1) if self.calls % period == 0 else 0.0)

    x, y = BOTH.repeat(2, 1, 1, 1), LABELS.repeat(2)
    found = robust(Seldom(), 0.05, x, y, despite=("state", "randomness", "torch-generator"))
    assert found.flags


def test_a6_an_answer_that_depends_on_the_batch_withholds_the_number() -> None:
    with pytest.warns(Doubtful, match="withheld"):
        found = robust(Sum(after=lambda z: z - z.mean(0) + 1e-3 * z), 0.05)
    assert "batch" in found.withheld


@pytest.mark.parametrize(
    "labels",
    [
        LABELS[:, None],
        LABELS.to(torch.uint8),
        LABELS.to(torch.int32),
        LABELS.to(torch.int16)[:, None],
        nn.functional.one_hot(LABELS),
    ],
    ids=["(N, 1)", "uint8", "int32", "int16 (N, 1)", "one-hot"],
)
def test_a10_labels_of_any_whole_type_mean_the_same(labels: Tensor) -> None:
    assert right(Sum(), y=labels)


def test_a10_labels_of_32_bits_train() -> None:
    data = data_of(BOTH, LABELS.to(torch.int32))
    objective = sp.Objective({"error": (1.0, sp.CrossEntropy())})
    settings = sp.train.TrainingSettings(batch_size=4, learning_rate=0.1)
    sp.fit(Sum(), data, objective, epochs=1, settings=settings, progress=False)


@pytest.mark.parametrize(
    ("after", "sentence"),
    [
        (lambda z: z[:, 1:], "one logit.*torch.cat"),
        (lambda z: (z, z), r"a tuple of 2.*return output\[0\]"),
        (lambda z: {"logits": z}, r"return output\['logits'\]"),
        (lambda z: (10 * z).long(), "which no gradient can pass"),
    ],
    ids=["one logit", "tuple", "dict", "integers"],
)
def test_a11_a_head_is_named_with_the_line_that_wraps_it(
    after: Callable[[Tensor], Any], sentence: str
) -> None:
    for call in (
        lambda: robust(Sum(after=after), 0.05),
        lambda: sp.robust_accuracy(Sum(after=after), BOTH, LABELS, eps=0.05, threats="linf"),
    ):
        with pytest.raises(InputError, match=sentence) as caught:
            call()
        assert "time axis" not in str(caught.value) and "\n" not in str(caught.value)


def test_a11_heads_of_one_logit_and_tuples_are_served_by_adapt() -> None:
    for after in (lambda z: 2 * z[:, 1:], lambda z: (z, None)):
        assert right(sp.adapt(Sum(after=after), example=BOTH))


class Single(Sum):
    """Layers of a type, so that items of another are refused by torch."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(2, 2, bias=False)
        nn.init.eye_(self.last.weight)

    def forward(self, x: Tensor) -> Any:
        return self.last(super().forward(x).to(x.dtype))


@pytest.mark.parametrize(
    ("network", "items"),
    [
        (torch.float32, torch.float64),
        (torch.float64, torch.float32),
        (torch.bfloat16, torch.bfloat16),
        (torch.float32, torch.bfloat16),
        (torch.float16, torch.float32),
    ],
)
def test_a12_items_of_one_type_meet_a_network_of_another(
    network: torch.dtype, items: torch.dtype
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Doubtful)  # 16 bits are coarse
        model, x = Single().to(network), BOTH.to(items)
        assert robust(model, 0.05, x, despite=sp.evaluate.FLAGS).union_accuracy == 1.0
        assert robust(model, 0.2, x, despite=sp.evaluate.FLAGS).union_accuracy == 0.0


def test_a12_bytes_with_their_bounds_are_levels() -> None:
    levels = Domain(kind="image", shape=(1, 2, 2), high=255.0)
    model, x = Sum(before=lambda x: x.float() / 255), (BOTH * 255).to(torch.uint8)
    assert robust(model, 255 * NEAR, x, domain=levels).union_accuracy == 1.0
    assert robust(model, 255 * FAR, x, domain=levels).union_accuracy == 0.0


def test_a12_torchs_default_type_changes_no_answer() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        assert right(Single().float())
    finally:
        torch.set_default_dtype(torch.float32)
