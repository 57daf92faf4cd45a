"""The checks that were made before any attack, as checks of the diagnosis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from spikeproof.evaluate.diagnose import Flag
from spikeproof.evaluate.doctor.check import Check

__all__ = ["flag_checks"]

# What a flag does to a verdict where it is no stop of its own, and what would settle it.
_MADE: Mapping[str, tuple[str, str]] = {
    "state": ("stop", "The same attack after an explicit reset before every forward pass."),
    "randomness": (
        "sign",
        "The attack on the mean of ten draws (Expectation), judged by the mean.",
    ),
    "torch-generator": ("hint", "Two attacks with one seed."),
    "batch": ("stop", "The attack on one item at a time."),
    "input-written": ("hint", "The attack on a copy of every input."),
    "buffers": ("hint", "The attack with all buffers frozen."),
    "probabilities": ("hint", "The attack on the argument of the softmax."),
    "no-gradient": (
        "sign",
        "A search without gradients, and a gradient rule in every step function.",
    ),
    "range": ("hint", "The attack with a radius in the unit of the items."),
    "chance": ("stop", "Clean accuracy of the weights that were meant."),
    "time-axis": ("stop", "The attack on items with the item axis first."),
    "rules": ("hint", "sp.adapt(model), or neurons of spikeproof.neurons."),
}
_SEEN = "Not seen in the calls made before any attack."


def flag_checks(flags: Sequence[Flag]) -> list[Check]:
    """Return one check per flag that may be raised before an attack, raised or clear.

    A network without spikes obeys no gradient rule by nature, so that flag counts for nothing: what
    cannot be made for it is listed as not made.

    Args:
        flags: What was seen.
    Example:
        >>> [check.state for check in flag_checks(())][:2]
        ['clear', 'clear']
    """
    raised = {flag.name: flag for flag in flags}
    return [_check(name, raised.get(name), *_MADE[name]) for name in _MADE]


def _check(name: str, flag: Flag | None, weight: str, settles: str) -> Check:
    if flag is not None and flag.stop and weight != "sign":
        weight = "stop"
    rules = name == "rules" and flag is not None
    return Check(
        name=name,
        weight=weight,
        number=None if rules else float(flag is not None),
        threshold=0.5,
        needed=name != "rules",
        seen=_SEEN if flag is None else flag.seen,
        why="" if flag is None else flag.why,
        settles=settles,
        mend="" if flag is None else flag.mend,
    )
