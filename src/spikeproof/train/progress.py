"""How a training run tells that it is alive."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

__all__ = ["Hook", "reporting"]

Hook = Callable[[int, int, Mapping[str, float]], None]
"""Called after each epoch with its number, how many there will be, and its numbers by name."""


def _silent(epoch: int, epochs: int, parts: Mapping[str, float]) -> None:
    """Say nothing."""


@contextmanager
def reporting(progress: bool | Hook | None, begun: int, epochs: int) -> Iterator[Hook]:
    """Open the hook that ``progress`` asks for.

    Args:
        progress: A hook; True for a bar on standard error, False for silence, None for a bar
            where standard error is a terminal.
        begun: Epochs already done.
        epochs: Epochs in all.
    """
    if callable(progress):
        yield progress
    elif progress or (progress is None and sys.stderr.isatty()):
        with _bar(begun, epochs) as hook:
            yield hook
    else:
        yield _silent


@contextmanager
def _bar(begun: int, epochs: int) -> Iterator[Hook]:
    """A rich progress bar on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("epoch {task.completed}/{task.total}"),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=epochs, completed=begun)

        def hook(epoch: int, epochs: int, parts: Mapping[str, float]) -> None:
            numbers = "  ".join(f"{name} {value:.4g}" for name, value in parts.items())
            progress.update(task, completed=epoch, total=epochs, description=numbers)

        yield hook
