"""What the shell offers after a tab: names from the catalogue, so that nothing heavy is imported.

Where no name fits the shell offers files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import typer

from spikeproof import catalogue

__all__ = [
    "complete_augmentation",
    "complete_citation",
    "complete_data",
    "complete_device",
    "complete_executor",
    "complete_flag",
    "complete_kind",
    "complete_listed",
    "complete_model",
    "complete_plan",
    "complete_setting",
    "complete_suite",
    "complete_threat",
    "complete_training",
]

Offers = list[tuple[str, str]]
Completer = Callable[[str], Offers]

_LONGEST = 80  # signs of what is said of a name beside it


def _of(kind: str) -> Completer:
    """What completes the names of a kind."""

    def complete(incomplete: str) -> Offers:
        return _fitting(incomplete, _described(kind))

    return complete


def _described(kind: str) -> dict[str, str]:
    """The names of a kind, with what is said of those that the package knows."""
    known = catalogue.rows(kind)
    return {name: known.get(name, "") for name in catalogue.all_names(kind)}


def _fitting(incomplete: str, names: Mapping[str, str]) -> Offers:
    """The names that begin with what was typed, each with a short text."""
    return [(name, _short(names[name])) for name in names if name.startswith(incomplete)]


def _short(text: str) -> str:
    """A text that fits beside a name."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


complete_augmentation = _of("augmentations")
complete_data = _of("data")
complete_executor = _of("executors")
complete_model = _of("models")
complete_plan = _of("plans")
complete_suite = _of("suites")
complete_threat = _of("threats")
complete_training = _of("trainings")


def complete_kind(incomplete: str) -> Offers:
    """Kinds of things that ``list`` knows."""
    return _fitting(incomplete, dict.fromkeys(catalogue.kinds(), ""))


def complete_listed(ctx: typer.Context, incomplete: str) -> Offers:
    """Names of the kind that was typed before."""
    kind = str(ctx.params.get("kind") or "")
    return _of(kind)(incomplete) if kind in catalogue.kinds() else []


def complete_flag(incomplete: str) -> Offers:
    """Flags that withhold a number or doubt it."""
    return _fitting(incomplete, dict.fromkeys(catalogue.words("flags"), ""))


def complete_setting(incomplete: str) -> Offers:
    """Settings of a training, ready for a value."""
    return _fitting(incomplete, {f"{name}=": "" for name in catalogue.words("settings")})


def complete_device(incomplete: str) -> Offers:
    """Devices that every machine may have."""
    return _fitting(incomplete, {"cpu": "", "cuda": "", "cuda:0": ""})


def complete_citation(incomplete: str) -> Offers:
    """Keys of the works that spikeproof builds on."""
    from spikeproof.base import references

    return _fitting(incomplete, dict.fromkeys(references(), ""))
