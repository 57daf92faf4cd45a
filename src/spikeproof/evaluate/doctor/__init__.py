"""Is it real or is it masking: checks with numbers, and a verdict per network and threat."""

from typing import TYPE_CHECKING

from spikeproof.faces import lazy_face

if TYPE_CHECKING:
    from spikeproof.evaluate.doctor.check import STATES, WEIGHTS, Check
    from spikeproof.evaluate.doctor.diagnosis import Diagnosis
    from spikeproof.evaluate.doctor.front import ITEMS, diagnose
    from spikeproof.evaluate.doctor.thresholds import Thresholds
    from spikeproof.evaluate.doctor.verdict import VERDICTS, MaskingVerdict, judged

__all__ = [
    "ITEMS",
    "STATES",
    "VERDICTS",
    "WEIGHTS",
    "Check",
    "Diagnosis",
    "MaskingVerdict",
    "Thresholds",
    "diagnose",
    "judged",
]

lazy_face(__name__)
