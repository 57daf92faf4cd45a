"""What is measured: vulnerability, gradients, activity, accuracy, intervals, transfer."""

from typing import TYPE_CHECKING

from spikeproof.faces import lazy_face

if TYPE_CHECKING:
    from spikeproof.metrics.accuracy import (
        Bools,
        Floats,
        curve_area,
        curve_weights,
        robust_accuracy,
        success_rate,
        union,
    )
    from spikeproof.metrics.estimate import (
        LEVEL,
        Estimate,
        Over,
        exact_bound,
        holm,
        wilson,
        wilson_ends,
    )
    from spikeproof.metrics.firing import Activity, activity
    from spikeproof.metrics.gradient import GradientMeasures, gradient_measures, true_class_gradient
    from spikeproof.metrics.intervals import FEWEST_NETWORKS, Intervals, independent_difference
    from spikeproof.metrics.resampling import Bootstrap, percentile_interval
    from spikeproof.metrics.security import attack_optimality, security_area, security_curve
    from spikeproof.metrics.synops import Metered, SynOps, synops
    from spikeproof.metrics.theory import (
        FirstOrder,
        ball_moment,
        dual_exponent,
        dual_norm,
        first_order,
        first_order_l0,
        first_order_lp,
    )
    from spikeproof.metrics.transfer import (
        SMALLEST_GAIN,
        Competitiveness,
        TransferRatio,
        competitiveness,
        transfer_ratio,
    )
    from spikeproof.metrics.vulnerability import (
        RandomVulnerability,
        ShiftAttack,
        adversarial_vulnerability,
        random_vulnerability,
        vulnerability_ratio,
    )

__all__ = [
    "FEWEST_NETWORKS",
    "LEVEL",
    "SMALLEST_GAIN",
    "Activity",
    "Bools",
    "Bootstrap",
    "Competitiveness",
    "Estimate",
    "FirstOrder",
    "Floats",
    "GradientMeasures",
    "Intervals",
    "Metered",
    "Over",
    "RandomVulnerability",
    "ShiftAttack",
    "SynOps",
    "TransferRatio",
    "activity",
    "adversarial_vulnerability",
    "attack_optimality",
    "ball_moment",
    "competitiveness",
    "curve_area",
    "curve_weights",
    "dual_exponent",
    "dual_norm",
    "exact_bound",
    "first_order",
    "first_order_l0",
    "first_order_lp",
    "gradient_measures",
    "holm",
    "independent_difference",
    "percentile_interval",
    "random_vulnerability",
    "robust_accuracy",
    "security_area",
    "security_curve",
    "success_rate",
    "synops",
    "transfer_ratio",
    "true_class_gradient",
    "union",
    "vulnerability_ratio",
    "wilson",
    "wilson_ends",
]

lazy_face(__name__)
