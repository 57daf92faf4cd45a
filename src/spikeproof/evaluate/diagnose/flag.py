"""What was seen of a network or of attacks on it that makes a number doubtful, or no number."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spikeproof.base import Doubtful, Withheld, check_one_of, record_of, settings_from

__all__ = ["FLAGS", "Flag", "check_despite", "refuse_withheld", "warn_withheld", "withheld"]

FLAGS = (
    "state",
    "randomness",
    "torch-generator",
    "batch",
    "input-written",
    "buffers",
    "probabilities",
    "no-gradient",
    "zero-gradient",
    "range",
    "chance",
    "time-axis",
    "rules",
    "gradient-free-wins",
    "radius",
    "rising",
)
"""Every name that a flag may have, those from before the attacks first."""


@dataclass(frozen=True, kw_only=True)
class Flag:
    """One thing that was seen, why it matters, and how to mend it.

    Args:
        name: One of ``FLAGS``.
        stop: Whether robust accuracy means nothing with it, so that none is stated.
        seen: What was seen, with numbers; one sentence.
        why: Why it matters; one sentence.
        mend: What to do; one sentence.
    Raises:
        SettingError: an unknown name.
    Example:
        >>> Flag(name="chance", stop=False, seen="A.", why="B.", mend="C.").sentence
        'A. B. C.'
    """

    name: str
    stop: bool
    seen: str
    why: str
    mend: str

    def __post_init__(self) -> None:
        check_one_of(self.name, FLAGS, "flag")

    @property
    def sentence(self) -> str:
        """All three sentences."""
        return f"{self.seen} {self.why} {self.mend}"

    def record(self) -> dict[str, Any]:
        """Plain data."""
        return record_of(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Flag:
        """The flag of a record."""
        return settings_from(cls, record, "flag")


def check_despite(names: str | Iterable[str], place: str) -> tuple[str, ...]:
    """Return the flags in spite of which robust accuracy is to be stated, each once.

    Args:
        names: Names of flags.
        place: What to call them in an error.
    Raises:
        SettingError: an unknown name.
    Example:
        >>> check_despite(("state", "state"), "audit: despite")
        ('state',)
    """
    given = (names,) if isinstance(names, str) else tuple(names)
    return tuple(dict.fromkeys(check_one_of(name, FLAGS, place) for name in given))


def withheld(flags: Sequence[Flag] | None, despite: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names of the flags for which robust accuracy is withheld.

    Args:
        flags: What was seen; None where nobody looked.
        despite: Names of flags that are overridden.
    """
    stops = [flag.name for flag in flags or () if flag.stop and flag.name not in despite]
    return tuple(dict.fromkeys(stops))


def refuse_withheld(flags: Sequence[Flag] | None, despite: Sequence[str] = ()) -> None:
    """Raise where robust accuracy is withheld.

    Raises:
        Withheld: a flag stops it that is not overridden; the sentence says what was seen.
    """
    names = withheld(flags, despite)
    if names:
        first = next(flag for flag in flags or () if flag.stop and flag.name == names[0])
        more = f" The same holds of {', '.join(names[1:])}." if names[1:] else ""
        raise Withheld(
            f"Robust accuracy is withheld ({', '.join(names)}). {first.sentence}{more} To state it "
            f"all the same, say despite={names!r}, or --despite {' --despite '.join(names)}."
        )


def warn_withheld(flags: Sequence[Flag], despite: Sequence[str], *, stacklevel: int) -> None:
    """Warn before the first attack where robust accuracy will be withheld.

    Args:
        flags: What was seen.
        despite: Names of flags that are overridden.
        stacklevel: Whose line the warning names; 1 is the caller's.
    """
    names = withheld(flags, despite)
    if names:
        seen = " ".join(flag.sentence for flag in flags if flag.name in names)
        said = f"Robust accuracy will be withheld. {seen}"
        warnings.warn(said, Doubtful, stacklevel=stacklevel + 1)
