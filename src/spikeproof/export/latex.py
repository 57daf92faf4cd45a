r"""Texts and numbers as LaTeX: whatever a plan named, the result compiles.

References:
    carlini2019evaluating
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence

from spikeproof.data import Domain
from spikeproof.threats import shown_facts

__all__ = [
    "column_head",
    "escaped",
    "listed",
    "percent",
    "radius_text",
    "threat_sign",
    "with_decibels",
]

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "\n": " ",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    "·": r"$\cdot$",
    "×": r"$\times$",
    "−": r"$-$",
    "±": r"$\pm$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "∞": r"$\infty$",
    "ℓ": r"$\ell$",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
}
_SPECIAL |= {one: f"$_{number}$" for number, one in enumerate("₀₁₂₃₄₅₆₇₈₉")}
_SPECIAL |= {one: f"$^{number}$" for number, one in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
_SUBSCRIPTS = {"∞": r"\infty", "₀": "0", "₁": "1", "₂": "2", "ₚ": "p"}
_GREEK = re.compile(r"GREEK (SMALL|CAPITAL) LETTER (\w+)")
# Capitals that TeX has no command for, as they look like Latin ones.
_LATIN = {
    "ALPHA": "A", "BETA": "B", "EPSILON": "E", "ZETA": "Z", "ETA": "H", "IOTA": "I", "KAPPA": "K",
    "MU": "M", "NU": "N", "RHO": "P", "TAU": "T", "CHI": "X",
}  # fmt: skip
_SMALL = (
    "ALPHA BETA GAMMA DELTA EPSILON ZETA ETA THETA IOTA KAPPA LAMBDA MU NU XI PI RHO SIGMA TAU "
    "UPSILON PHI CHI PSI OMEGA "
)
# Letters beyond Latin-1 that fonts of encoding T1 have.
_ACCENTED = frozenset("ĂăĄąĆćČčĎďĐđĘęĚěĞğĹĺĽľŁłŃńŇňŐőŒœŔŕŘřŚśŞşŠšŢţŤťŮůŰűŸŹźŻżŽžİı")
_SHORT = 6  # digits that a radius may have to be shown as it is


def escaped(text: str) -> str:
    r"""Return a text as LaTeX shows it, with nothing in it that commands.

    Signs that the usual fonts lack are named by their number, so that no text stops the compiler.

    Example:
        >>> escaped("50 % of x_1 & \\input{a}")
        '50 \\% of x\\_1 \\& \\textbackslash{}input\\{a\\}'
        >>> escaped("ε"), escaped("é"), escaped("語")
        ('$\\epsilon$', 'é', '\\texttt{U+8A9E}')
    """
    return "".join(_sign(one) for one in unicodedata.normalize("NFC", text))


def _sign(one: str) -> str:
    """One character."""
    if one in _SPECIAL:
        return _SPECIAL[one]
    if " " <= one <= "~":
        return one
    if one in _ACCENTED or ("À" <= one <= "ÿ" and one not in "×÷"):
        return one
    found = _GREEK.fullmatch(unicodedata.name(one, ""))
    shown = None if found is None else _greek(found[1] == "CAPITAL", found[2])
    return shown or rf"\texttt{{U+{ord(one):04X}}}"


def _greek(capital: bool, name: str) -> str | None:
    """A Greek letter; None for one that TeX does not have."""
    name = "LAMBDA" if name == "LAMDA" else name
    if name == "OMICRON":
        return "O" if capital else "o"
    if f"{name} " not in _SMALL:
        return None
    if capital:
        return _LATIN.get(name) or rf"$\{name.capitalize()}$"
    return rf"$\{name.lower()}$"


def threat_sign(threat: str) -> str:
    r"""Return the short name of a threat, in mathematics where it is a norm.

    Example:
        >>> threat_sign("linf"), threat_sign("l2"), threat_sign("union")
        ('$\\ell_{\\infty}$', '$\\ell_{2}$', 'union')
    """
    symbol = threat if threat in ("union", "clean") else shown_facts(threat).symbol
    if len(symbol) == 2 and symbol[0] == "ℓ" and symbol[1] in _SUBSCRIPTS:
        return rf"$\ell_{{{_SUBSCRIPTS[symbol[1]]}}}$"
    return escaped(symbol)


def radius_text(radius: float, domain: object = None) -> str:
    r"""Return a radius as papers write it: as a fraction of 255 where it is one and is long.

    Args:
        radius: The radius.
        domain: Legal inputs; fractions of 255 are for images with values in [0, 1].
    Example:
        >>> from spikeproof.data import Domain
        >>> image = Domain(kind="image", shape=(1, 8, 8))
        >>> radius_text(8 / 255, image), radius_text(0.1, image), radius_text(2.0)
        ('8/255', '0.1', '2')
    """
    short = f"{radius:g}"
    unit = isinstance(domain, Domain) and (domain.kind, domain.low, domain.high) == ("image", 0, 1)
    whole = round(radius * 255)
    long = len(short.lstrip("0.")) >= _SHORT - 1 or float(short) != radius
    if unit and long and whole and math.isclose(whole / 255, radius, rel_tol=1e-6):
        return f"{whole}/255"
    return short.replace("inf", r"$\infty$")


def column_head(threat: str, radius: float | None, domain: object = None) -> tuple[str, str]:
    """Return both lines of a column's head: the sign of the threat, and its radius."""
    return threat_sign(threat), "" if radius is None else radius_text(radius, domain)


def with_decibels(radius: str, decibels: str) -> str:
    """Return a radius with its decibels behind it, where it is one on a sound.

    Example:
        >>> with_decibels("0.1", "-20.0 dBFS"), with_decibels("0.1", "")
        ('0.1 ($-$20.0 dBFS)', '0.1')
    """
    return f"{radius} ({escaped(decibels).replace('-', '$-$')})" if decibels else radius


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share in percent; a dash where there is none."""
    if share is None or not math.isfinite(share):
        return "--"
    return f"{100 * share:.{digits}f}".replace("-", r"$-$")


def listed(words: Sequence[str]) -> str:
    """Return ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
