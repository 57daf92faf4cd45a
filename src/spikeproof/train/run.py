"""The state of a training run and one epoch of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NoReturn

import torch
from torch import Tensor, nn

from spikeproof.base import Diverged, InputError, Seeds, seeds
from spikeproof.data import Dataset, Split
from spikeproof.train.assignment import Assignment
from spikeproof.train.augment import augmented
from spikeproof.train.average import Average
from spikeproof.train.clean_pass import Pass
from spikeproof.train.failure import Failure
from spikeproof.train.history import Epoch
from spikeproof.train.measure import Measured, measure, rights
from spikeproof.train.modes import randomness
from spikeproof.train.parallel import Group
from spikeproof.train.watch import Tally, bad_activation, bad_gradient, warnings_of

__all__ = ["Run"]

# Under which the accuracy of a step travels among the terms, none of which can be called this.
_RIGHT = ""


@dataclass(frozen=True)
class _Place:
    """Where a run is: which step of which epoch, on which items, with which keys."""

    epoch: int
    step: int
    batch: Split
    seeds: Seeds


class Run:
    """A model in training: weights, optimiser, what happened so far, the best weights.

    Args:
        model: In training mode.
        data: Only ``train`` and ``validation`` are looked at.
        work: What is to be done.
        group: The processes that do it together.
    """

    def __init__(
        self, model: nn.Module, data: Dataset, work: Assignment, group: Group | None = None
    ) -> None:
        self.model = model
        self.train, self.validation, self.domain = data.train, data.validation, data.domain
        self.work, self.settings = work, work.settings
        self.group = group or Group()
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.device = self.parameters[0].device
        self.optimizer = self.settings.make_optimizer(self.parameters)
        share = self.settings.average
        self.average = None if share is None else Average(model, share)
        self.epochs: list[Epoch] = []
        self.best_epoch = 0
        self.best: dict[str, Tensor] = {}
        self.reproducer: Path | None = None

    def step_epoch(self) -> Epoch:
        """Train one epoch, measure, and keep the weights if they are the best so far."""
        number, tally = len(self.epochs) + 1, Tally()
        apart = (self.group.rank,) if self.group.size > 1 else ()
        with ExitStack() as scopes:
            scopes.enter_context(
                randomness(self.work.seed, "epoch", number, *apart, device=self.device)
            )
            scopes.enter_context(tally.counting(self.model))
            order = self.order(number)
            sums: dict[str, float] = {}
            for step, which in enumerate(order):
                for name, value in self.step(number, step, len(order), which).items():
                    sums[name] = sums.get(name, 0.0) + value * len(which)
            if self.average is not None and self.settings.keep == "average":
                scopes.enter_context(self.average.inside(self.model))
            found = self._measure(number)
            epoch = self._epoch(number, len(order), sums, found, tally)
            self.epochs.append(epoch)
            if self._improves(epoch):
                self.best_epoch = number
                self.best = {n: t.detach().clone() for n, t in self.model.state_dict().items()}
        return epoch

    def _epoch(
        self, number: int, steps: int, sums: Mapping[str, float], found: Measured, tally: Tally
    ) -> Epoch:
        """The entry of an epoch that was trained and measured."""
        means = {name: value / len(self.train) for name, value in sums.items()}
        forward, backward = self.group.total([tally.forward, tally.backward], self.device)
        measured = asdict(found)
        del measured["layer"]
        epoch = Epoch(
            epoch=number,
            loss=means.pop("loss"),
            training_accuracy=means.pop(_RIGHT, None),
            parts=means,
            learning_rate=self.settings.rate((number - 1) * steps, self.work.epochs * steps),
            forward=int(forward),
            backward=int(backward),
            **measured,
        )
        items = len(self.validation)
        if self.work.exam is not None:
            items = min(items, self.work.exam.items or items)
        return replace(epoch, warnings=warnings_of(epoch, self.epochs, items))

    def order(self, number: int) -> list[Tensor]:
        """Batches of positions in the training split; equal sizes, give or take one."""
        keys = seeds(self.work.seed, items=self.train.items).child("order", number).bits((1,))
        shuffled = torch.argsort(keys[:, 0], stable=True)
        order = shuffled.tensor_split(math.ceil(len(shuffled) / self.settings.batch_size))
        self.group.check(len(order[-1]))
        return list(order)

    def step(self, number: int, step: int, steps: int, which: Tensor) -> dict[str, float]:
        """One update of the weights; returns loss, parts and accuracy over the whole batch."""
        rate = self.settings.rate((number - 1) * steps + step, self.work.epochs * steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batch = self.train[self.group.share(which)]
        share = len(batch) / len(which)
        keys = seeds(self.work.seed, items=batch.items)
        x = augmented(
            batch.x, self.domain, self.work.augment, seeds=keys.child("augmentation", number)
        )
        batch = replace(batch, x=x.to(self.device), y=batch.y.to(self.device))
        place = _Place(number, step, batch, keys.child("inputs", number))
        loss, values = self._loss(place, share)
        if not all(map(math.isfinite, values.values())):
            self._diverged(place, _listed(values))
        # Only the weights: the gradient to the input was taken where a term needed it.
        torch.autograd.backward(loss * share, inputs=self.parameters)
        self.group.sum_gradients(self.parameters)
        self._update(place, values)
        if self.average is not None:
            self.average.update(self.model, (number - 1) * steps + step)
        return values

    def _loss(self, place: _Place, share: float) -> tuple[Tensor, dict[str, float]]:
        """This process's loss with its graph, and numbers over the whole batch."""
        mixed = self.settings.precision == "bfloat16"
        try:
            with (
                self.group.synchronised(),
                torch.autocast(self.device.type, torch.bfloat16, enabled=mixed),
            ):
                x, y = place.batch.x, place.batch.y
                seen = self.work.objective.look(self.model, x, y, seeds=place.seeds)
                loss, parts = self.work.objective.weigh(seen)
        except InputError:
            if all(bool(torch.isfinite(p).all()) for p in self.parameters):
                raise
            self._diverged(place, "weights that are not finite")
        values = {"loss": float(loss.detach()), **{name: float(v) for name, v in parts.items()}}
        values |= _accuracy(seen)
        sums = self.group.total([value * share for value in values.values()], self.device)
        if self.group.size > 1:
            values = dict(zip(values, sums, strict=True))
        return loss, values

    def _update(self, place: _Place, values: Mapping[str, float]) -> None:
        """One step of the optimiser, if the gradient is finite."""
        norm = torch.nn.utils.get_total_norm(
            [p.grad for p in self.parameters if p.grad is not None]
        )
        if not torch.isfinite(norm):
            where = bad_gradient(self.model)
            self.optimizer.zero_grad()
            what = f"gradient norm {norm:g}, {_listed(values)}"
            self._diverged(place, what, None if where is None else f"gradient of {where}")
        if self.settings.gradient_clip is not None:
            torch.nn.utils.clip_grads_with_norm_(self.parameters, self.settings.gradient_clip, norm)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def _diverged(self, place: _Place, what: str, layer: str | None = None) -> NoReturn:
        """Raise the error of a step that left the finite numbers, and keep what reproduces it."""
        batch = place.batch
        if layer is None:
            found = bad_activation(self.model, batch.x, self.settings.batch_size)
            layer = None if found is None else f"output of layer {found}"
        items = batch.items.tolist()
        shown = ", ".join(map(str, items[:8])) + (", ..." if len(items) > 8 else "")
        where = "the losses" if layer is None else layer
        kept = "A checkpoint of earlier epochs, if any, is intact."
        if self.reproducer is not None and self.group.leads:
            path = self._failure(place, what, layer).save(self.reproducer)
            kept = f"{path} reproduces the step; a checkpoint of earlier epochs is intact."
        raise Diverged(
            f"Training left the finite numbers in epoch {place.epoch}, step {place.step + 1}, on "
            f"items {shown} ({len(items)} in all), first seen in {where}: {what}. Lower the "
            f"learning rate (now {self.settings.learning_rate:g}), set "
            f"Training(gradient_clip=1.0), or lower the weight of the largest term. {kept}"
        )

    def _failure(self, place: _Place, what: str, layer: str | None) -> Failure:
        """The failed step as tensors and plain data."""
        spec = getattr(self.model, "spec", None)
        about = {
            "epoch": place.epoch,
            "step": place.step + 1,
            "layer": layer,
            "what": what,
            "items": place.batch.items.tolist(),
            "seed": self.work.seed,
            "objective": repr(self.work.objective),
            "settings": repr(self.settings),
            "model": spec.record() if spec is not None else type(self.model).__qualname__,
            "torch": str(torch.__version__),
        }
        return Failure(
            model=self.model.state_dict(),
            x=place.batch.x,
            y=place.batch.y,
            items=place.batch.items,
            seeds=place.seeds,
            about=about,
        )

    def _measure(self, number: int) -> Measured:
        """What validation says after epoch ``number``."""
        found = measure(self.model, self.validation, self.work, self.group)
        loss = found.validation_loss
        if found.layer is not None or (loss is not None and not math.isfinite(loss)):
            keys = seeds(self.work.seed, items=self.validation.items).child("validation")
            layer = None if found.layer is None else f"output of layer {found.layer}"
            self._diverged(
                _Place(number, -1, self.validation, keys), f"validation loss {loss:g}", layer
            )
        return found

    def _improves(self, epoch: Epoch) -> bool:
        """Whether this epoch's weights are to be kept."""
        if self.settings.select == "last" or not self.best_epoch:
            return True
        best = self.epochs[self.best_epoch - 1]
        return _rank(epoch) > _rank(best)

    @property
    def done(self) -> bool:
        """Whether no epoch is left, or patience has run out."""
        waited = len(self.epochs) - self.best_epoch
        patience = self.settings.patience
        return len(self.epochs) >= self.work.epochs or (patience is not None and waited >= patience)


def _accuracy(seen: Pass) -> dict[str, float]:
    """Share of a pass classified right, where terms have looked at its logits anyway."""
    if "logits" not in vars(seen):
        return {}
    return {_RIGHT: float(rights(seen.logits, seen.y).double().mean())}


def _rank(epoch: Epoch) -> tuple[float, float]:
    """What selection sorts by: accuracy, then minus the loss."""
    if epoch.validation_accuracy is None or epoch.validation_loss is None:
        return 0.0, float(epoch.epoch)
    return epoch.validation_accuracy, -epoch.validation_loss


def _listed(values: Mapping[str, float]) -> str:
    """Numbers by name, in a sentence."""
    return ", ".join(f"{name} {value:g}" for name, value in values.items() if name != _RIGHT)
