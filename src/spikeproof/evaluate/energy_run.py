"""An audit of energy under way: one network, radius after radius."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spikeproof.attacks import Attack, serves
from spikeproof.base import BatchSize, Seeds, seeds
from spikeproof.data import Split
from spikeproof.evaluate.energy_result import EnergyRung
from spikeproof.evaluate.footprint import batch_size_for
from spikeproof.evaluate.forward import margins, plain_logits
from spikeproof.evaluate.grid_kept import KeptCells
from spikeproof.evaluate.verify import verify
from spikeproof.metrics import Metered, synops
from spikeproof.models import home_of
from spikeproof.oracle import Oracle
from spikeproof.threats import Energy, Threat

__all__ = ["EnergyRun", "OnEnergyRung"]

Arrays = dict[str, np.ndarray[Any, Any]]
OnEnergyRung = Callable[[str, int, int], None]
_EXAMPLES = 4  # items by which the meter learns which layers read the input


@dataclass
class EnergyRun:
    """What attacks on energy look for, and what was found so far.

    Args:
        model: Where it is to be computed.
        split: The items, on the CPU.
        attacks: What attacks under each threat that it serves.
        weight: What a lead of the wrong class costs against operations.
        seed: Of every random number.
        draws: Random changes per item and radius.
        rows: Rows through the network at a time; what memory holds where None.
        kept: Finished radii.
    """

    model: nn.Module
    split: Split
    attacks: Sequence[Attack]
    weight: float
    seed: int
    draws: int
    rows: int | None
    kept: KeptCells
    size: BatchSize = field(init=False)
    before: Tensor = field(init=False)
    correct: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.split = replace(self.split, x=self.split.x[:])  # a set on disk is read once
        x, y = self.split.x, self.split.y
        self.size = batch_size_for(self.model, x, self.rows)
        self.correct = margins(self._answers(x), y) <= 0
        clean = synops(self.model, x, items=self.split.items, batch_size=self.size)
        self.before, self.left_out = clean.total, clean.left_out
        self.meter = Metered(self.model, x[:_EXAMPLES])

    def rungs(
        self, ladders: Sequence[tuple[Threat, ...]], progress: OnEnergyRung | None
    ) -> Iterator[EnergyRung]:
        """Every radius of every threat, ascending; what is finished is read."""
        done, total = 0, sum(map(len, ladders))
        for number, ladder in enumerate(ladders):
            found = self._nothing()
            for level, threat in enumerate(ladder):
                if progress is not None:
                    told = f"{threat.name} {threat.geometry.spelled(threat.radius)}"
                    progress(told, done, total)
                done += 1
                stored = self.kept.find(f"{number}-{level}")
                if stored is None or not self._whole(stored):
                    stored = self._rung(threat, found)
                    self.kept.keep(f"{number}-{level}", stored)
                found = stored
                yield EnergyRung(
                    threat=threat.name, radius=threat.radius, level=threat.level, **found
                )
        if progress is not None:
            progress("done", total, total)

    def _nothing(self) -> Arrays:
        """Where a ladder begins: every item as it is."""
        n = len(self.split)
        return {
            "after": self.before.numpy(),
            "random": self.before.numpy(),
            "member": np.full(n, -1, dtype=np.int16),
            "distance": np.zeros(n),
            "x_adv": self.split.x.numpy(),
        }

    def _whole(self, stored: Arrays) -> bool:
        """Whether what was stored of a radius is all there is of it."""
        like = self._nothing()
        return {k: v.shape for k, v in stored.items()} == {k: v.shape for k, v in like.items()}

    def _rung(self, threat: Threat, before: Arrays) -> Arrays:
        """One radius: random changes for everyone, then each attack on what is right when clean."""
        keys = seeds(self.seed, items=self.split.items).child(
            "energy", threat.name, repr(threat.radius)
        )
        best = {name: torch.from_numpy(value.copy()) for name, value in before.items()}
        randomly = self.before.clone()
        for draw in range(self.draws):
            drawn = threat.sample(self.split.x, keys.child("draws", draw))
            spent = self._spent(drawn)
            randomly = torch.maximum(randomly, spent)
            self._keep(best, drawn, spent, len(self.attacks))
        for number, attack in enumerate(self.attacks):
            if serves(attack, threat):
                found = self._attacked(attack, threat, keys.child("attack", number))
                self._keep(best, found, self._spent(found), number)
        # Measured by code of its own: an attack that broke its threat's rules ends the audit here.
        seen = verify(
            self.model, self.split.x, best["x_adv"], self.split.y, threat, items=self.split.items,
            batch_size=self.size,
        )  # fmt: skip
        best |= {"random": randomly, "distance": seen.distance}
        return {name: value.numpy() for name, value in best.items()}

    def _attacked(self, attack: Attack, threat: Threat, keys: Seeds) -> Tensor:
        """What one attack returns; the clean item where that is answered wrongly."""
        x, y, home = self.split.x, self.split.y, home_of(self.model)

        def attacked(part: Tensor) -> Tensor:
            goal = Energy(y[part].to(home), self.before[part].to(home), weight=self.weight)
            with Oracle(self.meter, None, keys[part].child("model")) as oracle:
                found = attack(oracle, x[part].to(home), goal, threat, seeds=keys[part])
            return found.to(x.device)

        out = x.clone()
        for part, found in self.size.each(self.correct.nonzero().flatten(), attacked):
            out[part] = found
        return out

    def _spent(self, x_adv: Tensor) -> Tensor:
        """Operations of every item, counted anew; none where the answer is not kept."""
        spent = synops(self.model, x_adv, items=self.split.items, batch_size=self.size).total
        kept = self.correct & (margins(self._answers(x_adv), self.split.y) <= 0)
        return torch.where(kept, spent, torch.zeros_like(spent))

    def _keep(self, best: dict[str, Tensor], x_adv: Tensor, spent: Tensor, member: int) -> None:
        """Take the inputs that are dearer than the dearest so far."""
        dearer = spent > best["after"]
        best["x_adv"][dearer] = x_adv[dearer]
        best["after"][dearer] = spent[dearer]
        best["member"][dearer] = member

    def _answers(self, x: Tensor) -> Tensor:
        """Logits of the plain forward pass."""
        return plain_logits(self.model, x, items=self.split.items, batch_size=self.size)
