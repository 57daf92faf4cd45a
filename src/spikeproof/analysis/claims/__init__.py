"""Claims about robustness, and what the records of a run say of each."""

from spikeproof.analysis.claims.claim import Claim, Verdict, VerdictPart
from spikeproof.analysis.claims.registry import CLAIMS, SEVEN, claims_of, verdicts

__all__ = ["CLAIMS", "SEVEN", "Claim", "Verdict", "VerdictPart", "claims_of", "verdicts"]
