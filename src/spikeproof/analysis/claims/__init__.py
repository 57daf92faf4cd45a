"""Claims about robustness, and what the records of a run say of each."""

from spikeproof.analysis.claims.verdicts import CLAIMS, Verdict, VerdictPart, verdicts

__all__ = ["CLAIMS", "Verdict", "VerdictPart", "verdicts"]
