"""``spikeproof joint``: one model of two views on a grid of joint budgets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spikeproof.cli.completion import complete_data
from spikeproof.cli.options import DataDir, Device, Json, Rows, Seed, one_thread
from spikeproof.cli.show import note, print_json, print_table, say

if TYPE_CHECKING:
    from spikeproof.analysis import GridSummary
    from spikeproof.data import Dataset
    from spikeproof.evaluate import JointGrid
    from spikeproof.metrics import Estimate
    from spikeproof.models import Network
    from spikeproof.report import GridExample
    from spikeproof.threats import Geometry

__all__ = ["joint"]

_SHOWN = 3


def joint(
    model: Annotated[Path, typer.Argument(help="A model.safetensors of a network of two views.")],
    data: Annotated[
        str,
        typer.Option(
            "--data", help="Whose items; see 'spikeproof list'.", autocompletion=complete_data
        ),
    ],
    twin: Annotated[
        list[Path] | None,
        typer.Option(
            "--twin",
            help="A unimodal twin, such as a trained fusion-small@audio; may be given again. With "
            "both, fusion gain and rescue are stated.",
        ),
    ] = None,
    view: Annotated[
        list[str] | None,
        typer.Option(
            "--view",
            help="A view with its threat and own radius, audio=linf:0.035 or events=counts:20; "
            "given twice. The data set's own where absent.",
        ),
    ] = None,
    grid: Annotated[
        int, typer.Option("--grid", min=2, max=21, help="Budgets of each view, 0 among them.")
    ] = 5,
    most: Annotated[
        float, typer.Option("--most", min=0.001, help="Largest multiple of the own radii.")
    ] = 2.0,
    suite: Annotated[str, typer.Option("--suite", help="quick, core, standard or full.")] = (
        "standard"
    ),
    split: Annotated[str, typer.Option("--split", help="test or validation.")] = "test",
    items: Annotated[
        int | None, typer.Option("--items", min=1, help="How many items; all by default.")
    ] = None,
    draws: Annotated[int, typer.Option("--draws", min=0, help="Random changes per cell.")] = 10,
    seed: Seed = 0,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder",
            help="Folder for joint.json, items.npz and joint.html; the same command goes on where "
            "a killed one stopped.",
        ),
    ] = None,
    despite: Annotated[
        list[str] | None, typer.Option("--despite", help="A flag to state numbers in spite of.")
    ] = None,
    device: Device = "cpu",
    batch_size: Rows = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Attack two views with every pair of budgets: which is weaker, and what fusion gains.

    The first row and column attack one view and leave the other bit for bit. An item that some
    budget breaks is broken within every larger one. Every input is verified.

    \b
    Example:
      spikeproof joint runs/av/model.safetensors --data digits-av --items 100 --folder runs/av-grid
    """
    from spikeproof.analysis import summarise_grid
    from spikeproof.data import open_data
    from spikeproof.evaluate import joint_grid, open_split
    from spikeproof.models import check_fit, load_model

    one_thread()
    network, dataset = load_model(model), open_data(data)
    check_fit(network.spec, model, dataset, how=" with --data")
    found = joint_grid(
        network,
        dataset,
        _views(view or []),
        factors=[most * level / (grid - 1) for level in range(grid)],
        twins=_twins(twin or [], network, dataset),
        suite=suite,
        seed=seed,
        split=split,
        items=items,
        draws=draws,
        folder=folder,
        despite=tuple(despite or ()),
        progress=lambda told, done, total: note(f"[{done}/{total}] {told}"),
        device=device,
        batch_size=batch_size,
    )
    x = open_split(dataset, split, items).x.numpy()
    summary = summarise_grid(found, x, dataset.domain)  # type: ignore[arg-type]
    if folder is not None:
        _write(folder, summary, found, dataset, x)
    if as_json:
        print_json(summary.to_dict())
        return
    _print(summary)
    if folder is not None:
        say(f"Written: {folder / 'joint.html'}")


