"""Verified evaluation: what a model loses to a threat, measured so that it cannot be fooled."""

from typing import TYPE_CHECKING

from spikeproof.faces import lazy_face

if TYPE_CHECKING:
    from spikeproof.evaluate.audit import audit
    from spikeproof.evaluate.audit_result import Audit
    from spikeproof.evaluate.certify import Certificate, certify, certify_test
    from spikeproof.evaluate.diagnose import (
        FLAGS,
        Flag,
        LadderFacts,
        check_despite,
        check_network,
        flags_before,
        refuse_withheld,
        review,
        reviewed,
        served,
        withheld,
    )
    from spikeproof.evaluate.doctor import (
        ITEMS,
        VERDICTS,
        Check,
        Diagnosis,
        MaskingVerdict,
        Thresholds,
        diagnose,
        judged,
    )
    from spikeproof.evaluate.energy_audit import energy_audit
    from spikeproof.evaluate.energy_result import EnergyAudit, EnergyRung
    from spikeproof.evaluate.energy_run import OnEnergyRung
    from spikeproof.evaluate.forward import plain_logits
    from spikeproof.evaluate.front import attack, robust_accuracy
    from spikeproof.evaluate.front_result import AttackResult, RobustAccuracy
    from spikeproof.evaluate.grid import OnGridCell, grid_levels, grid_views, joint_grid
    from spikeproof.evaluate.grid_result import JointGrid, TwinCurve
    from spikeproof.evaluate.grid_stealth import grid_stealth
    from spikeproof.evaluate.ladder import evaluate_ladder
    from spikeproof.evaluate.outcome import Adversarials, Gallery, Outcome
    from spikeproof.evaluate.pace import seconds_per_pass
    from spikeproof.evaluate.probe import Probe, probe, probed
    from spikeproof.evaluate.rescored import RescoredCell, rescore_ladder, rescore_run
    from spikeproof.evaluate.run_files import StoredRun
    from spikeproof.evaluate.sealed import open_split, open_test, open_validation
    from spikeproof.evaluate.sponge import SpongeResult, sponge
    from spikeproof.evaluate.step import LadderPosition, LadderStep, OnLadderStep
    from spikeproof.evaluate.timing import TimingLevel, check_timing, right_draws, timing
    from spikeproof.evaluate.tune import WIDTHS, tune
    from spikeproof.evaluate.verify import Verified, verify

__all__ = [
    "FLAGS",
    "ITEMS",
    "VERDICTS",
    "WIDTHS",
    "Adversarials",
    "AttackResult",
    "Audit",
    "Certificate",
    "Check",
    "Diagnosis",
    "EnergyAudit",
    "EnergyRung",
    "Flag",
    "Gallery",
    "JointGrid",
    "LadderFacts",
    "LadderPosition",
    "LadderStep",
    "MaskingVerdict",
    "OnEnergyRung",
    "OnGridCell",
    "OnLadderStep",
    "Outcome",
    "Probe",
    "RescoredCell",
    "RobustAccuracy",
    "SpongeResult",
    "StoredRun",
    "Thresholds",
    "TimingLevel",
    "TwinCurve",
    "Verified",
    "attack",
    "audit",
    "certify",
    "certify_test",
    "check_despite",
    "check_network",
    "check_timing",
    "diagnose",
    "energy_audit",
    "evaluate_ladder",
    "flags_before",
    "grid_levels",
    "grid_stealth",
    "grid_views",
    "joint_grid",
    "judged",
    "open_split",
    "open_test",
    "open_validation",
    "plain_logits",
    "probe",
    "probed",
    "refuse_withheld",
    "rescore_ladder",
    "rescore_run",
    "review",
    "reviewed",
    "right_draws",
    "robust_accuracy",
    "seconds_per_pass",
    "served",
    "sponge",
    "timing",
    "tune",
    "verify",
    "withheld",
]

lazy_face(__name__)
