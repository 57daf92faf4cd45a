"""Kinds of attacks, and the plain records that configuration files and results hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spikeproof.attacks.attack import Attack
from spikeproof.attacks.countdown import Countdown
from spikeproof.attacks.ddn import DDN
from spikeproof.attacks.fmn import FMN
from spikeproof.attacks.pdpgd import PDPGD
from spikeproof.attacks.pgd import PGD
from spikeproof.attacks.random import Random
from spikeproof.attacks.restarts import Restarts
from spikeproof.attacks.sigma_zero import SigmaZero
from spikeproof.attacks.swap import Swap
from spikeproof.base import Registry, SettingError, suggestion

__all__ = ["ATTACKS"]


class _Attacks(Registry[Attack]):
    """A registry that also knows the attack inside Restarts."""

    def build(self, record: Mapping[str, Any] | str) -> Attack:
        """Build an attack from its record or its bare kind."""
        if isinstance(record, str) or record.get("kind") != "restarts":
            return super().build(record)
        values = {key: value for key, value in record.items() if key != "kind"}
        known = ("attack", "times")
        for key in values:
            if key not in known:
                raise SettingError(
                    f"attack 'restarts': unknown setting {key!r}. {suggestion(key, known)}"
                )
        if "attack" in values:
            values["attack"] = self.build(values["attack"])
        if not isinstance(values.get("times", 1), int):
            raise SettingError(
                f"attack 'restarts': times must be a whole number; got {values['times']!r}."
            )
        return Restarts(**values)

    def record(self, member: Attack) -> dict[str, Any]:
        """Return the plain record of an attack."""
        if not isinstance(member, Restarts):
            return super().record(member)
        return {"kind": "restarts", "attack": self.record(member.attack), "times": member.times}


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
    },
)
