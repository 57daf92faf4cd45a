"""Cheap checks of a network and its items, before any attack."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from spikeproof.base import InputError, check_finite, check_seed, check_shape, computing
from spikeproof.data import Domain, Split, Views
from spikeproof.evaluate.diagnose.calls import Calls
from spikeproof.evaluate.diagnose.flag import FLAGS, Flag
from spikeproof.evaluate.diagnose.gradients import gradient_flags
from spikeproof.evaluate.diagnose.head import check_network
from spikeproof.evaluate.diagnose.inputs import chance_flags, range_flags
from spikeproof.evaluate.diagnose.serve import LogSpace, are_probabilities, served
from spikeproof.evaluate.forward import margins
from spikeproof.evaluate.number_types import together
from spikeproof.models import evaluating, home_of

__all__ = ["explained", "flags_before"]

# Items that are asked about again and again; items whose gradient is taken, at least and at most.
_FEW = 8
_LEAST, _MOST, _SHARE = 16, 128, 4


def flags_before(
    model: nn.Module, x: Tensor, y: Tensor, domain: Domain | Views, *, seed: int = 0
) -> tuple[Flag, ...]:
    """Say what makes robust accuracy of a network doubtful, before anything is attacked.

    Two calls that differ, by state or by chance; draws from global generators; answers that depend
    on the other items; an input that is written into; buffers that move; probabilities in place of
    logits; no gradient in evaluation mode, or a zero one; items beside the declared range; clean
    accuracy at chance; time first; gradient rules that nobody obeys.

    Network, buffers, modes, items and every global generator are bit for bit what they were
    afterwards, also after an error.

    Args:
        model: Maps ``(N, *shape)`` to logits ``(N, K)``; any torch module.
        x: Items, ``(N, *shape)``; a part of them is looked at, the first ones.
        y: True classes, int64 ``(N,)``.
        domain: What the items may be.
        seed: Of every random number.
    Returns:
        What was seen, in the order of ``FLAGS``; empty where nothing was.
    Raises:
        InputError: no network, or one that returns no logits; the sentence says how to wrap it.
    Cost:
        Four forward passes of 8 items; one forward and one backward of a quarter of the items, of
        16 at least and 128 at most; some more where something is found.
    Example:
        >>> flags = flags_before(nn.Sequential(nn.Linear(1, 2), nn.Softmax(1)), torch.ones(1, 1),
        ...                  torch.ones(1).long(), Domain(kind="real", shape=(1,)))
        >>> [flag.name for flag in flags]
        ['probabilities', 'rules']
    """
    check_seed(seed, "flags_before: seed")
    check_network(model, "flags_before: model")
    if not len(x) or len(x) != len(y):
        raise InputError(
            f"flags_before: needs as many items as classes; got {len(x)} and {len(y)}."
        )
    check_finite(check_shape(x[:1], domain.shape, "x"), "x")
    home = home_of(model)
    many = min(len(x), max(_LEAST, min(_MOST, len(x) // _SHARE)))
    model, met = together(model, Split(x[:many].detach(), y[:many], torch.arange(many)))
    here, classes = met.x.to(home, copy=True), met.y.detach().to(home)
    with computing(home), evaluating(model):
        few = here[: _unlike_time(here, min(many, _FEW))]
        calls = Calls(model, few, domain, seed)
        try:
            logits = calls.look()
            flags = [*range_flags(here, domain), *calls.flags]
            if logits is not None:
                flags += _answers(model, here, classes, calls, logits)
        finally:
            calls.close()
    return tuple(sorted(flags, key=lambda flag: FLAGS.index(flag.name)))


def explained(
    problem: InputError | RuntimeError, flags: Sequence[Flag]
) -> InputError | RuntimeError:
    """Return the error of an attack with its cause, where a flag had named that before.

    Args:
        problem: What the attack said.
        flags: What ``flags_before`` said.
    """
    if isinstance(problem, RuntimeError):  # state of one batch met another
        state = next((flag for flag in flags if flag.name == "state"), None)
        said = str(problem).splitlines()[:1]
        return problem if state is None else InputError(f"{' '.join(said)}: {state.sentence}")
    causes = {"No gradient reaches": "no-gradient", "The model must return": "time-axis"}
    for start, name in causes.items():
        flag = next((flag for flag in flags if flag.name == name), None)
        if flag is not None and str(problem).startswith(start):
            return InputError(flag.sentence)
    outside = next((flag for flag in flags if flag.name == "range" and flag.stop), None)
    return problem if outside is None else InputError(f"{problem} {outside.seen} {outside.mend}")


def _unlike_time(x: Tensor, n: int) -> int:
    """So many items that no other axis can be taken for theirs."""
    return n - 1 if x.ndim > 2 and n > 2 and x.shape[1] == n else n


def _answers(model: nn.Module, x: Tensor, y: Tensor, calls: Calls, logits: Tensor) -> list[Flag]:
    """What logits and gradients show."""
    flags = []
    calls.put_back()
    if are_probabilities(logits):
        flags.append(_probabilities(model, calls, logits))
    looked = served(model, [*calls.flags, *flags])
    calls.put_back()
    if not x.is_floating_point() or not _are_classes(y, logits.shape[1]):
        return flags  # whoever attacks refuses these in its own words
    found, answers = gradient_flags(looked, x, y.long())
    if answers is not None:
        right = int((margins(answers, y.long()) <= 0).sum())
        found += chance_flags(right, len(x), answers.shape[1])
    return [*flags, *found]


def _are_classes(y: Tensor, classes: int) -> bool:
    """Whether true classes are whole numbers that the network knows."""
    whole = y.ndim == 1 and not y.is_floating_point() and not y.is_complex()
    return whole and int(y.min()) >= 0 and int(y.max()) < classes


def _probabilities(model: nn.Module, calls: Calls, p: Tensor) -> Flag:
    """The flag of a network that answers probabilities."""
    inside = LogSpace(served(model, calls.flags))
    with torch.no_grad():
        inside(calls.x.clone())
    lost = int((p == 0).any(1).sum())
    exact = inside.exact or not lost
    return Flag(
        name="probabilities",
        stop=not exact,
        seen=f"Every row of outputs lies in [0, 1] and sums to 1, and {lost} of {len(p)} hold an "
        "exact 0, so they are probabilities.",
        why="Where they round to 0 and 1 their gradient vanishes, and attacks stand still.",
        mend="They are attacked as logarithms here, which changes no decision; let the network "
        "return the argument of its softmax."
        if exact
        else "Let the network return the argument of its softmax.",
    )
