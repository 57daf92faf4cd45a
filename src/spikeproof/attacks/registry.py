"""Kinds of attacks, and the plain records that configuration files and results hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
from spikeproof.base import Registry, SettingError, suggestion

__all__ = ["ATTACKS"]


# Attacks with another one inside: their other settings, the type of each, and that type in words.
AROUND: dict[str, dict[str, tuple[type, str]]] = {
    "restarts": {"times": (int, "a whole number")},
    "targeted": {"rivals": (int, "a whole number")},
    "transfer": {"source": (str, "the path of a model file")},
}


class _Attacks(Registry[Attack]):
    """A registry that also knows the attack inside another one (Restarts, Targeted, Transfer)."""

    def build(self, record: Mapping[str, Any] | str) -> Attack:
        """Build an attack from its record or its bare kind."""
        kind = record if isinstance(record, str) else record.get("kind")
        if kind not in AROUND:
            return super().build(record)
        values = {} if isinstance(record, str) else {k: v for k, v in record.items() if k != "kind"}
        known = ("attack", *AROUND[kind])
        for key in values:
            if key not in known:
                raise SettingError(
                    f"attack {kind!r}: unknown setting {key!r}. {suggestion(key, known)}"
                )
        for key, (wanted, words) in AROUND[kind].items():
            if key in values and not isinstance(values[key], wanted):
                raise SettingError(f"attack {kind!r}: {key} must be {words}; got {values[key]!r}.")
        if "attack" in values:
            values["attack"] = self.build(values["attack"])
        if kind == "transfer" and "source" not in values:
            raise SettingError("attack 'transfer' needs a 'source', the path of a model file.")
        return self[kind](**values)

    def record(self, member: Attack) -> dict[str, Any]:
        """Return the plain record of an attack."""
        if not isinstance(member, Restarts | Targeted | Transfer):
            return super().record(member)
        kind = self.kind(member)
        plain = {key: getattr(member, key) for key in AROUND[kind]}
        return {"kind": kind, "attack": self.record(member.attack), **plain}


ATTACKS: Registry[Attack] = _Attacks(
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
)
