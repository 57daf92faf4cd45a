"""The protocol of hooks: what happens at every step beside the optimiser's own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Protocol

from spikeproof.train.loop.step import Step

__all__ = ["BEFORE", "END", "Hook", "asks_for_clean_model", "due", "moves"]

BEFORE = "before"
"""``when`` of a hook that changes gradients before the optimiser's step; all others come after."""

END = "end"
"""``when`` of a hook that acts only after the last step of an epoch."""


class Hook(Protocol):
    """Something that happens at every step beside the optimiser's own.

    ``when`` is ``"before"`` the optimiser's step, to change gradients, ``"after"`` it, to change
    weights, or at the ``"end"`` of an epoch, after its last step. A hook remembers nothing from
    step to step, so that a run resumes exactly. Two more class attributes are read where there are
    any: with ``clean_model = True`` the run trains a model on unattacked items beside its own
    (``Step.clean_model``), and ``moves = False`` says that no weight is changed after the step. A
    method ``check(inputs)``, if there is one, is asked as that of a term is.
    """

    when: ClassVar[str]

    def __call__(self, step: Step) -> None:
        """Act on the model of the step."""
        ...


def due(hooks: Iterable[Hook], step: Step, *, stepped: bool) -> list[Hook]:
    """The hooks that act now: before the optimiser's step, or after it (``stepped``)."""
    now = [hook for hook in hooks if (hook.when != BEFORE) == stepped]
    return [hook for hook in now if hook.when != END or step.last]


def asks_for_clean_model(hook: Hook) -> bool:
    """Whether a hook needs the model that is trained on unattacked items beside."""
    return bool(getattr(hook, "clean_model", False))


def moves(hook: Hook) -> bool:
    """Whether a hook may change weights after the optimiser's step."""
    return hook.when != BEFORE and bool(getattr(hook, "moves", True))
