"""Numbers and names as readers see them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from spikeproof.base import SettingError
from spikeproof.data import DATASETS
from spikeproof.threats import shown_facts

__all__ = [
    "data_title",
    "data_words",
    "interval",
    "listed",
    "measure",
    "number",
    "percent",
    "pretty",
    "radius_words",
    "threat_title",
]

# Columns beside those of threats.
_BESIDE = {"union": ("union", "all of these at once"), "clean": ("clean", "no attack")}


def data_title(data: str) -> str:
    """What a data set shows, in words; its own name where no package here offers it."""
    try:
        return DATASETS[data].facts.title
    except SettingError:
        return data


def data_words(data: str) -> str:
    """The same inside a sentence: small where it is a word, as it is where it is a name.

    Example:
        >>> data_words("digits"), data_words("fashion-mnist")
        ('images', 'Fashion-MNIST')
    """
    title = data_title(data)
    return title.lower() if title != data and title[1:] == title[1:].lower() else title


def threat_title(threat: str) -> str:
    """The short name of a threat in tables."""
    return _BESIDE[threat][0] if threat in _BESIDE else shown_facts(threat).symbol


def measure(threat: str) -> str:
    """What a threat's radius counts."""
    return _BESIDE[threat][1] if threat in _BESIDE else shown_facts(threat).title


def number(value: float | None, digits: int = 3) -> str:
    """A number with ``digits`` significant digits and a true minus sign."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value != 0 and not 1e-3 <= abs(value) < 1e5:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa}×10{_raised(int(exponent))}".replace("-", "−")
    return f"{value:.{digits}g}".replace("-", "−") if abs(value) < 1000 else f"{value:,.0f}"


def _raised(exponent: int) -> str:
    """An exponent in raised digits."""
    return str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def radius_words(radius: float | None, decibels: str = "") -> str:
    """A radius, and on a sound how loud it is.

    Example:
        >>> radius_words(0.1, "-20.0 dBFS"), radius_words(2.0)
        ('0.1 (−20.0 dBFS)', '2')
    """
    told = decibels.replace("-", "−")
    return f"{number(radius)} ({told})" if told else number(radius)


def percent(share: float | None, digits: int = 1) -> str:
    """A share as a number of per cent, without the sign."""
    if share is None or math.isnan(share):
        return "–"
    return f"{100 * share:.{digits}f}".replace("-", "−")


def interval(low: float | None, high: float | None, digits: int = 1) -> str:
    """A 95 % interval of a share in per cent."""
    return f"{percent(low, digits)} to {percent(high, digits)}"


_SIGNS = {"linf": "ℓ∞", "l_inf": "ℓ∞", "l_p": "ℓp"} | {
    f"l{gap}{i}": f"ℓ{'₀₁₂'[i]}" for i in range(3) for gap in ("", "_")
}
_NAMED = re.compile(rf"\b({'|'.join(_SIGNS)})\b")


# Formulas as claims write them: ||g||_2^2, r^2.
_FORMULAS = (
    (re.compile(r"\|\|(\w+)\|\|"), r"‖\1‖"),
    (re.compile(r"‖_([012])"), lambda match: f"‖{'₀₁₂'[int(match[1])]}"),
    (re.compile(r"(?<=[\w‖₀₁₂])\^2"), "²"),
)


def pretty(text: str) -> str:
    """Plain text with the names of norms, and the few formulas there are, as signs.

    Example:
        >>> pretty("l_inf beats l2 and l_p, r^2 ||g||_2^2")
        'ℓ∞ beats ℓ₂ and ℓp, r² ‖g‖₂²'
    """
    text = _NAMED.sub(lambda match: _SIGNS[match[1]], text)
    for pattern, sign in _FORMULAS:
        text = pattern.sub(sign, text)
    return text


def listed(words: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
