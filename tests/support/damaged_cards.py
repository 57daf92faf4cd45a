"""Cards with damage of every kind, and whether any of it was taken in silence."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base import SpikeproofError, digest_file, read_arrays, sealed, write_arrays
from spikeproof.cards import CARD_FILES, read_card, verify_card
from spikeproof.cards.page import NOTES, card_readme
from support.damaged_weights import damaged

__all__ = ["damage_cards"]

_ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**40, 10**30, 0.5, -0.0, 1e308, "", "nan", "\u202e", "x" * 5000,
    [], {}, [[]], {"kind": "linf"}, ["a"], [None] * 3, "../../etc/passwd", "__class__",
)  # fmt: skip


def damage_cards(whole: Path, place: Path, seeds: range) -> dict[str, int]:
    """Check one damaged copy of a card per seed.

    What holds after the damage must say the same numbers about the same network as before, in
    pages that follow from its record; everything else must be refused in one sentence.

    Args:
        whole: A card that holds.
        place: Where copies are made.
        seeds: One copy each.
    Returns:
        How many were refused, and how many held as nothing was changed that is computed.
    """
    before, ends = read_card(whole), {"refused": 0, "held": 0}
    for seed in seeds:
        draws = random.Random(seed)
        copy = Path(shutil.copytree(whole, place / "card"))
        kind = _KINDS[seed % len(_KINDS)]
        kind(copy, draws)
        found = verify_card(copy)
        if found.holds:
            _same(copy, before, f"{kind.__name__}, seed {seed}")
            ends["held"] += 1
        else:
            text = found.problem
            assert text and "\n" not in text and len(text) <= 600, (seed, text)
            assert "Traceback" not in text
            ends["refused"] += 1
        shutil.rmtree(place / "card", ignore_errors=True)
    return ends


def _same(copy: Path, before: dict[str, Any], what: str) -> None:
    """Whether a card that holds says what the whole one said."""
    now = read_card(copy)
    computed, wanted = dict(now["computed"]), dict(before["computed"])
    # Of the fingerprint rounding decides the last digits.
    ours = np.asarray(computed.pop("fingerprint")["logits"], dtype=float)
    assert np.allclose(ours, wanted.pop("fingerprint")["logits"], atol=2e-3), what
    assert json.dumps(_rounded(computed)) == json.dumps(_rounded(wanted)), what
    text = (copy / "README.md").read_text("utf-8")
    assert text.partition(NOTES)[0] + NOTES == card_readme(now["stated"], now["computed"]), what


def _rounded(value: Any) -> Any:
    """Plain data, numbers to nine digits."""
    if isinstance(value, float):
        return round(value, 8)
    if isinstance(value, dict):
        return {key: _rounded(value[key]) for key in sorted(value)}
    return [_rounded(one) for one in value] if isinstance(value, list) else value


def _reseal(copy: Path, content: dict[str, Any], draws: random.Random) -> None:
    """Write a record as a forger would: hashes, seal, and most times the page, made anew."""
    content.pop("sha256", None)
    try:
        content["files"] = {name: digest_file(copy / name) for name in content["files"]}
        text = json.dumps(sealed(content))
    except (SpikeproofError, TypeError, ValueError, KeyError, AttributeError):
        text = json.dumps(content)
    (copy / "card.json").write_text(text, "utf-8")
    if draws.random() < 0.7:
        try:
            page = card_readme(content["stated"], content["computed"])
            (copy / "README.md").write_text(page, "utf-8")
        except Exception:  # a record that no page can be made of
            return


def _load(copy: Path) -> dict[str, Any]:
    """The record as it lies there."""
    content: dict[str, Any] = json.loads((copy / "card.json").read_text("utf-8"))
    return content


def _bytes(copy: Path, draws: random.Random) -> None:
    """Bytes of one file changed, cut off, moved, repeated or added."""
    path = copy / draws.choice(CARD_FILES)
    seed = draws.randrange(1 << 30)
    path.write_bytes(next(damaged(path.read_bytes(), range(seed, seed + 1))))
    if draws.random() < 0.5:
        _reseal_quietly(copy, draws)


def _reseal_quietly(copy: Path, draws: random.Random) -> None:
    """Reseal where the record can still be read."""
    try:
        content = _load(copy)
    except (ValueError, OSError):
        return
    if isinstance(content, dict) and isinstance(content.get("files"), dict):
        _reseal(copy, content, draws)


def _files(copy: Path, draws: random.Random) -> None:
    """One file gone, empty, a folder, a link, or that of another name."""
    path, other = copy / draws.choice(CARD_FILES), copy / draws.choice(CARD_FILES)
    content = other.read_bytes()
    kind = draws.randrange(5)
    path.unlink()
    if kind == 1:
        path.write_bytes(b"")
    elif kind == 2:
        path.mkdir()
    elif kind == 3:
        path.symlink_to("/etc/hostname")
    elif kind == 4:
        path.write_bytes(content)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every container in plain data with every key of it."""
    if isinstance(value, dict):
        keys: list[Any] = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    else:
        return []
    return [(value, key) for key in keys] + [p for key in keys for p in _places(value[key])]


