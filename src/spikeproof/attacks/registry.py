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
from spikeproof.attacks.sapgd import SAPGD
from spikeproof.attacks.sigma_zero import SigmaZero
from spikeproof.attacks.swap import Swap
from spikeproof.attacks.targeted import Targeted
from spikeproof.base import Registry, SettingError, suggestion

__all__ = ["ATTACKS"]


# Attacks around another attack, and the whole number that is their own setting.
_AROUND: dict[str, tuple[type[Restarts | Targeted], str]] = {
    "restarts": (Restarts, "times"),
    "targeted": (Targeted, "rivals"),
}


class _Attacks(Registry[Attack]):
    """A registry that also knows the attack inside Restarts and Targeted."""

    def build(self, record: Mapping[str, Any] | str) -> Attack:
        """Build an attack from its record or its bare kind."""
        if isinstance(record, str) or record.get("kind") not in _AROUND:
            return super().build(record)
        kind = record["kind"]
        around, number = _AROUND[kind]
        values = {key: value for key, value in record.items() if key != "kind"}
        known = ("attack", number)
        for key in values:
            if key not in known:
                raise SettingError(
                    f"attack {kind!r}: unknown setting {key!r}. {suggestion(key, known)}"
                )
        if "attack" in values:
            values["attack"] = self.build(values["attack"])
        if not isinstance(values.get(number, 1), int):
            raise SettingError(
                f"attack {kind!r}: {number} must be a whole number; got {values[number]!r}."
            )
        return around(**values)

    def record(self, member: Attack) -> dict[str, Any]:
        """Return the plain record of an attack."""
        kind = self.kind(member)
        if not isinstance(member, Restarts | Targeted):
            return super().record(member)
        number = _AROUND[kind][1]
        inner = self.record(member.attack)
        return {"kind": kind, "attack": inner, number: getattr(member, number)}


ATTACKS: Registry[Attack] = _Attacks(
    "attack",
    {
        "countdown": Countdown,
        "ddn": DDN,
        "fmn": FMN,
        "pdpgd": PDPGD,
        "pgd": PGD,
        "random": Random,
        "restarts": Restarts,
        "sigma_zero": SigmaZero,
        "swap": Swap,
        "apgd": APGD,
        "fgsm": FGSM,
        "rfgsm": RFGSM,
        "sapgd": SAPGD,
        "targeted": Targeted,
    },
)
