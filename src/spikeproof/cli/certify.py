"""``spikeproof certify``: the items of a model that provably no attack breaks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spikeproof.cli.completion import complete_data, complete_threat
from spikeproof.cli.options import DataDir, Json, one_thread, parse_radius, pick
from spikeproof.cli.show import print_json, print_table

if TYPE_CHECKING:
    from spikeproof.data import Dataset
    from spikeproof.evaluate import Certificate
    from spikeproof.threats import Threat

__all__ = ["certify"]


def certify(
    model: Annotated[Path, typer.Argument(help="A model.safetensors that train or demo wrote.")],
    data: Annotated[
        str,
        typer.Option(
            "--data", help="Whose test items; see 'spikeproof list'.", autocompletion=complete_data
        ),
    ],
    threat: Annotated[
        str,
        typer.Option(
            "--threat",
            help="linf, or l2 and l1 (loose: inside their box).",
            autocompletion=complete_threat,
        ),
    ] = "linf",
    radius: Annotated[
        list[str] | None,
        typer.Option(
            "--radius", help="Such as 1/255; may be given again. Standard ones if absent."
        ),
    ] = None,
    items: Annotated[
        int | None, typer.Option("--items", min=1, help="How many test items; all by default.")
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Bound from below what any attack leaves of a saved model.

    Intervals are pushed through the network; a certified item is right at every legal input. An
    item that is not certified may still be robust: see audit for what attacks break.

    \b
    Example:
      spikeproof certify runs/mine/model.safetensors --data digits --radius 1/255 --items 100
    """
    radii = [parse_radius(text) for text in radius or ()]
    from spikeproof import evaluate
    from spikeproof.data import open_data
    from spikeproof.models import check_fit, load_model

    one_thread()
    network = load_model(model)
    dataset = open_data(data)
    check_fit(network.spec, model, dataset, how=" with --data")
    found = [
        evaluate.certify_test(network, dataset, chosen, items=items)
        for chosen in _chosen(dataset, threat, radii)
    ]
    if as_json:
        print_json({"data": data, "certificates": [each.to_dict() for each in found]})
        return
    print_table(
        ("threat", "radius", "items", "clean %", "certified %", "95 % interval"),
        [_row(each) for each in found],
    )


def _chosen(data: Dataset, name: str, radii: list[float]) -> list[Threat]:
    """The threats that the options name."""
    from spikeproof.threats import standard_threats, threat_of

    if radii:
        return [threat_of(data, name, radius) for radius in radii]
    ladders = standard_threats(data)
    return list(ladders[pick(name, ladders, f"threat for {data.spec.name}")])


def _row(found: Certificate) -> list[object]:
    """A line of the table, in percent."""
    numbers = found.to_dict()
    low, high = (100 * end for end in numbers["certified_interval"])
    return [
        numbers["threat"],
        f"{numbers['radius']:.4g}",
        numbers["n"],
        f"{100 * numbers['clean_accuracy']:.1f}",
        f"{100 * numbers['certified_accuracy']:.1f}",
        f"{low:.1f} to {high:.1f}",
    ]