def _edit(copy: Path, draws: random.Random, part: str) -> None:
    """One to three values of the record replaced, dropped or nudged, and all of it sealed again."""
    content = _load(copy)
    for _ in range(draws.randint(1, 3)):
        holder, key = draws.choice(_places(content[part]) or [(content, part)])
        kind = draws.randrange(4)
        if kind == 0 and isinstance(holder, dict):
            holder.pop(key, None)
        elif kind == 1 and isinstance(holder, dict):
            holder[f"{key}x"] = draws.choice(_ODD)
        elif kind == 2 and type(holder[key]) in (int, float):
            holder[key] = holder[key] + draws.choice((1, -1, 0.1, -0.01, 1e-3))
        else:
            holder[key] = draws.choice(_ODD)
        if not isinstance(content.get(part), dict):
            break
    _reseal(copy, content, draws)


def _computed(copy: Path, draws: random.Random) -> None:
    """What is computed, edited."""
    _edit(copy, draws, "computed")


def _stated(copy: Path, draws: random.Random) -> None:
    """What is stated, edited."""
    _edit(copy, draws, "stated")


def _arrays(copy: Path, draws: random.Random) -> None:
    """An array changed in a value, its type, its shape or its length, or taken away."""
    path, numbers = copy / "evidence.npz", np.random.default_rng(draws.randrange(1 << 30))
    arrays = read_arrays(path)
    name = draws.choice(sorted(arrays))
    array = arrays[name].copy()
    kind = draws.randrange(7)
    if kind == 0 and array.size:
        at = tuple(numbers.integers(length) for length in array.shape)
        array[at] = ~array[at] if array.dtype == bool else array[at] + 1
    elif kind == 1:
        array = array.astype(draws.choice((np.float64, np.int8, np.complex64, np.uint8)))
    elif kind == 2:
        array = array[: len(array) // 2]
    elif kind == 3:
        array = array[..., None]
    elif kind == 4 and array.dtype == np.float32 and array.size:
        array[numbers.integers(len(array))] = draws.choice((np.nan, np.inf, -1e38, 0.5, 2.0))
    elif kind == 5:
        array = numbers.permutation(array) if len(array) else array
    arrays[name] = array
    if kind == 6:
        del arrays[name]
    write_arrays(path, arrays)
    _reseal(copy, _load(copy), draws)


def _page(copy: Path, draws: random.Random) -> None:
    """Digits and words of the page changed."""
    path = copy / draws.choice(("README.md", "config.json"))
    text = list(path.read_text("utf-8"))
    digits = [n for n, one in enumerate(text) if one.isdigit()]
    for at in draws.sample(digits, min(len(digits), draws.randint(1, 3))):
        text[at] = str((int(text[at]) + draws.randint(1, 9)) % 10)
    path.write_text("".join(text), "utf-8")


_KINDS: tuple[Callable[[Path, random.Random], None], ...] = (
    _bytes, _computed, _stated, _arrays, _page, _files, _bytes, _computed, _arrays, _stated,
)  # fmt: skip
