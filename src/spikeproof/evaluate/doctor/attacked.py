"""Checks of what attacks did: signs that the attack failed, and not the attacker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from spikeproof.evaluate.doctor.check import Check, Inquiry
from spikeproof.evaluate.doctor.evidence import AttackEvidence
from spikeproof.evaluate.doctor.members import named
from spikeproof.evaluate.doctor.subject import Ran
from spikeproof.evaluate.doctor.thresholds import Thresholds

__all__ = ["attack_checks", "overstated"]

_STANDARD = "The suite standard, and full where anything still stands."

OVERSTATED = Inquiry(
    name="overstated",
    weight="proof",
    needed=True,
    why="Adversarial inputs are there that the claimed attack does not find, so its robust "
    "accuracy is too high.",
    settles=_STANDARD,
    mend="Report the worst of a suite with several gradient rules, and not this attack alone.",
)
ONE_STEP = Inquiry(
    name="one-step",
    weight="sign",
    why="An iterative attack can take that single step, so it was led away from it.",
    settles="The iterative attack with a wider surrogate and random restarts.",
    mend="Look for a gradient that vanishes or is cut after the first step.",
)
BLACK_BOX = Inquiry(
    name="black-box",
    weight="sign",
    needed=True,
    why="Whoever knows the gradient knows more than whoever only asks, unless it misleads.",
    settles="Square or SparseRS with thousands of queries.",
    mend="Attack through other gradient rules, and report a suite that also searches.",
)
RANDOM = Inquiry(
    name="random-search",
    weight="sign",
    needed=True,
    why="Where chance finds what a gradient misses, the gradient says nothing.",
    settles="A thousand random draws beside the attack.",
    mend="Do not report this attack; attack through other gradient rules.",
)
FREE_GAIN = Inquiry(
    name="free-gain",
    weight="sign",
    why="No gradient rule tried shows the attacker what a search finds.",
    settles="Square or SparseRS with thousands of queries, and differences with more pairs.",
    mend="Report a suite that also searches: standard or full.",
)
UNBOUNDED = Inquiry(
    name="unbounded",
    weight="sign",
    symptom=True,
    why="Without a bound every item can be turned into another one, so the attack failed.",
    settles="The same attack through other gradient rules without a bound.",
    mend="Look for a gradient that is zero or misleading far from the items.",
)
FALLING = Inquiry(
    name="falling",
    weight="sign",
    symptom=True,
    why="A larger radius allows everything that a smaller one does.",
    settles="The attack at the larger radius, begun where the smaller one ended.",
    mend="Use the worst of all radii, and look for a gradient that misleads far from the items.",
)
STEPS = Inquiry(
    name="steps",
    weight="sign",
    why="The attack had not ended, so its robust accuracy is too high.",
    settles="The same attack with ten times as many steps, and random restarts.",
    mend="Take more steps until another doubling changes nothing.",
)
HELD_OUT = Inquiry(
    name="held-out",
    weight="sign",
    why="The network was trained against its own rule, and hides from that one only.",
    settles=_STANDARD,
    mend="Attack through rules that the training never saw.",
)
SPREAD = Inquiry(
    name="spread",
    weight="sign",
    symptom=True,
    why="If the rule decides what is found, no single rule can be trusted.",
    settles=_STANDARD,
    mend="Report the worst over several gradient rules.",
)
EXPECTATION = Inquiry(
    name="expectation",
    weight="sign",
    why="The network answers at random, and a gradient of one draw points at that draw.",
    settles="The attack on the mean of more draws (Expectation).",
    mend="Attack the mean of ten draws or more, and judge by the mean too.",
)
TRANSFER = Inquiry(
    name="transfer",
    weight="sign",
    why="Another network's gradient shows more than the network's own.",
    settles="Transfer from several networks trained without the defence.",
    mend="Count transferred inputs too, and attack through other gradient rules.",
)


def attack_checks(evidence: AttackEvidence, thresholds: Thresholds) -> list[Check]:
    """Return the checks that compare attacks with one another.

    Args:
        evidence: What the attacks did.
        thresholds: Where checks begin to count.
    References:
        athalye2018, carlini2019evaluating, pintor2022indicators
    """
    look = _Look(evidence, thresholds)
    return [
        look.overstated(),
        look.gain(ONE_STEP, _some(evidence.once), "one step", look.blocked()),
        look.gain(BLACK_BOX, evidence.searches, "searches without gradients", "No search serves "
                  f"{evidence.threat.name}."),
        look.gain(RANDOM, _some(evidence.drawn), "random draws", "Nothing was drawn."),
        look.free_gain(),
        look.unbounded(),
        look.falling(),
        look.gain(STEPS, _some(evidence.longer), "the same attack with more steps", look.blocked()
                  or "The attack has no number of steps."),
        look.gain(HELD_OUT, evidence.rules, "held-out gradient rules", look.blocked()
                  or "No layer obeys gradient rules."),
        look.spread(),
        look.gain(EXPECTATION, _some(evidence.averaged), "means of ten draws", look.blocked()
                  or "The network answers the same every time."),
        look.gain(TRANSFER, evidence.peers, "inputs of other networks", "No other network was "
                  "given."),
    ]  # fmt: skip


def overstated(evidence: AttackEvidence, thresholds: Thresholds) -> Check:
    """Return how much more the claimed attack leaves than all together, once more.

    Args:
        evidence: What the attacks did, those that settle symptoms among them.
        thresholds: Where the check begins to count.
    """
    return _Look(evidence, thresholds).overstated()


@dataclass(frozen=True)
class _Look:
    """What some attacks did that others did not."""

    evidence: AttackEvidence
    thresholds: Thresholds

    def blocked(self) -> str:
        """Why no gradient was followed; empty where one was."""
        return self.evidence.blocked

    def overstated(self) -> Check:
        """How much more the claimed attack leaves than all together."""
        one, every = self.evidence.left, self.evidence.left_by_all
        return OVERSTATED.found(
            one - every,
            f"{named(self.evidence.member)} leaves {100 * one:.1f} % of "
            f"{len(self.evidence.won_claimed)} right items, all attacks together "
            f"{100 * every:.1f} %.",
            self.thresholds,
        )

    def gain(self, inquiry: Inquiry, runs: Sequence[Ran], what: str, lacking: str) -> Check:
        """What some attacks broke that the claimed one did not."""
        if not runs:
            return inquiry.not_made(lacking)
        return self._gained(inquiry, self.evidence.won(runs), self.evidence.won_claimed, what)

    def free_gain(self) -> Check:
        """What no gradient found."""
        by_gradient = self.evidence.by_gradient
        return self._gained(
            FREE_GAIN,
            self.evidence.won(self.evidence.by_search),
            self.evidence.won(by_gradient),
            "attacks without gradients",
            f"{len(by_gradient)} attacks with gradients",
        )

    def unbounded(self) -> Check:
        """What stands without a bound."""
        ran = self.evidence.unbounded
        if ran is None:
            return UNBOUNDED.not_made(self.blocked() or "No radius reaches every legal input.")
        return UNBOUNDED.found(
            ran.left,
            f"{100 * ran.left:.1f} % of {len(ran.won)} items stand although nothing bounds the "
            "change.",
            self.thresholds,
        )

    def falling(self) -> Check:
        """How much accuracy rises from one radius to the next."""
        curve = self.evidence.curve
        if len(curve) < 2:
            return FALLING.not_made(self.blocked() or "There is one radius only.")
        rise, low, high = max(
            (after - before, near, far) for (near, before), (far, after) in pairwise(curve)
        )
        return FALLING.found(
            rise,
            f"From radius {low:g} to {high:g} the claimed attack leaves {100 * rise:+.1f} points.",
            self.thresholds,
        )

    def spread(self) -> Check:
        """The range of accuracies over the gradient rules."""
        claimed = self.evidence.claimed
        if claimed is None or not self.evidence.rules:
            return SPREAD.not_made(self.blocked() or "No layer obeys gradient rules.")
        several = [claimed, *self.evidence.rules]
        lefts = [ran.left for ran in several]
        each = ", ".join(f"{ran.name.split()[1]} {100 * ran.left:.0f} %" for ran in several)
        return SPREAD.found(max(lefts) - min(lefts), f"Left by rule: {each}.", self.thresholds)

    def _gained(
        self, inquiry: Inquiry, won: Tensor, without: Tensor, what: str, whom: str = ""
    ) -> Check:
        gain = int((won & ~without).sum())
        return inquiry.found(
            gain / max(1, len(won)),
            f"{what[0].upper()}{what[1:]} broke {gain} of {len(won)} items that "
            f"{whom or 'the claimed attack'} left; {int(without.sum())} were broken by that.",
            self.thresholds,
        )


def _some(ran: Ran | None) -> tuple[Ran, ...]:
    """One run or none."""
    return () if ran is None else (ran,)
