"""Several attacks in a row, each on the items that still stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.attacks.attack import Attack, serves
from spikeproof.attacks.pgd import PGD
from spikeproof.attacks.registry import ATTACKS
from spikeproof.attacks.swap import Swap
from spikeproof.attacks.trackers import Best
from spikeproof.base import InputError, Seeds, SettingError, check_one_of
from spikeproof.neurons import Surrogate
from spikeproof.oracle import Oracle, Passes, Path, name_of, path_from, path_record
from spikeproof.threats import LOSSES, Goal, Threat

__all__ = ["Found", "Member", "Suite", "suite"]


@dataclass(frozen=True, kw_only=True)
class Member:
    """One attack of a suite: an algorithm, a gradient path and a loss.

    Args:
        attack: The algorithm.
        path: How the gradient crosses a spike, a surrogate or any of ``PATHS``; None uses the
            model's own surrogates.
        loss: What is climbed, ``"margin"``, ``"cross_entropy"`` or ``"dlr"``.
    Raises:
        SettingError: unknown loss.
    Example:
        >>> Member(attack=PGD(), path=Surrogate("arctan", sharpness=5.0)).name
        'pgd arctan-5 margin'
    """

    attack: Attack = field(default_factory=PGD)
    path: Path | None = None
    loss: str = "margin"

    def __post_init__(self) -> None:
        check_one_of(self.loss, LOSSES, "loss")

    @property
    def name(self) -> str:
        """Algorithm, path and loss in words, for tables."""
        return f"{ATTACKS.kind(self.attack)} {name_of(self.path)} {self.loss}"

    def record(self) -> dict[str, Any]:
        """The plain record of the member."""
        attack, path = ATTACKS.record(self.attack), path_record(self.path)
        return {"attack": attack, "path": path, "loss": self.loss}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Member:
        """The member of a record."""
        return cls(
            attack=ATTACKS.build(record["attack"]),
            path=path_from(record["path"]),
            loss=record["loss"],
        )


@dataclass(frozen=True, eq=False)
class Found:
    """What a suite has found.

    Args:
        x_adv: Best legal point of every item; the clean one where that is already won.
        won: Whether the attacker has won, bool ``(N,)``; true for items misclassified clean.
        member: Which member won first, int64 ``(N,)``; -1 where none did or none was needed.
        passes: Passes of single items used in all.
    """

    x_adv: Tensor
    won: Tensor
    member: Tensor
    passes: Passes


@dataclass(frozen=True)
class Suite:
    """Attack with one member after the other, each on the items that still stand.

    An item that the model already misclassifies counts as won and is not attacked. The verdict
    is the worst case over the members: robust means that none succeeded. A member that cannot
    work under the threat (its ``serves`` says so) is passed over.

    Args:
        members: At least one; put the strongest first, it saves the others work.
    Raises:
        SettingError: no member.
        InputError: a ``start`` of another shape than ``x``.
    Cost:
        One forward pass per item, one more with ``start``; then per surviving item each member's
        own cost and one forward pass.
    Example:
        >>> len(Suite((Member(), Member(loss="cross_entropy"))).members)
        2
    """

    members: tuple[Member, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "members", tuple(self.members))
        if not self.members:
            raise SettingError("A Suite needs at least one member.")

    def record(self) -> dict[str, Any]:
        """The plain record of the suite."""
        return {"members": [{"name": m.name, **m.record()} for m in self.members]}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Suite:
        """The suite of a record."""
        return cls(tuple(Member.from_record(part) for part in record["members"]))

    def __call__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        threat: Threat,
        *,
        seeds: Seeds,
        start: Tensor | None = None,
        batch_size: int = 256,
    ) -> Found:
        """Run the suite.

        Args:
            model: Maps ``(N, *shape)`` to logits ``(N, K)``.
            x: Legal clean inputs, ``(N, *shape)``.
            y: True classes, int64 ``(N,)``.
            threat: What the attacker may do.
            seeds: One key per item.
            start: Points known to come close, e.g. the best of a smaller radius; members without
                a random start begin there.
            batch_size: Items attacked at a time; bounds the memory, not the result.
        """
        if start is not None and start.shape != x.shape:
            raise InputError(
                f"start must have the shape of x, {tuple(x.shape)}; got {tuple(start.shape)}."
            )
        if not len(x) == len(y) == len(seeds):
            raise InputError(
                f"Each item needs a label and a key; got {len(x)} items, {len(y)} labels and "
                f"{len(seeds)} keys."
            )
        parts = [
            self._batch(model, threat, seeds[s], (x[s], y[s], None if start is None else start[s]))
            for s in (slice(i, i + batch_size) for i in range(0, max(1, len(x)), batch_size))
        ]
        return Found(
            torch.cat([part.x_adv for part in parts]),
            torch.cat([part.won for part in parts]),
            torch.cat([part.member for part in parts]),
            sum((part.passes for part in parts), Passes()),
        )

    def _batch(
        self,
        model: nn.Module,
        threat: Threat,
        seeds: Seeds,
        items: tuple[Tensor, Tensor, Tensor | None],
    ) -> Found:
        """Run the suite on one batch."""
        x, y, start = items
        goal = Goal(y)
        with Oracle(model, seeds=seeds) as oracle:
            best = Best(x, goal.margin(oracle.logits(x)))
            missed = best.margin > 0
            if start is not None:
                start = threat.project(start, x)
                near = goal.margin(oracle.logits(start))
                best.keep(start, torch.where(missed, -torch.inf, near))
            passes = oracle.passes
        member = torch.full_like(y, -1)
        for number, one in enumerate(self.members):
            left = best.standing()
            if not len(left):
                break
            if not serves(one.attack, threat):
                continue
            own = seeds[left].child("member", number)
            with Oracle(model, path=one.path, seeds=own) as oracle:
                begin = None if start is None or _random(one.attack) else best.x[left]
                aim = Goal(y[left], loss=one.loss)
                x_adv = one.attack(oracle, x[left], aim, threat, seeds=own, start=begin)
                margin = goal[left].margin(oracle.logits(x_adv))
                passes += oracle.passes
            member[left] = torch.where(margin > 0, number, member[left])
            best.keep(x_adv, margin, left)
        return Found(best.x, best.margin > 0, member, passes)


def _random(attack: Attack) -> bool:
    """Whether the attack chooses its own random start."""
    return bool(getattr(attack, "random_start", True))


_PATHS = tuple(
    Surrogate(shape, sharpness=sharpness)
    for shape, sharpness in (
        ("arctan", 5.0),
        ("triangle", 1.0),
        ("triangle", 2.0),
        ("sigmoid", 4.0),
    )
)
# Small constant steps and large falling ones each break items that the other misses.
_SMALL = PGD(steps=40, stop=True)
_LARGE = PGD(steps=40, step_size=0.5, last=0.2, stop=True)
_SWAP = Swap(steps=40, share=0.8, noise=0.2, stop=True)
_QUICK = (
    Member(attack=Swap(steps=20, share=0.8, noise=0.2, stop=True), path=_PATHS[0]),
    *(Member(attack=PGD(steps=20, step_size=0.2, stop=True), path=path) for path in _PATHS[:2]),
)
# Swap serves counted radii only, and leaves little to the others there.
_STANDARD = (
    *(Member(attack=_SWAP, path=path) for path in _PATHS[:2]),
    Member(attack=_SMALL, path=_PATHS[0]),
    Member(attack=_LARGE, path=_PATHS[1]),
    Member(attack=_SMALL, path=_PATHS[2]),
    Member(attack=_LARGE, path=_PATHS[3]),
)
_SUITES = {"quick": _QUICK, "standard": _STANDARD}


def suite(name: str) -> Suite:
    """Return a named suite; nothing about it needs tuning.

    Args:
        name: ``"quick"`` (to look) or ``"standard"`` (to report).
    Returns:
        The suite.
    Raises:
        SettingError: an unknown name.
    Example:
        >>> suite("quick").members[0].name
        'swap arctan-5 margin'
    """
    return Suite(_SUITES[check_one_of(name, _SUITES, "suite")])
