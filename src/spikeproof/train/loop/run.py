"""The state of a training run and one epoch of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import NoReturn

import torch
from torch import Tensor, nn

from spikeproof.base import Diverged, InputError, seeds
from spikeproof.data import Dataset
from spikeproof.train.hooks.hook import Moment, asks_for_natural
from spikeproof.train.hooks.update_norms import Shift, followed, mean_shift
from spikeproof.train.inputs.base import Memory
from spikeproof.train.keep.failure import failed
from spikeproof.train.keep.history import Epoch
from spikeproof.train.loop.average import Average
from spikeproof.train.loop.clean_model import Natural
from spikeproof.train.loop.job import Assignment
from spikeproof.train.loop.loader import Feed
from spikeproof.train.loop.modes import randomness
from spikeproof.train.loop.parallel import Group
from spikeproof.train.loop.step import Place
from spikeproof.train.loop.validate import Measured, measure, rights
from spikeproof.train.loop.watch import Tally, bad_activation, bad_gradient, warnings_of
from spikeproof.train.terms.forward import Pass

__all__ = ["Run"]

# Under which the accuracy of a step travels among the terms, none of which can be called this.
_RIGHT = ""


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
        self.train, self.validation = data.train, data.validation
        self.work, self.settings = work, work.settings
        self.group = group or Group()
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.device = self.parameters[0].device
        self.feed = Feed(
            items=data.train,
            domain=data.domain,
            augment=work.augment,
            seed=work.seed,
            epochs=work.epochs,
            device=self.device,
        )
        self.optimizer = self.settings.make_optimizer(self.parameters)
        share = self.settings.average
        self.average = None if share is None else Average(model, share)
        asked = any(map(asks_for_natural, work.objective.rules))
        self.natural = Natural(model, self.settings) if asked else None
        self.epochs: list[Epoch] = []
        self.shifts: list[Shift] = []
        self.best_epoch = 0
        self.best: dict[str, Tensor] = {}
        self.memory: Memory = {}
        self.reproducer: Path | None = None

    def step_epoch(self) -> Epoch:
        """Train one epoch, measure, and keep the weights if they are the best so far."""
        number, tally = len(self.epochs) + 1, Tally()
        self.shifts = []
        apart = (self.group.rank,) if self.group.size > 1 else ()
        with ExitStack() as scopes:
            scopes.enter_context(
                randomness(self.work.seed, "epoch", number, *apart, device=self.device)
            )
            scopes.enter_context(tally.counting(self.model))
            order = self.order(number)
            sums: dict[str, float] = {}
            mine = [self.group.share(which) for which in order]
            for which, place in zip(order, self.feed.places(number, mine), strict=True):
                for name, value in self.step(place, which).items():
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
            shift=mean_shift(self.shifts),
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

    def step(self, place: Place, which: Tensor) -> dict[str, float]:
        """One update of the weights; returns loss, parts and accuracy over the whole batch.

        The whole batch are the items at ``which``, of which ``place`` holds this process's share.
        """
        rate = self.settings.rate(place.taken, self.work.epochs * place.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        if self.natural is not None and place.step == 0:
            self.natural.begin(self.model)
        share = len(place.batch) / len(which)
        seen, loss, values = self._loss(place, share)
        if not all(map(math.isfinite, values.values())):
            self._diverged(place, _listed(values))
        # Only the weights: the gradient to the input was taken where a term needed it.
        torch.autograd.backward(loss * share, inputs=self.parameters)
        self.group.sum_gradients(self.parameters)
        if self.work.objective.rules:
            # Every process sees the whole batch here, and does the same to its gradients.
            at = (place.epoch, place.step)
            whole = place if share == 1 else self.feed.place(*at, place.steps, which)
            with randomness(self.work.seed, "rules", *at, device=self.device):
                moment = whole.moment(self.model, self.work.objective.inputs, self.natural)
                self._update(place, values, moment)
            self.group.copy_weights(self.model)
        else:
            self._update(place, values, place.moment(self.model, self.work.objective.inputs))
        self._learn(seen, place)
        if self.average is not None:
            self.average.update(self.model, place.taken)
        return values

    def _learn(self, seen: Pass, place: Place) -> None:
        """Let inputs remember the step; what all processes saw is remembered by each."""
        before = dict(self.memory)
        self.work.objective.learn(seen, seeds=place.seeds, memory=self.memory)
        self.memory = self.group.pooled(before, self.memory, self.device)

    def _loss(self, place: Place, share: float) -> tuple[Pass, Tensor, dict[str, float]]:
        """This process's pass, its loss with its graph, and numbers over the whole batch."""
        mixed = self.settings.precision == "bfloat16"
        try:
            with (
                self.group.synchronised(),
                torch.autocast(self.device.type, torch.bfloat16, enabled=mixed),
            ):
                seen = self.work.objective.look(
                    self.model,
                    place.batch.x,
                    place.batch.y,
                    seeds=place.seeds,
                    memory=self.memory,
                    progress=place.progress,
                )
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
        return seen, loss, values

    def _update(self, place: Place, values: Mapping[str, float], moment: Moment) -> None:
        """One step of the optimiser, if the gradient is finite, and what rules do beside it."""
        for rule in moment.due(self.work.objective.rules, stepped=False):
            rule(moment)
        norm = self.settings.clip(self.parameters)
        if not torch.isfinite(norm):
            where = bad_gradient(self.model)
            self.optimizer.zero_grad()
            what = f"gradient norm {norm:g}, {_listed(values)}"
            self._diverged(place, what, None if where is None else f"gradient of {where}")
        if self.natural is not None:
            norm = self.natural.step(moment, self.optimizer.param_groups[0]["lr"])
            if not torch.isfinite(norm):
                self.optimizer.zero_grad()
                what = f"gradient norm {norm:g}, {_listed(values)}"
                self._diverged(place, what, "the gradient of the natural model")
        found = followed(moment, self.optimizer, self.work.objective.rules)
        self.shifts += [] if found is None else [found]

    def _diverged(self, place: Place, what: str, layer: str | None = None) -> NoReturn:
        """Raise the error of a step that left the finite numbers, and keep what reproduces it."""
        batch = place.batch
        if layer is None:
            found = bad_activation(self.model, batch.x, self.settings.batch_size, place.seeds)
            layer = None if found is None else f"output of layer {found}"
        items = batch.items.tolist()
        shown = ", ".join(map(str, items[:8])) + (", ..." if len(items) > 8 else "")
        where = "the losses" if layer is None else layer
        kept = "A checkpoint of earlier epochs, if any, is intact."
        if self.reproducer is not None and self.group.leads:
            failure = failed(
                self.model,
                self.work,
                place,
                self.memory,
                natural={} if self.natural is None else self.natural.tensors,
                what=what,
                layer=layer,
            )
            path = failure.save(self.reproducer)
            kept = f"{path} reproduces the step; a checkpoint of earlier epochs is intact."
        raise Diverged(
            f"Training left the finite numbers in epoch {place.epoch}, step {place.step + 1}, on "
            f"items {shown} ({len(items)} in all), first seen in {where}: {what}. Lower the "
            f"learning rate (now {self.settings.learning_rate:g}), set "
            f"Training(gradient_clip=1.0), or lower the weight of the largest term. {kept}"
        )

    def _measure(self, number: int) -> Measured:
        """What validation says after epoch ``number``."""
        found = measure(self.model, self.validation, self.work, self.group)
        loss = found.validation_loss
        if found.layer is not None or (loss is not None and not math.isfinite(loss)):
            keys = seeds(self.work.seed, items=self.validation.items).child("validation")
            layer = None if found.layer is None else f"output of layer {found.layer}"
            done = number / self.work.epochs
            place = Place(epoch=number, step=-1, batch=self.validation, seeds=keys, progress=done)
            self._diverged(place, f"validation loss {loss:g}", layer)
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
