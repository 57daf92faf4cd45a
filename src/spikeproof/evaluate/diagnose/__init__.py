"""What makes robust accuracy doubtful: checks before the attacks, a review after them."""

from typing import TYPE_CHECKING

from spikeproof.faces import lazy_face

if TYPE_CHECKING:
    from spikeproof.evaluate.diagnose.after import LadderFacts, review, reviewed
    from spikeproof.evaluate.diagnose.before import explained, flags_before
    from spikeproof.evaluate.diagnose.carried import network_kept
    from spikeproof.evaluate.diagnose.flag import (
        FLAGS,
        Flag,
        check_despite,
        refuse_withheld,
        warn_withheld,
        withheld,
    )
    from spikeproof.evaluate.diagnose.head import check_network
    from spikeproof.evaluate.diagnose.serve import served

__all__ = [
    "FLAGS",
    "Flag",
    "LadderFacts",
    "check_despite",
    "check_network",
    "explained",
    "flags_before",
    "network_kept",
    "refuse_withheld",
    "review",
    "reviewed",
    "served",
    "warn_withheld",
    "withheld",
]

lazy_face(__name__)