def _views(texts: list[str]) -> dict[str, tuple[Geometry, float]] | None:
    """The views that the options name; None stands for the data set's own."""
    from spikeproof.base import SettingError
    from spikeproof.threats import geometry_named, radius_of

    found: dict[str, tuple[Geometry, float]] = {}
    for text in texts:
        name, equals, threat = text.partition("=")
        kind, colon, radius = threat.partition(":")
        if not (name and equals and colon):
            raise typer.BadParameter(f"--view takes NAME=THREAT:RADIUS, such as audio=linf:0.035; "
                                     f"got {text!r}.")  # fmt: skip
        if name in found:
            raise typer.BadParameter(f"--view names {name!r} twice; give it once.")
        try:
            found[name] = geometry_named(kind), radius_of(radius)
        except SettingError as problem:
            raise typer.BadParameter(str(problem)) from None
    return found or None


def _twins(paths: list[Path], fusion: Network, data: Dataset) -> dict[str, Network]:
    """Every twin by its view, as its own specification names it."""
    from spikeproof.models import check_fit, load_model

    found: dict[str, Network] = {}
    for path in paths:
        twin = load_model(path)
        check_fit(twin.spec, path, data, how=" with --data")
        base, at, view = twin.spec.name.partition("@")
        if not at or base != fusion.spec.name:
            raise typer.BadParameter(
                f"{path} holds {twin.spec.name}, which is no unimodal twin of {fusion.spec.name}; "
                f"train one with --model {fusion.spec.name}@VIEW."
            )
        if view in found:
            raise typer.BadParameter(f"Two twins of {view!r} are given; give one of each view.")
        found[view] = twin
    return found


def _write(out: Path, summary: GridSummary, found: JointGrid, data: Dataset, x: Any) -> None:
    """The page, with a few items."""
    from spikeproof.data import DATASETS
    from spikeproof.report import write_joint_page

    name = data.spec.name
    rate = DATASETS[name].facts.rate_hz if name in DATASETS else None
    domain: Any = data.domain
    write_joint_page(out / "joint.html", summary, _examples(found, x), domain, rate_hz=rate)


def _examples(found: JointGrid, x: Any) -> list[GridExample]:
    """The items with most inputs that broke them, single views first."""
    from spikeproof.report import GridExample

    by_item: dict[int, list[tuple[tuple[int, int], Any]]] = {}
    for item, cell, far in zip(
        found.found_items, found.found_cells, found.found_x_adv, strict=True
    ):
        by_item.setdefault(int(item), []).append(((int(cell[0]), int(cell[1])), far))
    place = {int(item): at for at, item in enumerate(found.items)}
    chosen = sorted(by_item, key=lambda item: (-len(by_item[item]), item))[:_SHOWN]
    factors = found.factors[found.views[0]]
    return [
        GridExample(
            item=item,
            y=int(found.y[place[item]]),
            x=x[place[item]],
            found=tuple(
                ((factors[i], factors[j]), far)
                for (i, j), far in sorted(by_item[item], key=lambda one: min(one[0]))
            ),
        )
        for item in chosen
    ]


def _print(summary: GridSummary) -> None:
    """The grid, and what one view does for the other."""
    first, second = summary.views
    print_table(
        (f"{first} down, {second} across", *(f"x{factor:g}" for factor in summary.factors)),
        [
            (f"x{factor:g}", *(f"{100 * cell.value:.1f}" for cell in row))
            for factor, row in zip(summary.factors, summary.accuracy, strict=True)
        ],
        title=f"Robust accuracy in %, {summary.n} items of {summary.data}",
    )
    for level, factor in enumerate(summary.factors[1:]):
        told = [f"gap {first} - {second} attacked {_points(summary.gaps[level])}"]
        if summary.gains is not None:
            twin, gain = summary.gains[level + 1][level + 1]
            told.append(f"fusion gain over {twin} alone {_points(gain)}")
        told += [f"rescued when {v} falls {_points(r[level])}" for v, r in summary.rescues.items()]
        radii = ", ".join(_radius(summary, view, level + 1) for view in summary.views)
        say(f"x{factor:g} ({radii}): {'; '.join(told)}")


def _radius(summary: GridSummary, view: str, level: int) -> str:
    """A view with its radius, and its decibels on a sound."""
    from spikeproof.names import radius_text

    loud = summary.decibels.get(view, ())
    told = f"{view} {radius_text(summary.radii[view][level])}"
    return f"{told} = {loud[level]}" if loud and loud[level] else told


def _points(found: Estimate) -> str:
    """A share or a difference in percent, with its interval."""
    low, high = 100 * found.low, 100 * found.high
    return f"{100 * found.value:.1f} ({low:.1f} to {high:.1f})"
