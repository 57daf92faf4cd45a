"""Whether a gradient reaches the input, through which rule, and of how many items it is zero."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from spikeproof.evaluate.diagnose.flag import Flag
from spikeproof.evaluate.forward import margins
from spikeproof.models import input_gradients_only, restoring_modes
from spikeproof.neurons import Surrogate, drawing, gradient_rule
from spikeproof.oracle import prediction_seeds

__all__ = ["gradient_flags"]

_WIDE = Surrogate("arctan", sharpness=5.0)
_FEW = 0.01
_MOST = 0.5  # share without gradient from which on robust accuracy says nothing


def gradient_flags(model: nn.Module, x: Tensor, y: Tensor) -> tuple[list[Flag], Tensor | None]:
    """Return what one gradient shows, and the logits that came with it.

    Args:
        model: In evaluation mode; as attacks look at it.
        x: Items, ``(N, *shape)``, where the model is.
        y: True classes, ``(N,)``.
    """
    flags = []
    with drawing(prediction_seeds(torch.arange(len(x)))), gradient_rule(_WIDE) as scope:
        logits, grad = _gradient(model, x, y)
    if not scope.served:
        flags.append(_rules(model))
    if grad is None:
        flags.append(_without(model, x, y))
        return flags, logits
    # Nobody attacks what is wrong when clean.
    right = margins(logits, y) <= 0
    looked = right if right.any() else torch.ones_like(right)
    zero = (grad.flatten(1) == 0).all(1)[looked]
    if float(zero.double().mean()) > _FEW:
        flags.append(_zero(zero))
    return flags, logits


def _gradient(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor | None]:
    """Logits and the gradient of the margin; None where none reaches the input."""
    at = x.detach().clone().requires_grad_(True)
    with torch.enable_grad(), input_gradients_only(model):
        logits: Tensor = model(at)
        if not logits.requires_grad:
            return logits.detach(), None
        classes = torch.arange(logits.shape[1], device=logits.device)
        others = logits.masked_fill(y[:, None] == classes, -torch.inf).amax(1)
        score = others - logits.gather(1, y[:, None]).squeeze(1)
        (grad,) = torch.autograd.grad(score.sum(), at, allow_unused=True)
    return logits.detach(), grad


def _rules(model: nn.Module) -> Flag:
    """The flag of a network whose layers know no gradient rule."""
    return Flag(
        name="rules",
        stop=False,
        seen=f"None of the {sum(map(_theirs, model.modules()))} modules of the network obeys a "
        "gradient rule.",
        why="Attacks that differ by their rule alone are one attack on it, and count as one.",
        mend="Nothing is needed for a network without spikes; a spiking one needs neurons of "
        "spikeproof.neurons, or sp.adapt where its library allows rules.",
    )


def _theirs(module: nn.Module) -> bool:
    """Whether a module is the network's, and not what it is served in."""
    return type(module).__module__.rpartition(".")[0] != __name__.rpartition(".")[0]


def _zero(zero: Tensor) -> Flag:
    """The flag of items that no gradient shows a way."""
    share = float(zero.double().mean())
    return Flag(
        name="zero-gradient",
        stop=share >= _MOST,
        seen=f"The gradient of the margin is exactly zero on {int(zero.sum())} of {len(zero)} "
        f"items ({100 * share:.0f} %).",
        why="Attacks by gradient stand still there, and what they leave unbroken is counted as "
        "robust.",
        mend="Use a wider surrogate, logits in place of probabilities, or attacks that ask for "
        "outputs only (Square, SparseRS).",
    )


def _without(model: nn.Module, x: Tensor, y: Tensor) -> Flag:
    """The flag of a network through which no gradient comes."""
    names = _only_in_training(model, x, y)
    if names:
        seen = (
            f"No gradient reaches the input in evaluation mode, and one does where "
            f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} in training mode."
        )
        mend = (
            "Let these modules keep their surrogate in evaluation mode (do not ask self.training "
            "in their forward), or wrap the network: sp.adapt(model)."
        )
    else:
        seen = "No gradient reaches the input, neither in evaluation mode nor in training mode."
        mend = (
            "Look for .detach(), torch.no_grad(), .round() or a plain comparison in the forward "
            "pass and give it a surrogate, or use attacks that ask for outputs only."
        )
    why = "Attacks by gradient cannot begin, and whatever they would find stays unfound."
    return Flag(name="no-gradient", stop=True, seen=seen, why=why, mend=mend)


def _only_in_training(model: nn.Module, x: Tensor, y: Tensor) -> list[str]:
    """The modules that pass a gradient only while they are trained, as ``Class (name)``."""
    few, classes = (x[:2], y[:2]), dict[type, list[str]]()
    for name, module in _own_mode(model):
        classes.setdefault(type(module), []).append(name or "the network itself")
    if not classes or not _reaches(model, *few, set(classes)):
        return []
    # Those without which none comes; all, where any of several would do.
    needed = [kind for kind in classes if not _reaches(model, *few, set(classes) - {kind})]
    found = []
    for kind in needed or list(classes):
        names = classes[kind]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        found.append(f"{kind.__name__} ({', '.join(names[:3])}{more})")
    return found


def _reaches(model: nn.Module, x: Tensor, y: Tensor, kinds: set[type]) -> bool:
    """Whether a gradient comes with modules of these classes in training mode."""
    with restoring_modes(model):
        for _, module in _own_mode(model):
            module.training = type(module) in kinds
        with drawing(prediction_seeds(torch.arange(len(x)))):
            grad = _gradient(model, x, y)[1]
    return grad is not None and bool((grad != 0).any())


def _own_mode(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Modules that may do something of their own in training, batch norms and dropout aside."""
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm | _DropoutNd):
            continue
        if not type(module).__module__.startswith(("torch.nn", "spikeproof.")):
            yield name, module
