"""A network, inputs and labels as a caller has them, made ready for attacks and given back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.adapters import LIBRARIES, Adapted, adapt
from spikeproof.attacks import ATTACKS, Member, Suite
from spikeproof.base import (
    InputError,
    SettingError,
    canonical_json,
    check_gradients,
    check_labels,
    class_numbers,
    computing,
    device_of,
    digest,
    digest_arrays,
    seeds,
    settings_from,
)
from spikeproof.data import (
    Dataset,
    DataSpec,
    Domain,
    Layout,
    Split,
    Views,
    bounds_of,
    domain_record,
    layout_of,
    modality_of,
    tensor_of,
)
from spikeproof.evaluate.audit_result import Audit
from spikeproof.evaluate.diagnose import (
    Flag,
    check_network,
    explained,
    flags_before,
    network_kept,
    served,
)
from spikeproof.evaluate.footprint import batch_size_for
from spikeproof.evaluate.forward import margins, plain_logits
from spikeproof.evaluate.front_items import broken_inputs, given_back
from spikeproof.evaluate.front_result import AttackResult, RobustAccuracy
from spikeproof.evaluate.number_types import input_type, together
from spikeproof.evaluate.verify import verify
from spikeproof.models import home_of, on_device
from spikeproof.oracle import Passes
from spikeproof.threats import Threat

_FEW = 3  # items by which a network of another library is looked at

__all__ = ["Relaid", "Task", "either"]


@dataclass(frozen=True, kw_only=True)
class _Told:
    """What a caller says of the inputs; see ``Dataset.from_arrays``."""

    kind: str | None = None
    low: float | None = None
    high: float | None = None
    integer: bool | None = None
    channels: str | None = None


class Relaid(nn.Module):
    """A network that reads inputs in a layout of its own, as attacks see it.

    Args:
        model: The network itself.
        layout: How its inputs became items.
    """

    def __init__(self, model: nn.Module, layout: Layout) -> None:
        super().__init__()
        self.model = model
        self.layout = layout

    def forward(self, x: Tensor) -> Any:
        """What the network answers to items in its own layout."""
        return self.model(self.layout.back(x))


def either(call: str, **pairs: tuple[object, object]) -> dict[str, Any]:
    """Return each argument, given under its own name or under another one.

    Args:
        call: What is called, for the error.
        pairs: Name → what was given under it, and under the other name.
    Raises:
        SettingError: one is missing, or given twice.
    """
    others = {"x": "images", "y": "labels", "radius": "eps"}
    for name, (own, other) in pairs.items():
        if (own is None) == (other is None):
            said = "missing" if own is None else "given twice"
            raise SettingError(f"{call}: {name} (or {others[name]}) is {said}; give it once.")
    return {name: other if own is None else own for name, (own, other) in pairs.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """What a call of the front door is about.

    Args:
        model: The network as attacks see it.
        split: The items, of a type that the network reads.
        domain: Legal inputs.
        layout: How inputs became items.
        given: The inputs as they came.
        seed: Of every random number.
        flags: What was found out before any attack.
    """

    model: nn.Module
    split: Split
    domain: Domain | Views
    layout: Layout
    given: object
    seed: int
    flags: tuple[Flag, ...] = ()

    @classmethod
    def of(
        cls,
        model: nn.Module,
        x: object,
        y: object,
        told: Mapping[str, Any],
        *,
        device: str | torch.device | None,
        seed: int,
        domain: Domain | Views | None = None,
    ) -> Task:
        """Return the task of a call.

        Args:
            model: Maps inputs as they are given to logits.
            x: Inputs.
            y: True classes.
            told: What the caller says of the inputs.
            device: Where to compute.
            seed: Of every random number.
            domain: Legal inputs, where threats say them.
        Raises:
            InputError, SettingError: something does not fit.
        """
        values = tensor_of(x)
        if not len(values):
            raise InputError("There are no items to attack; x is empty.")
        labels = class_numbers(y, len(values))
        facts = settings_from(_Told, dict(told), "inputs")
        layout = Layout("real", tuple(values.shape[1:]))
        if domain is None:
            layout = layout_of(values.shape[1:], facts.kind, facts.channels)
            weights = input_type(model) if isinstance(model, nn.Module) else None
            domain = _domain(layout, layout(values), facts, weights)
        split = Split(layout(values), labels, torch.arange(len(values)))
        model = _prepared(model, split, layout)
        model = on_device(model, None if device is None else device_of(device))
        model, split = together(model, split)
        domain.check(split.x)
        check_gradients("An attack", model.parameters())  # not the network's fault, and no flag
        flags = flags_before(model, split.x, split.y, domain, seed=seed)
        model = served(model, flags)
        return cls(
            model=model, split=split, domain=domain, layout=layout, given=x, seed=seed, flags=flags
        )

    @contextmanager
    def attacking(self) -> Iterator[None]:
        """Keep what calls move, and name the cause of an error that a flag had named."""
        try:
            with network_kept(self.model, self.flags):
                yield
        except (InputError, RuntimeError) as problem:
            raise explained(problem, self.flags) from problem

    def attacked(
        self, threat: Threat, member: Member, rows: int | None, despite: tuple[str, ...]
    ) -> AttackResult:
        """Run one attack and verify what it returned."""
        x, y, items = self.split.x, self.split.y, self.split.items
        home, n = home_of(self.model), len(self.split)
        size = batch_size_for(self.model, x, rows)
        with self.attacking(), computing(home):
            logits = plain_logits(self.model, x, items=items, batch_size=size)
            check_labels(y, logits.shape[1], n)
            found = Suite((member,))(
                self.model,
                x.to(home),
                y.to(home),
                threat,
                seeds=seeds(self.seed, items=items).child("attack", threat.name),
                batch_size=size,
            )
            x_adv = found.x_adv.to(x.device)
            seen = verify(self.model, x, x_adv, y, threat, items=items, batch_size=size)
        return AttackResult(
            x_adv=given_back(self.layout.back(x_adv), self.given),
            success=seen.won.numpy(),
            correct=(margins(logits, y) <= 0).numpy(),
            predicted=seen.predicted.numpy(),
            distance=seen.distance.numpy(),
            threat=_named(threat),
            level=threat.level,
            attack=ATTACKS.record(member.attack),
            seed=self.seed,
            passes=found.passes + Passes(forward=2 * n),
            flags=self.flags,
            despite=despite,
        )

    def measured(self, audit: Audit) -> RobustAccuracy:
        """What an audit of the items found, in the terms of the caller."""
        x_adv, success, distance = {}, {}, {}
        for outcome in audit.outcomes:
            kept = outcome.adversarials
            assert kept is not None  # asked for
            for level, threat in enumerate(outcome.ladder):
                name = _named(threat)
                found = broken_inputs(self.split.x, level, (kept.items, kept.level, kept.x_adv))
                x_adv[name] = given_back(self.layout.back(found), self.given)
                success[name] = outcome.broken[level]
                broke = outcome.broken[level] & outcome.correct
                distance[name] = outcome.distance[level] * broke
        return RobustAccuracy(audit=audit, x_adv=x_adv, success=success, distance=distance)

    def data(self, name: str) -> Dataset:
        """The items as a data set that has no others, for records."""
        none = self.split[:0]
        arrays = {key: getattr(self.split, key).numpy() for key in ("x", "y")}
        legal = canonical_json(domain_record(self.domain))
        spec = DataSpec(
            name=name,
            version="1",
            classes=int(self.split.y.max()) + 1,
            modality=modality_of(self.domain),
            licence="not stated",
            source=f"{len(self.split)} items given in a call.",
            sha256=digest([digest_arrays(arrays), legal]),
        )
        return Dataset(
            spec=spec, domain=self.domain, train=none, validation=none, sealed=self.split
        )


def _named(threat: Threat) -> str:
    """Norm and radius as results name them."""
    return f"{threat.name}:{threat.geometry.spelled(threat.radius)}"


def _prepared(model: nn.Module, split: Split, layout: Layout) -> nn.Module:
    """The network as attacks see it: adapted where its layers are another library's."""
    model = check_network(model, "model")
    foreign = [one for one in LIBRARIES if one.name != "torch" and one.claims(model)]
    if foreign and not isinstance(model, Adapted):
        kind = input_type(model) or split.x.dtype
        few = layout.back(split.x[:_FEW])
        model = adapt(model, example=few.to(kind if few.is_floating_point() else torch.float32))
    return Relaid(model, layout) if layout.moved or layout.grown else model


def _domain(layout: Layout, x: Tensor, facts: _Told, wide: torch.dtype | None) -> Domain:
    """Legal inputs, from what the caller says and what is usual."""
    low, high, integer = bounds_of(
        x, layout.kind, low=facts.low, high=facts.high, integer=facts.integer
    )
    domain = Domain(kind=layout.kind, shape=layout.shape, low=low, high=high, integer=integer)
    if wide == torch.float64:  # inputs stay as exact as they are, and so do their bounds
        low, high = (
            near if told is None else float(told)
            for near, told in ((domain.low, facts.low), (domain.high, facts.high))
        )
        return replace(domain, low=low, high=high)
    return domain
