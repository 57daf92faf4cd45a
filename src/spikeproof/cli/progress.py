"""How a running study is shown: a bar where a person watches, plain lines where nobody does."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeproof.cli.show import note
from spikeproof.names import printable, radius_text

if TYPE_CHECKING:
    from spikeproof.study import CellStep, Progress

__all__ = ["span", "watching"]

# Seconds between two looks at the cells: of a bar that is drawn again, and of a log.
_EVERY_LOOK, _EVERY_LINE = 1.0, 30.0


def span(seconds: float) -> str:
    """Return a length of time as people say it.

    Example:
        >>> span(45), span(200), span(7000)
        ('45 s', '3 min', '1 h 57 min')
    """
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


@contextmanager
def watching(folder: Path | None = None) -> Iterator[Callable[[Progress], None]]:
    """Open a display on standard error; what it yields takes every ``Progress`` of a run.

    Args:
        folder: The run, whose cells say where they stand inside a ladder.
    """
    if not sys.stderr.isatty():
        with _looking(folder, lambda steps: note(f"  {_steps(steps)}"), _EVERY_LINE):
            yield _line
        return
    with _bar() as bar:
        task = bar.add_task("starting", total=None, count="", left="")

        def show(at: Progress) -> None:
            # Cells differ in length by a factor of a hundred: the bar follows the effort.
            bar.update(
                task,
                completed=at.cost_done,
                total=at.cost_total,
                count=f"{at.done}/{at.total}",
                left=_time_left(at),
                description=printable(at.title, breaks=False),
            )
            bar.within = ""
            if at.aside:
                bar.console.print(_aside(at), markup=False)
            if at.error is not None:
                bar.console.print(printable(f"failed: {at.title}: {at.error}"), markup=False)

        def within(steps: list[CellStep]) -> None:
            bar.within = printable(_steps(steps), breaks=False)
            bar.refresh()

        with _looking(folder, within, _EVERY_LOOK):
            yield show


def _bar() -> Any:
    """A bar with its numbers and the cell that ended last; below it, where a ladder stands."""
    from rich.console import Console, RenderableType
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar
    from rich.table import Column
    from rich.text import Text

    class Watched(Bar):
        """The bar with a line of its own for what does not fit beside it."""

        within = ""

        def get_renderables(self) -> Iterator[RenderableType]:
            yield from super().get_renderables()
            yield Text(self.within, style="dim", no_wrap=True, overflow="ellipsis")

    columns = (
        BarColumn(bar_width=16),
        TextColumn("{task.percentage:>3.0f} %", table_column=Column(min_width=5)),
        TextColumn("{task.fields[count]}", table_column=Column(min_width=5)),
        TextColumn("{task.fields[left]}"),
        TextColumn(
            "{task.description}",
            style="dim",
            markup=False,
            table_column=Column(ratio=1, no_wrap=True),
        ),
    )
    return Watched(*columns, console=Console(stderr=True), expand=True)


@contextmanager
def _looking(
    folder: Path | None, show: Callable[[list[CellStep]], None], seconds: float
) -> Iterator[None]:
    """Show again and again, from a thread, where the cells of a run stand."""
    if folder is None:
        yield
        return
    ended = threading.Event()

    def look() -> None:
        from spikeproof.study import under_way

        while not ended.wait(seconds):
            steps = under_way(folder)
            if steps:
                show(steps)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _steps(steps: list[CellStep]) -> str:
    """Where the cells stand, the first in full."""
    first, more = steps[0], len(steps) - 1
    # What matters most stands first: a narrow terminal cuts the end off.
    text = (
        f"{first.threat} {radius_text(first.radius)} ({first.level}/{first.levels}), "
        f"{first.items} of {first.standing} items left"
    )
    if first.seconds_left is not None:
        text += f", ladder at most {span(first.seconds_left)} more"
    beside = f", {more} more at work" if more else ""
    return f"{text}{beside}: {first.member}"


def _line(at: Progress) -> None:
    """One line per cell."""
    share = 100 * at.cost_done / at.cost_total if at.cost_total else 100
    if at.error is not None:
        note(f"failed: {at.title}: {at.error}")
    elif at.title:
        note(f"[{at.done}/{at.total}] {share:3.0f} % {at.title}{_comma(_time_left(at))}")
    else:
        if at.aside:
            note(_aside(at))
        note(f"{at.total} cells, {at.done} of them done already{_comma(_time_left(at))}")


def _aside(at: Progress) -> str:
    """What happened to cells that no longer belong."""
    return (
        f"{at.aside} cells of an earlier plan, of other code or of an earlier fingerprint of it "
        "are set aside in stale/; what the plan still asks for is computed again."
    )


def _time_left(at: Progress) -> str:
    """The estimate in words."""
    return "" if at.seconds_left is None else f"about {span(at.seconds_left)} left"


def _comma(text: str) -> str:
    """A text as the end of a sentence."""
    return f", {text}" if text else ""
