"""An objective: named terms, each with a weight, over clean or adversarial inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from spikeproof.base import Registry, Seeds, SettingError, suggestion
from spikeproof.threats import Threat
from spikeproof.train.adversarial import Adversarial
from spikeproof.train.clean_pass import Pass, Term
from spikeproof.train.cross_entropy import CrossEntropy
from spikeproof.train.sparse_gradient import SparseGradient

__all__ = ["TERMS", "Objective"]

TERMS: Registry[Term] = Registry(
    "term", {"cross_entropy": CrossEntropy, "sparse_gradient": SparseGradient}
)


@dataclass(frozen=True)
class Objective:
    r"""A weighted sum of named terms that share one forward pass.

    .. math:: L(x, y) = \sum_i w_i\,\text{term}_i(x', y), \qquad
        x' = x \text{ or } \operatorname{attack}(x, y)

    Terms are kept and run in the order of their names. A term of weight 0 is absent: it is not
    evaluated, and the objective equals the one written without it.

    Args:
        terms: Name → (weight, term); weights are finite and >= 0, at least one is above 0.
        inputs: Adversarial training: turns every batch into adversarial inputs first.
    Returns:
        ``(loss, parts)``: the loss with its graph, and each term's value before weighting.
    Raises:
        SettingError: no term is left, a weight is negative or not finite, or ``inputs`` are
            adversarial and no ``seeds`` were given.
    Cost: 1 forward, what each term adds, and what ``inputs`` cost.
    Example:
        >>> objective = Objective({"error": (1.0, CrossEntropy()), "off": (0.0, SparseGradient())})
        >>> loss, parts = objective(nn.Linear(3, 2), torch.rand(4, 3), torch.tensor([0, 1, 0, 1]))
        >>> loss.shape, sorted(parts)
        (torch.Size([]), ['error'])

    References:
        liu2024sparse
    """

    terms: Mapping[str, tuple[float, Term]]
    inputs: Adversarial | None = None

    def __post_init__(self) -> None:
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
        self, model: nn.Module, x: Tensor, y: Tensor, *, seeds: Seeds | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of one batch and its parts by name."""
        return self.weigh(self.look(model, x, y, seeds=seeds))

    def look(self, model: nn.Module, x: Tensor, y: Tensor, *, seeds: Seeds | None = None) -> Pass:
        """The pass that the terms share, over the objective's own inputs."""
        if self.inputs is not None:
            if seeds is None:
                raise SettingError(
                    "An objective with adversarial inputs needs seeds=, one key per item, e.g. "
                    "seeds(0, items=split.items)."
                )
            x = self.inputs(model, x, y, seeds=seeds)
        return Pass(model, x, y)

    def weigh(self, clean: Pass) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and parts of a pass that was already made."""
        values = {name: term(clean) for name, (_, term) in self.terms.items()}
        loss = torch.stack([self.terms[name][0] * value for name, value in values.items()]).sum()
        return loss, {name: value.detach() for name, value in values.items()}

    def record(self) -> dict[str, Any]:
        """Plain data that :meth:`from_record` rebuilds."""
        terms = {
            name: {"weight": weight, **TERMS.record(term)}
            for name, (weight, term) in self.terms.items()
        }
        return {"terms": terms, "inputs": None if self.inputs is None else self.inputs.record()}

    @classmethod
    def from_record(cls, record: Mapping[str, Any], threat: Threat | None = None) -> Objective:
        """Build an objective from plain data.

        Args:
            record: ``{"terms": {name: {"weight": w, "kind": ..., setting: value}}, "inputs":
                None or {"attack": {...}, "path": ..., "loss": ...}}``.
            threat: What adversarial inputs may do; it holds the domain, which is not plain data.
        Returns:
            The objective.
        Raises:
            SettingError: an unknown key, kind or setting; a missing threat, or one that is not
                the recorded one.
        Example:
            >>> record = {"terms": {"error": {"weight": 1.0, "kind": "cross_entropy"}}}
            >>> Objective.from_record(record)
            Objective(terms={'error': (1.0, CrossEntropy())}, inputs=None)
        """
        for key in record:
            if key not in ("terms", "inputs"):
                raise SettingError(
                    f"objective: unknown key {key!r}. {suggestion(key, ('terms', 'inputs'))}"
                )
        terms: dict[str, tuple[float, Term]] = {}
        for name, values in _mapping(record.get("terms"), "objective: terms").items():
            settings = dict(_mapping(values, f"objective: terms: {name}"))
            weight = settings.pop("weight", None)
            terms[name] = (cast(float, weight), TERMS.build(settings))
        inputs = record.get("inputs")
        if inputs is None:
            return cls(terms)
        return cls(terms, Adversarial.from_record(_mapping(inputs, "objective: inputs"), threat))


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
