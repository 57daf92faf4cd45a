"""Draw docs/images/intervals.svg from research/results/intervals.json.

python -m research.intervals.figure
"""

from __future__ import annotations

import json

import matplotlib

matplotlib.use("Agg")
matplotlib.rcParams["svg.hashsalt"] = "intervals"

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402

from research import RESULTS, ROOT  # noqa: E402

NETWORKS = (2, 3, 5, 10)
COLOURS = {0: "#4c78a8", 9: "#f58518", 17: "#b01e3a"}


def main() -> None:
    """Coverage and mean width, new and former, of shares from 10 to 50 %, 100 items."""
    parts = json.loads((RESULTS / "intervals.json").read_text(encoding="utf-8"))["parts"]
    rows = [
        row for row in parts["shares"]
        if row.get("former_coverage") is not None and 0.1 <= row["share"] <= 0.5
    ]  # fmt: skip
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), constrained_layout=True)
    for axis, what in zip(axes, ("coverage", "width"), strict=True):
        for points, colour in COLOURS.items():
            for start, style in (("", "-o"), ("former_", "--s")):
                means = [
                    np.mean([
                        row[start + what] for row in rows
                        if (row["networks"], row["points"]) == (n, points)
                    ])
                    for n in NETWORKS
                ]  # fmt: skip
                label = f"{points} points, {'former' if start else 'now'}"
                axis.plot(range(4), np.multiply(100, means), style, color=colour, label=label)
        axis.set_xticks(range(4), [str(n) for n in NETWORKS])
        axis.set_xlabel("networks per training")
    axes[0].axhline(95, color="#888888", linewidth=0.8)
    axes[0].set_ylabel("coverage, %")
    axes[1].set_ylabel("mean width, points")
    axes[1].legend(title="networks differ by", fontsize=8)
    path = ROOT / "docs" / "images" / "intervals.svg"
    figure.savefig(path, metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main()
