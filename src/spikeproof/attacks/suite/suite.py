"""Several attacks in a row, each on the items that still stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn

from spikeproof.attacks.suite.budget import Spending
from spikeproof.attacks.suite.member import Member
from spikeproof.attacks.suite.progress import STATES
from spikeproof.attacks.suite.result import SuiteResult
from spikeproof.attacks.suite.run import SuccessCriterion, SuiteRun
from spikeproof.attacks.suite.step import OnSuiteStep
from spikeproof.base import MOST_ROWS, BatchSize, InputError, Seeds, SettingError
from spikeproof.models import SQE, Latency, Network, Phase, Temporal, evaluating
from spikeproof.neurons import Surrogate, gradient_rule
from spikeproof.oracle import Obedience, stochastic
from spikeproof.threats import Threat

__all__ = ["Suite"]

_SAMPLES = 10


@dataclass(frozen=True)
class Suite:
    """Attack with one member after the other, each on the items that still stand.

    An item that the model already misclassifies counts as won and is not attacked. The verdict
    is the worst case over the members: robust means that none succeeded. A member that cannot
    work under the threat (its ``serves`` says so) is passed over. A member whose loss was still
    rising on an item it left standing goes on from there, twice as long each time. The runs of
    ``Restarts`` are made in one batch.

    A stochastic network (Poisson coding, noisy neurons) is attacked through the mean gradient of
    10 draws, then once more by each kind of loss as if every draw were its expectation. On a
    network in which no layer obeys a gradient rule (see ``GradientRuleUnused``), all members take
    its own gradient, and those that are then the same attack run once. So it is, rule by rule, on
    an adapted network whose layers obey some of them.

    Args:
        members: At least one; put the strongest first, it saves the others work.
        patience: How often a member may go on, >= 0.
        not_run: Of a fitted suite, the members that are the same attack as an earlier one on this
            network, by name; never part of its record.
        is_fitted: Whether it is what another suite amounts to on one network; never part of its
            record.
        under: The threat that it was made for, where it was; never part of its record.
    Raises:
        SettingError: no member, or a negative patience.
        InputError: a ``start`` of another shape than ``x``.
    Cost:
        One forward pass per item, one more with ``start``; then per surviving item each member's
        own cost and one forward pass, less the clean one where a member has met the same batch
        of survivors before (never where the network is stochastic). Two passes of a single item,
        to see whether the network is stochastic and obeys the rule, are not counted.
    Example:
        >>> len(Suite((Member(), Member(loss="cross_entropy"))).members)
        2
    """

    members: tuple[Member, ...]
    patience: int = 0
    not_run: tuple[str, ...] = field(default=(), compare=False, repr=False)
    is_fitted: bool = field(default=False, compare=False, repr=False)
    under: Threat | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "members", tuple(self.members))
        if not self.members:
            raise SettingError("A Suite needs at least one member.")
        if self.patience < 0:
            raise SettingError(f"Suite.patience must be at least 0; got {self.patience!r}.")

    def record(self) -> dict[str, Any]:
        """The plain record of the suite."""
        members = [{"name": m.name, **m.record()} for m in self.members]
        return {"members": members, "patience": self.patience}

    def made_for(self, threat: Threat) -> Suite:
        """The suite without members that are made for threats of another kind alone.

        What is recorded of a run under the l_p norms so stays as it was when attacks on the times
        of events joined the suites.
        """
        kept = [m for m in self.members if not m.specialised or m.serves(threat)]
        return replace(self, members=tuple(kept), under=threat)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Suite:
        """The suite of a record."""
        members = tuple(Member.from_record(part) for part in record["members"])
        return cls(members, record.get("patience", 0))

    def fitted(self, model: nn.Module, x: Tensor) -> Suite:
        """The suite as it attacks this model.

        Averaged over draws if the model is stochastic, and joined by attacks on the network in
        which every draw is its expectation, one per loss. Where no layer of the model obeys a
        gradient rule, members that differ by their rule alone are one attack, and count as one;
        ``not_run`` of what is returned names the others. Where pixels become spike times or bits,
        every item counts as misled.

        Args:
            model: Maps ``(N, *shape)`` to logits ``(N, K)``.
            x: Any legal inputs; the first is looked at.
        """
        # A network that draws seldom may look as if it did not when it is looked at again.
        if self.is_fitted or not len(x):
            return self
        with evaluating(model), gradient_rule(Surrogate()) as scope:
            draws = stochastic(model, x[:1])
        members, not_run = self._reduced(model, x, obeyed=bool(scope.served))
        if _encodes(model):
            members = tuple(replace(m, on=STATES) if "misled" in m.on else m for m in members)
        if draws and not self.averages:
            # Of each loss the first that attacks at all under the threat, where that is known.
            expected: dict[str, Member] = {}
            for member in members:
                if self.under is None or member.serves(self.under):
                    expected.setdefault(member.loss, member.deterministic())
            members = (*(member.averaged(_SAMPLES) for member in members), *expected.values())
        return replace(self, members=members, not_run=not_run, is_fitted=True)

    def _reduced(
        self, model: nn.Module, x: Tensor, *, obeyed: bool
    ) -> tuple[tuple[Member, ...], tuple[str, ...]]:
        """The members as attacks on this model, and the names of those that would run twice."""
        if not obeyed:
            return _merged(self.members, Member.without_rules)
        if not hasattr(model, "reading"):  # layers of ours obey every rule
            return self.members, ()
        rules = Obedience(model, x)
        return _merged(self.members, lambda m: replace(m, gradient=rules.reduced(m.gradient)))

    @property
    def averages(self) -> bool:
        """Whether every member already says what to do about a stochastic network."""
        return all(member.averages for member in self.members)

    def __call__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        threat: Threat,
        *,
        seeds: Seeds,
        start: Tensor | None = None,
        is_adversarial: SuccessCriterion | None = None,
        every: bool = False,
        batch_size: int | BatchSize = MOST_ROWS,
        spending: Spending | None = None,
        progress: OnSuiteStep | None = None,
    ) -> SuiteResult:
        """Run the suite.

        Args:
            model: Maps ``(N, *shape)`` to logits ``(N, K)``.
            x: Legal clean inputs, ``(N, *shape)``.
            y: True classes, int64 ``(N,)``.
            threat: What the attacker may do.
            seeds: One key per item.
            start: Points known to come close, e.g. the best of a smaller radius; members without
                a random start begin there.
            is_adversarial: Says who has won, from inputs and the positions of their items in
                ``x``; the attacker's own view of the model where absent.
            every: Let every member attack every item that is right when clean, to compare them.
            batch_size: Rows attacked at a time, an item or a restart of one each; halved where
                memory runs out. It bounds the memory, not the result.
            spending: A budget. A member that it no longer pays for attacks the items nearest the
                boundary, as far as it goes. Draws are those of a run without a budget.
            progress: Called before every batch of every member.
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
        fitted = replace(self, under=threat).fitted(model, x)
        run = SuiteRun(
            model=model,
            threat=threat,
            x=x,
            y=y,
            keys=seeds,
            start=start,
            is_adversarial=is_adversarial,
            patience=self.patience,
            every=every,
            batch_size=batch_size if isinstance(batch_size, BatchSize) else BatchSize(batch_size),
            spending=spending,
            progress=progress,
            # Averaging members are fitted to a network that may draw; nobody has looked.
            answers=None if fitted.averages else {},
        )
        return run.run(fitted.members)


def _encodes(model: nn.Module) -> bool:
    """Whether a code with a stand-in for its gradient lies between pixels and spikes."""
    specs = [part.spec for part in model.modules() if isinstance(part, Network)]
    return any(isinstance(spec.encoder, SQE | Latency | Phase | Temporal) for spec in specs)


def _merged(
    members: Sequence[Member], reduce: Callable[[Member], Member]
) -> tuple[tuple[Member, ...], tuple[str, ...]]:
    """The attacks that members amount to, each once, and the names of those left out."""
    kept: list[Member] = []
    left: list[str] = []
    for member in members:
        reduced = reduce(member)
        if reduced in kept:
            left.append(member.name)
        else:
            kept.append(reduced)
    return tuple(kept), tuple(left)
