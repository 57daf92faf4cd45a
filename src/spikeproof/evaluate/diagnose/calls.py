"""Calls of a network that ought to give equal answers, and what it moves while it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.data import Domain, Views
from spikeproof.evaluate.diagnose.carried import Refitted
from spikeproof.evaluate.diagnose.differences import (
    differing,
    listed,
    mates_flag,
    places_flag,
    randomness_flag,
    state_flag,
)
from spikeproof.evaluate.diagnose.flag import Flag
from spikeproof.evaluate.diagnose.head import check_head, time_first, unanswered
from spikeproof.evaluate.diagnose.snapshot import Generators, Snapshot
from spikeproof.neurons import drawing
from spikeproof.oracle import prediction_seeds

__all__ = ["Calls"]


@dataclass
class Calls:
    """A few items, asked about again and again, each time as if for the first time.

    Args:
        model: In evaluation mode.
        x: The items, ``(N, *shape)``, where the model is.
        domain: Of the items.
        seed: Of what is drawn to stand beside an item.
    """

    model: nn.Module
    x: Tensor
    domain: Domain | Views
    seed: int
    flags: list[Flag] = field(default_factory=list)
    begun: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.before = Snapshot(self.model)
        self.generators = Generators(self.model, self.seed)
        self.generators.begin()

    def look(self) -> Tensor | None:
        """Note what these calls show; the first answer, ``(N, K)``, or None if it is no logits."""
        x, buffers = self.x.clone(), _buffers(self.model)
        try:
            answer = self._ask(x)
        except RuntimeError as problem:
            answer = self._refitted(x, problem)
        if (flag := time_first(answer, self.x)) is not None:
            self.flags.append(flag)
            return None
        first = check_head(answer, self.x).detach().clone()
        drawn, private = self.generators.moved(), self.before.drawn()
        self._note_input(x)
        self._note_buffers(buffers)
        self._note_generators(drawn)
        if self._note_repetition(first, [*drawn, *private]):
            self._note_mates(first)
            self._note_places(first)
        return first

    def _refitted(self, x: Tensor, problem: RuntimeError) -> Any:
        """The answer of a network whose state is of another batch, once that is begun anew."""
        model = Refitted(self.model)
        self.model = model
        try:
            answer = self._ask(x)
        except RuntimeError:
            raise unanswered(model.network, len(x), problem) from problem
        self.begun = model.begun
        return answer

    def put_back(self) -> None:
        """Make the network what it was, and let every generator begin again."""
        self.before.put_back()
        self.generators.begin()

    def close(self) -> None:
        """Leave network and generators as they were at first."""
        self.before.put_back(weights=True)
        self.generators.close()

    def _ask(self, x: Tensor, items: Tensor | None = None) -> Any:
        """One call, with the draws that evaluation would make for items of these numbers."""
        numbers = torch.arange(len(x)) if items is None else items
        with torch.no_grad(), drawing(prediction_seeds(numbers)):
            return self.model(x)

    def _again(self) -> Tensor:
        """The answer to the same items, asked now."""
        answer: Tensor = self._ask(self.x.clone())
        return answer.detach()

    def _note_input(self, x: Tensor) -> None:
        """What the network wrote into its input."""
        wrong = (x != self.x) & ~((x != x) & (self.x != self.x))
        if not wrong.any():
            return
        most = float((x - self.x)[wrong].abs().max())
        self.flags.append(
            Flag(
                name="input-written",
                stop=False,
                seen=f"The forward pass wrote into its input: {int(wrong.sum())} of {x.numel()} "
                f"values of {len(x)} items changed, by up to {most:.3g}.",
                why="An attack's own points, and the test items, would change under it.",
                mend="Here the network is given copies; use x = x * 0.9 in place of x.mul_(0.9), "
                "and the like.",
            )
        )

    def _note_buffers(self, before: dict[str, Tensor]) -> None:
        """Which buffers a call moved."""
        after = dict(self.model.named_buffers())
        names = [
            name
            for name in [*before, *(name for name in after if name not in before)]
            if name not in before
            or name not in after
            or not torch.equal(before[name].nan_to_num(), after[name].detach().nan_to_num())
        ]
        if names:
            self.flags.append(
                Flag(
                    name="buffers",
                    stop=False,
                    seen=f"One call in evaluation mode moved {listed(names)}.",
                    why="Running statistics that move with every question make the network another "
                    "one while it is attacked.",
                    mend="Its buffers are put back afterwards; use training=self.training in "
                    "functional batch norms, and compute statistics in training only.",
                )
            )

    def _note_generators(self, drawn: list[str]) -> None:
        """Which global generators a call drew from."""
        if drawn:
            self.flags.append(
                Flag(
                    name="torch-generator",
                    stop=False,
                    seen=f"One call drew from the global generator of {listed(drawn)}.",
                    why="Such draws depend on everything that was drawn before, so the same seed "
                    "gives another number each time.",
                    mend="Draw with spikeproof.neurons.draw_uniform or draw_normal, which belong "
                    "to items, or call the network without its noise.",
                )
            )

    def _note_repetition(self, first: Tensor, drawn: list[str]) -> bool:
        """Note whether a second call differs, by state or by chance; whether a call can be
        repeated at all."""
        self.generators.begin()
        self.before.rewind()
        names = self.before.changed()
        second = self._again()
        carried = differing(first, second)
        if carried is not None:
            self.put_back()
            if differing(first, self._again()) is None:
                self.flags.append(state_flag(first, second, carried, names, self.begun))
            else:
                self.flags.append(randomness_flag(first, second, carried, None))
                return False
        if drawn and (other := self._other_draws(first)) is not None:
            rows = differing(first, other)
            assert rows is not None
            self.flags.append(randomness_flag(first, other, rows, drawn[0]))
        return True

    def _other_draws(self, first: Tensor) -> Tensor | None:
        """The answer of the same network after other draws, where it is another one."""
        self.put_back()
        self.before.advance()
        self.generators.other(self.seed + 1)
        answer = self._again()
        return None if differing(first, answer) is None else answer

    def _note_mates(self, first: Tensor) -> None:
        """Whether the answer to an item depends on what stands beside it."""
        # The same number of rows in the same places, so that no kernel rounds otherwise.
        kept = max(1, len(self.x) // 2)
        x = self.x if len(self.x) > 1 else torch.cat([self.x, self.x])
        if len(self.x) == 1:
            self.put_back()
            first = self._asked(x)
        mates = _other(x[kept:], self.domain)
        self.put_back()
        answer = self._asked(torch.cat([x[:kept], mates]))
        rows = differing(first[:kept], answer[:kept])
        self.put_back()
        if rows is None:
            return
        self.flags.append(mates_flag(first[:kept], answer[:kept], rows))

    def _note_places(self, first: Tensor) -> None:
        """Whether the answer to an item depends on where in the batch it stands."""
        known = {flag.name for flag in self.flags}
        if len(self.x) < 2 or known & {"batch", "state", "randomness"}:
            return
        order = torch.arange(len(self.x)).roll(len(self.x) // 2)
        self.put_back()
        answer: Tensor = self._ask(self.x[order].clone(), order).detach()[order.argsort()]
        rows = differing(first, answer)
        self.put_back()
        # Kernels may round another place otherwise, and a spike or two turn: not most items.
        if rows is None or 2 * int(rows.sum()) <= len(rows):
            return
        self.flags.append(places_flag(first, answer, rows))

    def _asked(self, x: Tensor) -> Tensor:
        """The answer to any items."""
        answer: Tensor = self._ask(x.clone())
        return answer.detach()


def _buffers(model: nn.Module) -> dict[str, Tensor]:
    """A copy of every buffer."""
    return {name: buffer.detach().clone() for name, buffer in model.named_buffers()}


def _other(x: Tensor, domain: Domain | Views) -> Tensor:
    """Legal items unlike these: every value at the other end of its range."""
    low, high = (end.expand_as(x) for end in domain.bounds(x))
    # Ranges without an end, and wide ones of counts, go one step instead.
    far = torch.where(torch.isfinite(high), high.clamp_max(low.clamp_min(-1e6) + 2), x + 1)
    near = torch.where(torch.isfinite(low), low, x - 1)
    return torch.where(x > near, near, far)
