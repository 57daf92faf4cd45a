"""The radii every report uses: three ascending ones per threat, the middle one is standard.

Units are those of the inputs: grey levels in [0, 1] for scans, events for event tensors, full
scale for sound. ``"l0"`` counts pixels (all channels of a position) or sound samples. ``"linf"``
to ``"l0"`` on events are frame space (real-valued counts); ``"counts"`` is whole events added or
removed. ``"joint"`` multiplies the radius that each view has in ``JOINT``.

CIFAR-10 has the radii of the literature: l_inf 8/255 and 2/255 (robust spiking networks),
l_2 0.5, l_1 12, l_0 20 pixels. Fashion-MNIST has none that everybody uses: l_inf 0.1, and l_2 and
l_1 in CIFAR-10's proportion (0.29 of the l_inf radius times sqrt(d), 0.13 of it times d).
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["JOINT", "RADII"]

RADII: Mapping[str, Mapping[str, tuple[float, ...]]] = {
    "digits": {
        "linf": (0.05, 0.1, 0.15),
        "l2": (0.25, 0.5, 0.75),
        "l1": (0.75, 1.5, 3.0),
        "l0": (1.0, 2.0, 3.0),
    },
    "digits-events": {
        "linf": (0.01, 0.025, 0.04),
        "l2": (0.3, 0.75, 1.2),
        "l1": (10.0, 28.0, 50.0),
        "l0": (6.0, 14.0, 24.0),
        "counts": (12.0, 32.0, 56.0),
    },
    "digits-audio": {
        "linf": (0.03, 0.04, 0.05),
        "l2": (0.7, 1.0, 1.3),
        "l1": (10.0, 20.0, 30.0),
        "l0": (10.0, 18.0, 26.0),
    },
    "digits-av": {
        "linf": (0.04, 0.08, 0.12),
        "l2": (0.5, 0.75, 1.0),
        "l1": (1.5, 2.75, 4.0),
        "l0": (2.0, 3.0, 4.0),
        "joint": (0.5, 1.0, 1.5),
    },
    "fashion-mnist": {
        "linf": (0.05, 0.1, 0.15),
        "l2": (0.5, 0.8, 1.2),
        "l1": (5.0, 10.0, 15.0),
        "l0": (5.0, 10.0, 20.0),
    },
    "cifar10": {
        "linf": (2 / 255, 8 / 255, 16 / 255),
        "l2": (0.25, 0.5, 1.0),
        "l1": (6.0, 12.0, 24.0),
        "l0": (10.0, 20.0, 30.0),
    },
}

JOINT: Mapping[str, Mapping[str, float]] = {"digits-av": {"image": 0.12, "audio": 0.035}}
