"""Damage to data of a user's own, and what reading them then says."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from slow.reliability.arrays import ARRAYS
from slow.reliability.bytewise import BYTEWISE
from spikeproof.base import SpikeproofError
from spikeproof.data import open_data

Damage = Callable[[Random, bytes], bytes]
SECONDS = 20.0  # no file may take longer to be refused


def sound(folder: Path) -> dict[str, Path]:
    """Sound data of every form, by its name."""
    made = {
        "npz": folder / "mine.npz",
        "npz of splits": folder / "parts.npz",
        "arrays": folder / "arrays",
        "pictures": folder / "pictures",
        "split pictures": folder / "split",
        "classes of arrays": folder / "classes",
    }
    rng = np.random.default_rng(0)
    x, y = rng.random((24, 1, 4, 4), dtype=np.float32), np.arange(24) % 2
    facts = {"kind": np.array("image"), "low": 0.0, "high": 1.0, "radii_linf": np.array([0.1, 0.2])}
    folder.mkdir(parents=True)
    np.savez_compressed(made["npz"], x=x, y=y, name=np.array("mine"), **facts)
    np.savez(made["npz of splits"], x_train=x, y_train=y[:, None], x_test=x[:6], y_test=y[:6])
    made["arrays"].mkdir()
    for name, array in {"x_test": x, "y_test": y.astype(np.uint8)}.items():
        np.save(made["arrays"] / f"{name}.npy", array)
    (made["arrays"] / "data.toml").write_text('name = "arrays"\nlow = 0.0\nhigh = 1.0\n')
    for number, image in enumerate((x[:, 0] * 255).astype(np.uint8)):
        place = Path(str(number % 2))
        _picture(made["pictures"] / place / f"{number}.png", image)
        split = "test" if number > 17 else "train"
        _picture(made["split pictures"] / split / place / f"{number}.jpg", image)
        (made["classes of arrays"] / place).mkdir(parents=True, exist_ok=True)
        np.save(made["classes of arrays"] / place / f"{number}.npy", x[number])
    return made


def _picture(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.kron(image, np.ones((3, 3), np.uint8))).save(path)


def damaged(random: Random, source: Path, to: Path, *, bombs: bool) -> str:
    """Copy data and damage one file of them, or the tree; returns what was done."""
    if source.is_file():
        shutil.copy(source, to)
        victim = to
    else:
        shutil.copytree(source, to)
        victim = random.choice(sorted(path for path in to.rglob("*") if path.is_file()))
        if random.random() < 0.15:
            return _damaged_tree(random, to, victim)
    packed = victim.suffix == ".npz"
    archives = {name: one for name, one in ARRAYS.items() if bombs or name != "npz bomb"}
    kinds: dict[str, Damage] = {**BYTEWISE, **(archives if packed else {})}
    name = random.choice(sorted(kinds if random.random() < 0.5 or not packed else archives))
    content = victim.read_bytes()
    try:
        victim.write_bytes(kinds[name](random, content))
    except (ValueError, TypeError, LookupError):  # a damage of numbers, met with a text
        victim.write_bytes(BYTEWISE["flip_bit"](random, content))
    return name


def _damaged_tree(random: Random, to: Path, victim: Path) -> str:
    """Damage to a folder as such."""
    what = random.choice(("gone", "stray", "link", "folder", "suffix", "other", "class gone"))
    if what == "gone":
        victim.unlink()
    elif what == "stray":
        (victim.parent / "notes.txt").write_text("x")
    elif what == "link":
        victim.unlink()
        victim.symlink_to("/etc/hostname")
    elif what == "folder":
        victim.unlink()
        victim.mkdir()
    elif what == "suffix":
        victim.rename(victim.with_suffix(random.choice((".png", ".npy", ".jpg", ".npz"))))
    elif what == "other":
        np.save(victim.with_suffix(".npy"), np.zeros(random.choice(((2,), (), (1, 4, 5), (3, 3)))))
    else:
        shutil.rmtree(random.choice([path for path in (to, *to.rglob("*")) if path.is_dir()][1:]
                                    or [to]))  # fmt: skip
    return what


def judged(count: int, seed: int, folder: Path, *, bombs: bool = True) -> Counter[str]:
    """Damage sound data so many times; fail unless every reading is sound or refused well.

    Bombs take seconds to be made.
    """
    random, made = Random(seed), sound(folder / "sound")
    found: Counter[str] = Counter()
    for number in range(count):
        kind = random.choice(sorted(made))
        target = folder / f"case{made[kind].suffix}"
        what = damaged(random, made[kind], target, bombs=bombs)
        case, begun = f"{kind}, {what}, case {number} of seed {seed}", time.process_time()
        try:
            data = open_data(str(target))
        except SpikeproofError as refusal:
            text = str(refusal)
            assert "\n" not in text and text.endswith((".", "?")) and len(text) < 1200, (case, text)
            found["refused"] += 1
        except Exception as problem:
            raise AssertionError(f"{case}: {type(problem).__name__}: {problem}") from problem
        else:
            assert len(data.spec.sha256) == 64 and json.dumps(data.spec.notes), case
            found["read"] += 1
        assert time.process_time() - begun < SECONDS, case
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)
    return found
