"""What a measurement took, how much was measured, and what it does not show."""

from __future__ import annotations

from collections.abc import Iterator

from spikeproof.analysis import Summary
from spikeproof.metrics import FEWEST_NETWORKS
from spikeproof.names import counted
from spikeproof.report.attack_words import kind_title
from spikeproof.report.labels import data_title, listed
from spikeproof.report.origin import origin

__all__ = ["COST_HEADS", "cost", "limits", "notice", "over", "sample"]

COST_HEADS = (
    "data",
    "training",
    "networks",
    "training time (s)",
    "forward passes per item",
    "backward passes per item",
    "attack time (s)",
    "probe time (s)",
)

_UPPER_BOUND = (
    "Robust accuracy is an upper bound: it counts the items that these attacks failed to break."
)
_FRAMES = (
    "On event recordings ℓ∞ to ℓ0 work in frame space: they change counts per pixel and frame, "
    "also to values that no camera would send. Only “counts” adds and removes whole events."
)
_THEORY = (
    "The first-order theory holds for small radii and differentiable functions; the gradient of a "
    "spiking network is that of its surrogate."
)


def cost(summary: Summary) -> list[list[str]]:
    """One row per data set and training, under ``COST_HEADS``."""
    out = []
    for one in summary.data:
        for training in one.trainings:
            cells = [c for c in summary.cells if (c.data, c.training) == (one.data, training)]
            times: dict[str, float] = {}
            passes = {"forward": 0, "backward": 0}
            items = 0
            for cell in cells:
                seconds = cell.wall().get("seconds", 0.0)
                times[cell.kind] = times.get(cell.kind, 0.0) + float(seconds)
                if cell.kind == "attack":
                    items += int(cell.result["n"])
                    for way in passes:
                        passes[way] += int(cell.result["passes"][way])
            networks = len({cell.seed for cell in cells})
            per_item = [f"{passes[way] / items:,.0f}" if items else "–" for way in passes]
            spent = [_seconds(times.get(kind)) for kind in ("train", "attack", "probe")]
            out.append(
                [data_title(one.data), training, str(networks), spent[0], *per_item, *spent[1:]]
            )
    return out


def _seconds(time: float | None) -> str:
    """A time; a dash where none was recorded."""
    return f"{time:,.1f}" if time else "–"


def sample(summary: Summary) -> str:
    """How much was measured, in one phrase."""
    count = summary.provenance["cells"]
    total = count["total"]
    done = count["complete"]
    cells = f"{done:,} of {counted(total, 'cell')}" if total else counted(done, "cell")
    seeds = len(summary.seeds)
    items = [next(iter(one.clean.values())).n for one in summary.data if one.clean]
    least, most = min(items, default=0), max(items, default=0)
    each = f"{least} to {counted(most, 'item')}" if least < most else counted(most, "item")
    sets = counted(len(summary.data), "data set")
    sets += f" · {each} of the {summary.split} part each" if items else ""
    suites = f"suite {listed([suite.name for suite in summary.suites])}"
    parts = [f"{cells} complete", counted(seeds, "seed"), sets, suites if summary.suites else ""]
    return " · ".join(filter(None, [*parts, f"95 % intervals {over(seeds)}"]))


def over(seeds: int) -> str:
    """Say what the intervals of a run with so many networks per training allow for."""
    if seeds >= FEWEST_NETWORKS:
        return "over networks and items"
    return "given these networks"


def notice(summary: Summary) -> str:
    """What stands above everything else where the numbers are no test results; else nothing."""
    if summary.split == "test":
        return ""
    if summary.split == "given":
        return (
            "Every number here is about items that were given in a call; nothing here says that "
            "the network did not learn from them."
        )
    return (
        f"Every number here was measured on {summary.split} items, to choose by; none is a test "
        "result, and the test items stayed sealed."
    )


def limits(summary: Summary) -> list[str]:
    """What a reader must not conclude from a run."""
    seeds = len(summary.seeds)
    counts = [next(iter(one.clean.values())).n for one in summary.data if one.clean]
    count = summary.provenance["cells"]
    out = []
    if notice(summary):
        out.append(notice(summary))
    if count["total"] and count["complete"] < count["total"]:
        left = count["total"] - count["complete"]
        total = counted(count["total"], "cell")
        out.append(f"The run is not complete: {left:,} of {total} {_are(left)} missing.")
    if seeds == 1:
        out.append(
            f"One seed: the intervals cover the choice of {summary.split} items, not the luck of "
            "training."
        )
    elif seeds < FEWEST_NETWORKS:
        out.append(
            f"{seeds} seeds: the intervals, and the verdicts on them, are given these networks. "
            f"They cover the choice of {summary.split} items, not the luck of training."
        )
    elif seeds < 5:
        out.append(
            f"{seeds} seeds say little about how much training runs differ from each other; the "
            "intervals over networks and items are as wide as that takes."
        )
    if counts:
        out.append(
            f"{counted(min(counts), f'{summary.split} item')} per network: differences smaller "
            "than an "
            "interval are noise."
        )
    out += _attacks(summary)
    return [*out, *_networks(summary), _UPPER_BOUND, *_inputs(summary), _THEORY]


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _attacks(summary: Summary) -> Iterator[str]:
    """Which attacks the numbers rest on, and whether any could do without gradients."""
    for suite in summary.suites:
        kinds = dict.fromkeys(member.name.split()[0] for member in suite.gradient_free)
        free = listed([kind_title(kind) for kind in kinds])
        told = (
            f"{free} took no gradient; longer searches and other gradient rules"
            if free
            else "All of them took gradients; searches, other gradient rules and more steps"
        )
        yield f"The attacks were those of the suite {suite.name}. {told} may break more."


def _networks(summary: Summary) -> Iterator[str]:
    """How large the networks were."""
    sizes = [cell.result.get("parameters", 0) for cell in summary.cells if cell.holds_network]
    if any(sizes):
        yield (
            f"The largest network has {max(sizes):,} parameters; nothing here says how larger ones "
            "behave."
        )


def _inputs(summary: Summary) -> Iterator[str]:
    """What each data set says of itself, and which of them say nothing."""
    known = {one.data: origin(summary.cells, one.data) for one in summary.data}
    if any(d.kind == "events" for one in known.values() for d in one.domain.values()):
        yield _FRAMES
    by_limit: dict[str, list[str]] = {}
    for data, one in known.items():
        for limit in one.facts.limits if one.facts else ():
            by_limit.setdefault(limit, []).append(data_title(data))
    for limit, titles in by_limit.items():
        yield limit if len(titles) == len(known) else f"{listed(titles)}: {limit}"
    for data, one in known.items():
        if one.facts is None:
            yield (
                f"{data}: this package does not know the set, so this page does not say what its "
                "inputs are or where they come from."
            )
