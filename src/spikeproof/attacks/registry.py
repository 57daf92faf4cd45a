"""Kinds of attacks, and the plain records that configuration files and results hold."""

from __future__ import annotations

from spikeproof.attacks.apgd import APGD
from spikeproof.attacks.attack import Attack
from spikeproof.attacks.countdown import Countdown
from spikeproof.attacks.ddn import DDN
from spikeproof.attacks.fgsm import FGSM
from spikeproof.attacks.fmn import FMN
from spikeproof.attacks.pdpgd import PDPGD
from spikeproof.attacks.pgd import PGD
from spikeproof.attacks.random import Random
from spikeproof.attacks.restarts import Restarts
from spikeproof.attacks.rfgsm import RFGSM
from spikeproof.attacks.saliency import Saliency
from spikeproof.attacks.sapgd import SAPGD
from spikeproof.attacks.sigma_zero import SigmaZero
from spikeproof.attacks.sparse_pgd import SparsePGD
from spikeproof.attacks.sparse_rs import SparseRS
from spikeproof.attacks.square import Square
from spikeproof.attacks.swap import Swap
from spikeproof.attacks.targeted import Targeted
from spikeproof.attacks.transfer import Transfer
from spikeproof.base import Registry

__all__ = ["ATTACKS"]


ATTACKS: Registry[Attack] = Registry(
    "attack",
    {
        "apgd": APGD,
        "countdown": Countdown,
        "ddn": DDN,
        "fgsm": FGSM,
        "fmn": FMN,
        "pdpgd": PDPGD,
        "pgd": PGD,
        "random": Random,
        "restarts": Restarts,
        "rfgsm": RFGSM,
        "saliency": Saliency,
        "sapgd": SAPGD,
        "sigma_zero": SigmaZero,
        "sparse_pgd": SparsePGD,
        "sparse_rs": SparseRS,
        "square": Square,
        "swap": Swap,
        "targeted": Targeted,
        "transfer": Transfer,
    },
    group="spikeproof.attacks",
    of=Attack,
)
