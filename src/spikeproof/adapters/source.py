"""A network from a user's own file: the function that makes it, and its weights."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from spikeproof.adapters.adapt import adapt
from spikeproof.adapters.adapted import Adapted
from spikeproof.adapters.importing import UserCodeFailed, explained, imported, on_its_own
from spikeproof.adapters.texts import SourceFiles, files_of
from spikeproof.adapters.weights import fill, read_weights
from spikeproof.adapters.where import NetworkSource, source_of
from spikeproof.base import InputError, SettingError, suggestion
from spikeproof.models import check_logits

__all__ = ["UserNetwork", "network_of", "user_network"]


@dataclass(frozen=True, kw_only=True)
class UserNetwork:
    """A network that code of a user made.

    Args:
        source: Where the code is.
        files: What it consists of.
        adapted: The network as the package asks it.
        tensors: Its own state dict, copied.
        classes: How many it answers.
        notes: What a user should know, one sentence each.
    """

    source: NetworkSource
    files: SourceFiles
    adapted: Adapted
    tensors: dict[str, Tensor]
    classes: int
    notes: tuple[str, ...]


def network_of(
    source: str,
    weights: Path | str | None = None,
    *,
    example: Tensor,
    arguments: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Adapted:
    """Return the network that a function in a user's own, unedited file makes, with its weights.

    Args:
        source: ``"module.py:build"``, ``"module.py:Class"`` or ``"package.module:build"``. Only
            this module is imported, and what it imports itself.
        weights: A safetensors or torch file; what the function itself loads where absent. See
            ``read_weights`` and ``fill``.
        example: A few inputs ``(N, *shape)``, which show how the network is to be asked.
        arguments: Keyword arguments of the function.
        settings: Those of ``adapt``: ``time``, ``reduce``, ``steps``, ``mean``, ``std``, and
            ``library``.
    Returns:
        The network, in evaluation mode.
    Raises:
        SettingError: no function is named, or an argument or setting does not exist.
        FileProblem: no such module or weights, or files that are not whole.
        InputError: the code raises or exits, makes no network, or the weights do not fit.
    Cost:
        A few forward passes of the example.
    Example:
        >>> import torch
        >>> network_of("no.py:build", example=torch.zeros(1, 4))
        Traceback (most recent call last):
        spikeproof.base.errors.FileProblem: There is no Python file at no.py.
    """
    return user_network(
        source, weights, example=example, arguments=arguments, settings=settings
    ).adapted


def user_network(
    source: str,
    weights: Path | str | Mapping[str, Tensor] | None = None,
    *,
    example: Tensor,
    arguments: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    told: bool = True,
) -> UserNetwork:
    """Return the same network with what is known of it.

    Args:
        source: As of ``network_of``.
        weights: A file, or tensors by name.
        example: As of ``network_of``.
        arguments: As of ``network_of``.
        settings: As of ``network_of``.
        told: Whether warnings say what a user should know.
    Raises:
        SettingError: as of ``network_of``, FileProblem and InputError too.
    """
    place = source_of(source)
    files = files_of(place)
    read = read_weights(weights) if isinstance(weights, Path | str) else None
    with on_its_own(place, files.paths, told=told):
        network = _made(place, files, dict(arguments or {}))
    notes: list[str] = []
    given = weights if read is None else read.tensors
    if isinstance(given, Mapping):
        if not isinstance(network, nn.Module):
            raise InputError(
                f"{place.label} returns a {type(network).__name__}, which takes no weights; leave "
                "them out, or return a torch.nn.Module."
            )
        where = "The run's copy of its weights" if read is None else str(read.path)
        notes += fill(network, given, where, place.label)
    if told:
        for note in notes:
            warnings.warn(note, stacklevel=2)
    tensors = _tensors_of(network, place)
    adapted = _adapted(network, place, example, dict(settings or {}))
    return UserNetwork(
        source=place,
        files=files,
        adapted=adapted,
        tensors=tensors,
        classes=_classes(adapted, place, example),
        notes=tuple(notes),
    )


def _made(place: NetworkSource, files: SourceFiles, arguments: dict[str, Any]) -> object:
    """What the function returns."""
    with explained(place, "it is imported"):
        module = imported(place, files.paths)
        function = getattr(module, place.name, None)
    if not callable(function):
        names = [name for name, value in vars(module).items() if callable(value)]
        what = "is not there" if function is None else f"is a {type(function).__name__}"
        raise InputError(
            f"{place.label}: {place.name} {what}, not a function or class that makes a network. "
            f"{suggestion(place.name, [name for name in names if name[0] != '_'])}"
        )
    if isinstance(function, nn.Module) and not isinstance(function, type):
        return function  # made when the module was imported
    _check_arguments(function, place, arguments)
    with explained(place, "it makes its network"):
        return function(**arguments)


def _check_arguments(
    function: Callable[..., Any], place: NetworkSource, arguments: dict[str, Any]
) -> None:
    """Raise where a function does not take these arguments, or needs others."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # made outside Python, which does not say
        return
    kinds = inspect.Parameter
    named = [p for p in parameters if p.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)]
    names = [p.name for p in named]
    if not any(p.kind is kinds.VAR_KEYWORD for p in parameters):
        for name in arguments:
            if name not in names:
                told = suggestion(name, names) if names else "It takes none."
                raise SettingError(f"{place.label} takes no argument {name!r}. {told}")
    needed = [p.name for p in named if p.default is kinds.empty and p.name not in arguments]
    needed += [
        p.name for p in parameters if p.kind is kinds.POSITIONAL_ONLY and p.default is kinds.empty
    ]
    if needed:
        raise SettingError(
            f"{place.label} needs {', '.join(needed)}, without which it cannot be called; give "
            f"{'it' if len(needed) == 1 else 'them'} by name (--build {needed[0]}=VALUE, in a plan "
            f"arguments = {{ {needed[0]} = VALUE }}), or name a function that needs nothing."
        )


