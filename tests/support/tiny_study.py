"""A plan small enough to run many times."""

from __future__ import annotations

from spikeproof.study import DataPlan, Plan, TrainingPlan

ERROR = {"kind": "cross_entropy", "weight": 1.0}
SPARSE = {"kind": "sparse_gradient", "weight": 0.1}


def make_plan(**changes: object) -> Plan:
    """Two tiny networks, two threats, six items: ten cells."""
    settings: dict[str, object] = {
        "name": "tiny",
        "data": (
            DataPlan(
                name="digits",
                model="cnn-small",
                timesteps=2,
                width=2,
                epochs=3,
                batch_size=256,
                threats=("linf", "l0"),
            ),
        ),
        "training": (
            TrainingPlan(name="plain", terms={"error": ERROR}),
            TrainingPlan(name="SR", terms={"error": ERROR, "sparse": SPARSE}),
        ),
        "items": 6,
        "draws": 2,
        "probe_items": 3,
    }
    return Plan(**{**settings, **changes})  # type: ignore[arg-type]
