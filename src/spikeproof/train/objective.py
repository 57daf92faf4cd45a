"""An objective: named terms, each with a weight, over clean or adversarial inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from spikeproof.base import Seeds, SettingError, placed, suggestion
from spikeproof.data import Dataset, Domain, Views
from spikeproof.threats import Threat
from spikeproof.train.hooks import HOOKS
from spikeproof.train.hooks.hook import Hook
from spikeproof.train.inputs import INPUTS
from spikeproof.train.inputs.base import Inputs, Memory
from spikeproof.train.terms import TERMS
from spikeproof.train.terms.forward import Forward, Term, looks_of

__all__ = ["Objective"]


@dataclass(frozen=True)
class Objective:
    r"""A weighted sum of named terms that share one forward pass.

    .. math:: L(x, y) = \sum_i w_i\,\text{term}_i(x', y), \qquad
        x' = x \text{ or } \operatorname{attack}(x, y)

    Terms are kept and run in the order of their names. A term of weight 0 is absent: it is not
    evaluated, and the objective equals the one written without it.

    Args:
        terms: Name → (weight, term); weights are finite and >= 0, at least one is above 0.
        inputs: What turns every batch into other inputs first: attacks under one threat or
            several, or noise.
        hooks: What happens to gradients and weights beside the optimiser's step, in this order.
    Returns:
        ``(loss, parts)``: the loss with its graph, and each term's value before weighting.
    Raises:
        SettingError: no term is left, a weight is negative or not finite, or there are ``inputs``
            and no ``seeds`` were given.
    Cost: 1 forward, what each term adds, and what ``inputs`` cost.
    Example:
        >>> from spikeproof.train import CrossEntropy, SparseGradient
        >>> objective = Objective({"error": (1.0, CrossEntropy()), "off": (0.0, SparseGradient())})
        >>> loss, parts = objective(nn.Linear(3, 2), torch.rand(4, 3), torch.tensor([0, 1, 0, 1]))
        >>> loss.shape, sorted(parts)
        (torch.Size([]), ['error'])

    References:
        liu2024sparse
    """

    terms: Mapping[str, tuple[float, Term]]
    inputs: Inputs | None = None
    hooks: tuple[Hook, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "hooks", tuple(self.hooks))
        kept = {}
        for name in sorted(self.terms):
            weight, term = _weighted(name, self.terms[name])
            if weight > 0:
                kept[name] = (weight, term)
        if not kept:
            raise SettingError(
                "An objective needs at least one term of weight above 0, e.g. "
                "Objective({'error': (1.0, CrossEntropy())})."
            )
        object.__setattr__(self, "terms", kept)

    def __call__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        seeds: Seeds | None = None,
        memory: Memory | None = None,
        progress: float = 1.0,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of one batch and its parts by name.

        ``memory`` is what inputs keep from step to step; ``progress`` the share of the training
        that is done.
        """
        memory = {} if memory is None else memory
        forward = self.look(model, x, y, seeds=seeds, memory=memory, progress=progress)
        loss, parts = self.weigh(forward)
        if seeds is not None:
            self.learn(forward, seeds=seeds, memory=memory)
        return loss, parts

    def look(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        seeds: Seeds | None = None,
        memory: Memory | None = None,
        progress: float = 1.0,
    ) -> Forward:
        """The pass that the terms share, over the objective's own inputs."""
        looks = frozenset[str]().union(*(looks_of(term) for _, term in self.terms.values()))
        if self.inputs is None:
            return Forward(model, x, y, looks=looks, progress=progress, seeds=seeds)
        if seeds is None:
            raise SettingError(
                "An objective with inputs of its own needs seeds=, one key per item, e.g. "
                "seeds(0, items=split.items)."
            )
        x_in = self.inputs.make(model, x, y, seeds=seeds, memory={} if memory is None else memory)
        copies = self.inputs.copies
        return Forward(
            model,
            x_in,
            y.repeat(copies),
            origin=x,
            copies=copies,
            looks=looks,
            progress=progress,
            seeds=seeds,
        )

    def weigh(self, forward: Forward) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and parts of a pass that was already made."""
        values = {name: term(forward) for name, (_, term) in self.terms.items()}
        loss = torch.stack([self.terms[name][0] * value for name, value in values.items()]).sum()
        return loss, {name: value.detach() for name, value in values.items()}

    def learn(self, forward: Forward, *, seeds: Seeds, memory: Memory) -> None:
        """Let inputs remember what a pass showed."""
        if self.inputs is not None:
            self.inputs.learn(forward, seeds=seeds, memory=memory)

    @property
    def judged(self) -> Objective:
        """The objective under which validation items are judged: the same terms, and inputs that
        leave one input per item, the worst of several threats."""
        return replace(self, inputs=None if self.inputs is None else self.inputs.judged, hooks=())

    def check(self, data: Dataset) -> None:
        """Raise SettingError unless the objective makes sense on a data set."""
        threats = () if self.inputs is None else self.inputs.against
        for threat in threats:
            if threat.domain not in (data.domain, data.domain.relaxed()):
                raise SettingError(
                    f"The threat {threat.name} was made for inputs {_described(threat.domain)}, "
                    f"but {data.spec.name} has {_described(data.domain)}; make it with "
                    "domain=data.domain."
                )
        for name, (_, term) in self.terms.items():
            with placed(f"Term {name!r}"):
                _check_inputs(term, self.inputs)
        for hook in self.hooks:
            _check_inputs(hook, self.inputs)

    def record(self) -> dict[str, Any]:
        """Plain data that :meth:`from_record` rebuilds."""
        terms = {
            name: {"weight": weight, **TERMS.record(term)}
            for name, (weight, term) in self.terms.items()
        }
        return {
            "terms": terms,
            "inputs": None if self.inputs is None else INPUTS.record(self.inputs),
            # "rules" is what hooks are called in the records there are, whose hashes are ids.
            "rules": [HOOKS.record(hook) for hook in self.hooks],
        }

    @classmethod
    def from_record(
        cls,
        record: Mapping[str, Any],
        threat: Threat | None = None,
        *,
        domain: Domain | Views | None = None,
    ) -> Objective:
        """Build an objective from plain data.

        Args:
            record: ``{"terms": {name: {"weight": w, "kind": ..., setting: value}}, "inputs":
                None or {"kind": ..., ...}, "rules": [{"kind": ..., setting: value}]}``; what is
                written ``rules`` are the hooks, and ``hooks`` may be written too.
            threat: What adversarial inputs under one threat may do.
            domain: Of the data set, on which the threats of the record are built; it is not plain
                data. One of the two is needed where there are inputs.
        Returns:
            The objective.
        Raises:
            SettingError: an unknown key, kind or setting; a missing threat, or one that is not
                the recorded one.
        Example:
            >>> record = {"terms": {"error": {"weight": 1.0, "kind": "cross_entropy"}}}
            >>> Objective.from_record(record)
            Objective(terms={'error': (1.0, CrossEntropy())}, inputs=None, hooks=())
        """
        for key in record:
            if key not in (known := ("terms", "inputs", "hooks", "rules")):
                raise SettingError(f"objective: unknown key {key!r}. {suggestion(key, known)}")
        terms: dict[str, tuple[float, Term]] = {}
        for name, values in _mapping(record.get("terms"), "objective: terms").items():
            settings = dict(_mapping(values, f"objective: terms: {name}"))
            weight = settings.pop("weight", None)
            terms[name] = (cast(float, weight), TERMS.build(settings))
        listed = (*record.get("rules", ()), *record.get("hooks", ()))
        hooks = tuple(HOOKS.build(hook) for hook in listed)
        inputs = record.get("inputs")
        if inputs is None:
            return cls(terms, hooks=hooks)
        inputs = _mapping(inputs, "objective: inputs")
        if threat is not None:
            inputs, domain = _under(inputs, threat), threat.domain
        if domain is None:
            raise SettingError(
                "objective: inputs need the domain of the data; pass "
                "Objective.from_record(record, domain=data.domain)."
            )
        return cls(terms, INPUTS.build(inputs, domain), hooks)


def _under(inputs: Mapping[str, Any], threat: Threat) -> Mapping[str, Any]:
    """The record of inputs under a threat that is given apart, as older records wanted it."""
    recorded = inputs.get("threat")
    if recorded is not None and recorded != threat.record():
        raise SettingError(
            f"inputs: the record was made with threat {recorded}, but {threat.record()} was given; "
            "pass the recorded one."
        )
    return {**inputs, "threat": threat.record()}


def _check_inputs(part: object, inputs: Inputs | None) -> None:
    """Ask a term or a hook that cares about the objective's inputs whether it can work on them."""
    check = getattr(part, "check", None)
    if check is not None:
        check(inputs)


def _described(domain: Domain | Views) -> str:
    """A domain in a sentence."""
    if isinstance(domain, Views):
        return "of the views " + ", ".join(f"{n} {_described(part)}" for n, part in domain.parts)
    grid = " of whole numbers" if domain.integer else ""
    return f"({domain.kind} {domain.shape} in [{domain.low:g}, {domain.high:g}]{grid})"


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    """``value`` if it is a mapping; otherwise raise."""
    if not isinstance(value, Mapping):
        raise SettingError(f"{where} must be a table of names and values; got {value!r}.")
    return value


def _weighted(name: str, entry: object) -> tuple[float, Term]:
    """A term and its weight, checked."""
    if not (isinstance(entry, tuple | list) and len(entry) == 2 and callable(entry[1])):
        raise SettingError(
            f"Objective term {name!r} must be (weight, term), e.g. (1.0, CrossEntropy()); "
            f"got {entry!r}."
        )
    if not isinstance(name, str) or name in ("", "loss"):
        raise SettingError(
            f"An objective term cannot be named {name!r}: names are texts, and 'loss' is the sum."
        )
    weight, term = entry
    number = isinstance(weight, int | float) and not isinstance(weight, bool)
    if not number or not math.isfinite(weight) or weight < 0:
        raise SettingError(
            f"The weight of objective term {name!r} must be a finite number >= 0; got {weight!r}."
        )
    return float(weight), term