def _tensors_of(network: object, place: NetworkSource) -> dict[str, Tensor]:
    """A copy of the state of a network, every tensor with memory of its own."""
    if not isinstance(network, nn.Module):
        return {}
    tensors = {}
    for name, tensor in network.state_dict().items():
        if not isinstance(tensor, Tensor):
            raise InputError(
                f"The network of {place.label} keeps {name!r} in its state dict, which is a "
                f"{type(tensor).__name__} and no tensor; keep it elsewhere, or as a buffer."
            )
        if not nn.parameter.is_lazy(tensor):
            tensors[name] = tensor.detach().cpu().clone().contiguous()
    return tensors


def _adapted(
    network: object, place: NetworkSource, example: Tensor, settings: dict[str, Any]
) -> Adapted:
    """The network as the package asks it."""
    known = ("library", "mean", "reduce", "reset", "std", "steps", "time")
    for name in settings:
        if name not in known:
            raise SettingError(
                f"{place.label}: unknown setting of adapt {name!r}. {suggestion(name, known)}"
            )
    if isinstance(network, Adapted):
        if settings:
            raise SettingError(
                f"{place.label} returns an adapted network, which knows how it is asked; leave out "
                f"{', '.join(settings)}."
            )
        return network.eval()
    try:
        with explained(place, f"it is asked about inputs of shape {tuple(example.shape)}"):
            return adapt(network, example=example, **settings).eval()
    except UserCodeFailed:
        raise
    except (InputError, SettingError) as problem:
        raise type(problem)(f"{place.label}: {problem}") from None


def _classes(adapted: Adapted, place: NetworkSource, example: Tensor) -> int:
    """How many classes a network answers, found by asking it."""
    # With gradients: an adapter that learns from its first batch looks at those, too.
    with explained(place, f"it is asked about inputs of shape {tuple(example.shape)}"):
        logits = adapted(example.clone())
    return int(check_logits(logits, len(example), classes=2).shape[1])
