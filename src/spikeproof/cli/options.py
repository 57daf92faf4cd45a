"""What the commands share: options, reading a radius, and sentences about names."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from spikeproof.cli.completion import complete_device
from spikeproof.names import SEEDS, suggestion

__all__ = [
    "Adapt",
    "Build",
    "DataDir",
    "Device",
    "Json",
    "Model",
    "Rows",
    "Seed",
    "WeightsFile",
    "Workers",
    "known_device",
    "no_such_option",
    "one_thread",
    "parse_radius",
    "parse_settings",
    "parse_threats",
    "pick",
]


def _remember(folder: Path | None) -> Path | None:
    """Name the folder to this process and its workers."""
    if folder is not None:
        os.environ["SPIKEPROOF_DATA"] = str(folder)
    return folder


def known_device(name: str | None) -> str | None:
    """End the command where a name names no device; whether it is there is asked later."""
    if name not in (None, "cpu"):
        from spikeproof.base import SettingError, check_device

        try:
            check_device(name)
        except SettingError:
            raise typer.BadParameter(
                f"Unknown device {name!r}; write cpu, cuda or cuda:0."
            ) from None
    return name


DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        callback=_remember,
        help="Folder of the data sets that come as files; $SPIKEPROOF_DATA by default.",
    ),
]

Rows = Annotated[
    int | None,
    typer.Option(
        "--batch-size",
        min=1,
        help="Rows through the network at a time; what memory holds by default, at most 256.",
    ),
]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        callback=known_device,
        help="Where to compute: cpu, cuda or cuda:1.",
        autocompletion=complete_device,
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON on standard output, nothing else.")
]


def _seed(value: int) -> int:
    """A seed of 64 bits."""
    if not SEEDS[0] <= value <= SEEDS[1]:
        raise typer.BadParameter(f"A seed is a whole number of 64 bits; got {value}.")
    return value


Seed = Annotated[
    int, typer.Option("--seed", callback=_seed, help="Every random draw follows from it.")
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, max=1024, help="Processes; the number of cores by default."),
]

# A network of ours or of the user's, as every command that attacks one takes it.
Model = Annotated[
    str,
    typer.Argument(
        help="A model.safetensors that train or demo wrote, or what makes a network of yours: "
        "module.py:build, module.py:Class or package.module:build."
    ),
]
WeightsFile = Annotated[
    Path | None,
    typer.Option("--weights", help="Of your own network: a safetensors or torch file."),
]
Build = Annotated[
    list[str] | None,
    typer.Option("--build", help="An argument of what makes it, key=value; again for more."),
]
Adapt = Annotated[
    list[str] | None,
    typer.Option("--adapt", help="How it is asked, such as steps=8; again for more."),
]


_NUMBER = r"[-+]?(?:[0-9]{1,30}\.?[0-9]{0,30}|\.[0-9]{1,30})(?:[eE][-+]?[0-9]{1,3})?"
_RADIUS = re.compile(rf"({_NUMBER})(?:/({_NUMBER}))?")


def parse_radius(text: str) -> float:
    """Read a radius written as a decimal or as a fraction.

    Args:
        text: ``"0.1"`` or ``"8/255"``.
    Returns:
        The number.
    Raises:
        typer.BadParameter: it is neither, or not above zero.
    Example:
        >>> round(parse_radius("8/255"), 6)
        0.031373
    """
    found = _RADIUS.fullmatch(text.replace(" ", ""))
    try:
        # Its length is bounded first: exact fractions with 10^9 digits would never be done.
        radius = float(Fraction(found[1]) / Fraction(found[2] or 1)) if found else math.nan
    except (OverflowError, ZeroDivisionError):
        radius = math.nan
    if math.isnan(radius):
        raise typer.BadParameter(
            f"{text!r} is not a radius; write a number such as 0.1 or a fraction such as 8/255."
        )
    if radius <= 0:
        raise typer.BadParameter(f"A radius must be above zero; got {text!r}.")
    return radius


def parse_threats(threats: list[str], radii: list[str]) -> list[tuple[str, list[float]]]:
    """Read threats with their radii, in whichever of two ways these are written.

    Args:
        threats: ``"linf"``, or in short ``"linf:8/255"`` and ``"linf:2/255,8/255"``.
        radii: One for each threat, where none is written in short.
    Returns:
        Each threat with its radii, with none for the standard ones.
    Raises:
        typer.BadParameter: a radius that is none, both ways at once, or another number of radii.
    Example:
        >>> parse_threats(["l2:0.5,1", "l0"], [])
        [('l2', [0.5, 1.0]), ('l0', [])]
    """
    short = [text for text in threats if ":" in text]
    if short and radii:
        raise typer.BadParameter(
            f"Radii are written as {short[0]!r} or with --radius, not both ways at once."
        )
    alone = [parse_radius(text) for text in radii]  # one that is none is told first
    if radii and len(radii) != len(threats):
        raise typer.BadParameter(
            f"Give one --radius for each --threat; got {len(threats)} threats and {len(radii)} "
            "radii."
        )
    out = []
    for number, text in enumerate(threats):
        name, colon, written = text.partition(":")
        in_short = [parse_radius(part) for part in written.split(",")] if colon else []
        out.append((name.strip(), in_short or alone[number : number + 1]))
    return out


def parse_settings(pairs: list[str], option: str) -> dict[str, Any]:
    """Read ``key=value`` options; a value that is JSON is what it says, any other is text.

    Args:
        pairs: As they were given.
        option: Which option, for the sentence.
    Raises:
        typer.BadParameter: no ``=``, no name before it, or one name twice.
    Example:
        >>> parse_settings(["width=64", "norm=batch", "sizes=[1, 2]"], "--build")
        {'width': 64, 'norm': 'batch', 'sizes': [1, 2]}
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        key = key.strip()
        if not equals or not key.isidentifier():
            raise typer.BadParameter(f"{option} takes key=value, such as width=64; got {pair!r}.")
        if key in found:
            raise typer.BadParameter(f"{option} names {key!r} twice; give it once.")
        found[key] = _value(value)
    return found


def _value(text: str) -> Any:
    """A number, truth value, text in quotes, list or table; any other text as it stands."""
    from spikeproof.base import parse_json

    try:
        return parse_json(text.encode())
    except (ValueError, RecursionError):
        return {"True": True, "False": False, "None": None}.get(text, text)


def pick(value: str, known: Iterable[str], what: str) -> str:
    """Return ``value`` if it is among ``known``; otherwise end the command, naming the nearest."""
    names = list(known)
    if value in names:
        return value
    raise typer.BadParameter(f"Unknown {what} {value!r}. {suggestion(value, names)}")


def one_thread() -> None:
    """Compute on one thread, as studies do: the last bits of a sum depend on their number."""
    import torch

    torch.set_num_threads(1)


def no_such_option(option: str, known: Iterable[str]) -> str:
    """The sentence for an option that does not exist."""
    return f"No such option {option!r}. {suggestion(option, [*known, '--help'])}"
