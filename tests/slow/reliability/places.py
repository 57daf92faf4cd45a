"""Damage to where a file lies: links, pipes, devices, folders, permissions, other files."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from random import Random

__all__ = ["FOLDERS", "PLACES", "gone"]

Place = Callable[[Random, Path], None]


def gone(path: Path) -> None:
    """Remove whatever has this name."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def removed(random: Random, path: Path) -> None:
    gone(path)


def a_folder(random: Random, path: Path) -> None:
    """A folder in the place of the file, empty or not."""
    gone(path)
    path.mkdir()
    if random.random() < 0.5:
        (path / "x").write_text("x")


def a_pipe(random: Random, path: Path) -> None:
    gone(path)
    os.mkfifo(path)


def a_socket(random: Random, path: Path) -> None:
    gone(path)
    there = Path.cwd()
    os.chdir(path.parent)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    os.chdir(there)


def a_device(random: Random, path: Path) -> None:
    """A link to a device that never ends, or is always empty."""
    gone(path)
    path.symlink_to(random.choice(("/dev/zero", "/dev/null", "/dev/full", "/dev/urandom")))


def a_loop(random: Random, path: Path) -> None:
    gone(path)
    path.symlink_to(path.name)


def a_dangling_link(random: Random, path: Path) -> None:
    gone(path)
    path.symlink_to(random.choice(("nowhere", "/proc/self/mem", "/proc/self/nothing")))


def a_link_to_itself_elsewhere(random: Random, path: Path) -> None:
    """The same content, but elsewhere."""
    other = path.with_name(f"moved-{path.name}")
    path.rename(other)
    path.symlink_to(other.name)


def another_file(random: Random, path: Path) -> None:
    """A file of the same tree that was meant for another place."""
    root = next(parent for parent in path.parents if parent.name == "work")
    others = sorted(p for p in root.rglob("*") if p.is_file() and p != path and not p.is_symlink())
    kin = [p for p in others if p.name == path.name]
    other = random.choice(kin if kin and random.random() < 0.6 else others)
    path.write_bytes(other.read_bytes())


def sparse(random: Random, path: Path) -> None:
    """Gigabytes of zeros that take no room."""
    os.truncate(path, random.choice((64 << 20,) * 9 + (1500 << 20,)))


def unreadable(random: Random, path: Path) -> None:
    """No permission: the reader is not the super-user while it reads."""
    path.chmod(0)


PLACES: dict[str, Place] = {
    function.__name__.replace("_", " "): function
    for function in (
        removed, a_folder, a_pipe, a_socket, a_device, a_loop, a_dangling_link,
        a_link_to_itself_elsewhere, another_file, sparse, unreadable,
    )
}  # fmt: skip


def _cells(run: Path) -> list[Path]:
    return sorted(p for p in (run / "cells").iterdir() if p.is_dir())


def cell_gone(random: Random, run: Path) -> None:
    shutil.rmtree(random.choice(_cells(run)))


def cells_exchanged(random: Random, run: Path) -> None:
    """Two cells change their places."""
    one, two = random.sample(_cells(run), 2)
    aside = run / "aside"
    one.rename(aside)
    two.rename(one)
    aside.rename(two)


def cell_copied(random: Random, run: Path) -> None:
    """A cell under a name that the plan does not know, or that is none."""
    one = random.choice(_cells(run))
    shutil.copytree(
        one, one.parent / random.choice(("0" * 16, "id=7", "..x", "\x1b[31m", "x" * 200, "a b"))
    )


def cell_is_a_file(random: Random, run: Path) -> None:
    one = random.choice(_cells(run))
    shutil.rmtree(one)
    one.write_text("x")


def cell_is_a_link(random: Random, run: Path) -> None:
    """A cell, or all of them, are links: to themselves elsewhere, to nowhere, in a circle."""
    one = random.choice([run / "cells", *_cells(run)])
    aside = run / f"aside-{one.name}"
    one.rename(aside)
    one.symlink_to(random.choice((os.path.relpath(aside, one.parent), "nowhere", ".", one.name)))


def cells_unreadable(random: Random, run: Path) -> None:
    random.choice([run / "cells", run, *_cells(run)]).chmod(random.choice((0, 0o200, 0o400)))


def cells_are_a_file(random: Random, run: Path) -> None:
    shutil.rmtree(run / "cells")
    (run / "cells").write_text("x")


def strays(random: Random, run: Path) -> None:
    """What a killed writer leaves, and what has nothing to do here."""
    one = random.choice(_cells(run))
    (one / ".record.json.4711.0123abcd").write_text("{")
    (run / ".plan.json.4711.0123abcd").write_text("{")
    (run / "cells" / "notes.txt").write_text("x")  # somebody's own: it stays
    (run / "stale").mkdir(exist_ok=True)
    (run / "stale" / "x").write_text("x")


FOLDERS: dict[str, Place] = {
    function.__name__.replace("_", " "): function
    for function in (
        cell_gone, cells_exchanged, cell_copied, cell_is_a_file, cell_is_a_link, cells_unreadable,
        cells_are_a_file, strays,
    )
}  # fmt: skip
