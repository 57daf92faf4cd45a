"""Draw docs/images/front-light.svg and front-dark.svg: one scan under four norms, two curves.

Takes about a minute. The networks are those of the first tutorial, the suite is `core`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import spikeproof as sp
from spikeproof.metrics import wilson

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
NORMS = {
    "linf": ("ℓ∞", 0.1, "pgd"),
    "l2": ("ℓ₂", 0.5, "pgd"),
    "l1": ("ℓ₁", 1.5, "pgd"),
    "l0": ("ℓ₀", 2, "swap"),
}
RADII = (0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3)
ITEMS = 100
COLOURS = {"light": ("#1b1f24", "#0b5c8a", "#c2500a"), "dark": ("#e6e8ea", "#6cb8e6", "#f0a35e")}


def trained(data: sp.Dataset, *, attacked: bool) -> Any:
    """The network of the first tutorial, without and with adversarial training."""
    threat = sp.Threat(sp.Linf(), 0.1, data.domain)
    inputs = sp.Adversarial(sp.PGD(steps=2, step_size=0.7), threat) if attacked else None
    model = sp.build("dense", data, neuron=sp.LIF(leak=0.5), timesteps=4, width=64)
    objective = sp.Objective({"error": (1.0, sp.CrossEntropy())}, inputs=inputs)
    sp.fit(model, data, objective, epochs=7, seed=0, progress=False)
    return model


def curve(model: Any, data: sp.Dataset) -> np.ndarray:
    """Robust accuracy and its interval at every radius, in percent; the clean one first."""
    threats = [sp.Threat(sp.Linf(), radius, data.domain) for radius in RADII]
    audit = sp.audit(model, data, threats, suite="core", items=ITEMS)
    outcome = audit.outcomes[0]
    shares = [outcome.clean_accuracy, *outcome.robust_accuracy]
    return np.array([(s, *wilson(round(s * ITEMS), ITEMS)) for s in shares]) * 100


def attacked(model: Any, data: sp.Dataset) -> tuple[Any, int, dict[str, tuple[Any, int]]]:
    """The first validation item that falls under every norm, and what it becomes."""
    x, y = data.validation.x[:60], data.validation.y[:60]
    found = {
        norm: sp.attack(model, x, y, norm=norm, eps=radius, attack=attack)
        for norm, (_, radius, attack) in NORMS.items()
    }
    falls = np.logical_and.reduce([one.success & one.correct for one in found.values()])
    i = int(falls.argmax())
    made = {norm: (one.x_adv[i, 0], int(one.predicted[i])) for norm, one in found.items()}
    return x[i, 0], int(y[i]), made


def draw(theme: str, item: tuple[Any, int, dict[str, Any]], curves: dict[str, np.ndarray]) -> None:
    """One file."""
    ink, first, second = COLOURS[theme]
    plt.rcParams.update(
        {"text.color": ink, "axes.labelcolor": ink, "axes.edgecolor": ink, "font.size": 9}
        | {"xtick.color": ink, "ytick.color": ink, "svg.hashsalt": "spikeproof"}
    )
    figure = plt.figure(figsize=(9.4, 2.9))
    grid = figure.add_gridspec(2, 5, left=0.01, right=0.56, top=0.84, bottom=0.02, wspace=0.08)
    clean, label, made = item
    pictures = [("clean", clean, label), *((NORMS[n][0], a, b) for n, (a, b) in made.items())]
    for column, (name, picture, answer) in enumerate(pictures):
        axis = figure.add_subplot(grid[0, column])
        axis.imshow(picture, cmap="gray_r", vmin=0, vmax=1)
        axis.set_title(f"{name}: “{answer}”", fontsize=10)
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set(color="#9aa0a6", linewidth=0.6)
        axis = figure.add_subplot(grid[1, column])
        axis.axis("off")
        if column:
            axis.imshow(picture - clean, cmap="RdBu_r", vmin=-1, vmax=1)
        else:
            axis.text(0.95, 0.5, "what was\nchanged:", ha="right", va="center", fontsize=9)
    axis = figure.add_axes((0.63, 0.19, 0.34, 0.65))
    for (name, rows), colour in zip(curves.items(), (first, second), strict=True):
        places = (0, *RADII)
        axis.plot(places, rows[:, 0], marker="o", markersize=3.5, color=colour, label=name)
        axis.fill_between(places, rows[:, 1], rows[:, 2], color=colour, alpha=0.2, linewidth=0)
    axis.set(xlabel="radius, ℓ∞", ylim=(0, 101), xlim=(0, RADII[-1]))
    axis.set_title("robust accuracy, %", fontsize=10, loc="left")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=9)
    figure.savefig(IMAGES / f"front-{theme}.svg", transparent=True, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Train, attack, draw."""
    data = sp.load("digits")
    plain, robust = trained(data, attacked=False), trained(data, attacked=True)
    item = attacked(plain, data)
    curves = {
        "plain training": curve(plain, data),
        "adversarial training": curve(robust, data),
    }
    for name, rows in curves.items():
        print(name, rows.round(1).tolist())
    for theme in COLOURS:
        draw(theme, item, curves)


if __name__ == "__main__":
    main()
