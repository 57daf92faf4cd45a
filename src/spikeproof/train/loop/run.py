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
from spikeproof.train.hooks.hook import asks_for_clean_model, due
from spikeproof.train.hooks.update_norms import UpdateNorms, mean_norms, step_and_apply
from spikeproof.train.inputs.base import Memory
from spikeproof.train.keep.failure import failed
from spikeproof.train.keep.history import Epoch
from spikeproof.train.loop.average import WeightAverage
from spikeproof.train.loop.clean_model import CleanModel
from spikeproof.train.loop.job import Job
from spikeproof.train.loop.loader import Loader
from spikeproof.train.loop.modes import randomness
from spikeproof.train.loop.parallel import Group
from spikeproof.train.loop.step import Step
from spikeproof.train.loop.validate import Measured, rights, validate
from spikeproof.train.loop.watch import PassCounter, bad_activation, bad_gradient, warnings_of
from spikeproof.train.terms.forward import Forward

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
        self, model: nn.Module, data: Dataset, work: Job, group: Group | None = None
    ) -> None:
        self.model = model
        self.train, self.validation = data.train, data.validation
        self.work, self.settings = work, work.settings
        self.group = group or Group()
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.device = self.parameters[0].device
        self.optimizer = self.settings.make_optimizer(self.parameters)
        share = self.settings.average
        self.average = None if share is None else WeightAverage(model, share)
        asked = any(map(asks_for_clean_model, work.objective.hooks))
        self.clean = CleanModel(model, self.settings) if asked else None
        self.loader = Loader(
            model=model,
            items=data.train,
            domain=data.domain,
            augment=work.augment,
            seed=work.seed,
            epochs=work.epochs,
            device=self.device,
            inputs=work.objective.inputs,
            clean=self.clean,
        )
        self.epochs: list[Epoch] = []
        self.norms: list[UpdateNorms] = []
        self.best_epoch = 0
        self.best: dict[str, Tensor] = {}
        self.memory: Memory = {}
        self.reproducer: Path | None = None

    def step_epoch(self) -> Epoch:
        """Train one epoch, measure, and keep the weights if they are the best so far."""
        number, counter = len(self.epochs) + 1, PassCounter()
        self.norms = []
        apart = (self.group.rank,) if self.group.size > 1 else ()
        with ExitStack() as scopes:
            scopes.enter_context(
                randomness(self.work.seed, "epoch", number, *apart, device=self.device)
            )
            scopes.enter_context(counter.counting(self.model))
            order = self.order(number)
            sums: dict[str, float] = {}
            mine = [self.group.share(idx) for idx in order]
            for idx, step in zip(order, self.loader.steps(number, mine), strict=True):
                for name, value in self.step(step, idx).items():
                    sums[name] = sums.get(name, 0.0) + value * len(idx)
            if self.average is not None and self.settings.keep == "average":
                scopes.enter_context(self.average.inside(self.model))
            measured = self._measure(number)
            epoch = self._epoch(number, len(order), sums, measured, counter)
            self.epochs.append(epoch)
            if self._improves(epoch):
                self.best_epoch = number
                self.best = {n: t.detach().clone() for n, t in self.model.state_dict().items()}
        return epoch

    def _epoch(
        self,
        number: int,
        steps: int,
        sums: Mapping[str, float],
        measured: Measured,
        counter: PassCounter,
    ) -> Epoch:
        """The entry of an epoch that was trained and measured."""
        means = {name: value / len(self.train) for name, value in sums.items()}
        forward, backward = self.group.total([counter.forward, counter.backward], self.device)
        fields = {name: value for name, value in asdict(measured).items() if name != "layer"}
        epoch = Epoch(
            epoch=number,
            loss=means.pop("loss"),
            training_accuracy=means.pop(_RIGHT, None),
            parts=means,
            learning_rate=self.settings.rate((number - 1) * steps, self.work.epochs * steps),
            forward=int(forward),
            backward=int(backward),
            shift=mean_norms(self.norms),
            **fields,
        )
        items = len(self.validation)
        if self.work.robust_validation is not None:
            items = min(items, self.work.robust_validation.items or items)
        return replace(epoch, warnings=warnings_of(epoch, self.epochs, items))

    def order(self, number: int) -> list[Tensor]:
        """Batches of positions in the training split; equal sizes, give or take one."""
        keys = seeds(self.work.seed, items=self.train.items).child("order", number).bits((1,))
        shuffled = torch.argsort(keys[:, 0], stable=True)
        order = shuffled.tensor_split(math.ceil(len(shuffled) / self.settings.batch_size))
        self.group.check(len(order[-1]))
        return list(order)

    def step(self, step: Step, idx: Tensor) -> dict[str, float]:
        """One update of the weights; returns loss, parts and accuracy over the whole batch.

        The whole batch are the items at ``idx``, of which ``step`` holds this process's share.
        """
        rate = self.settings.rate(step.taken, self.work.epochs * step.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        if self.clean is not None and step.index == 0:
            self.clean.begin(self.model)
        share = len(step.y) / len(idx)
        forward, loss, values = self._loss(step, share)
        if not all(map(math.isfinite, values.values())):
            self._diverged(step, _named_values(values))
        # Only the weights: the gradient to the input was taken where a term needed it.
        torch.autograd.backward(loss * share, inputs=self.parameters)
        self.group.sum_gradients(self.parameters)
        if self.work.objective.hooks:
            # Every process sees the whole batch here, and does the same to its gradients.
            at = (step.epoch, step.index)
            full = step if share == 1 else self.loader.step(*at, step.steps, idx)
            # The label decides the draws, so it stays.
            with randomness(self.work.seed, "rules", *at, device=self.device):
                self._update(step, values, full)
            self.group.copy_weights(self.model)
        else:
            self._update(step, values, step)
        self._learn(forward, step)
        if self.average is not None:
            self.average.update(self.model, step.taken)
        return values

    def _learn(self, forward: Forward, step: Step) -> None:
        """Let inputs remember the step; what all processes saw is remembered by each."""
        before = dict(self.memory)
        self.work.objective.learn(forward, seeds=step.seeds, memory=self.memory)
        self.memory = self.group.all_reduce_counts(before, self.memory, self.device)

    def _loss(self, step: Step, share: float) -> tuple[Forward, Tensor, dict[str, float]]:
        """This process's pass, its loss with its graph, and numbers over the whole batch."""
        mixed = self.settings.precision == "bfloat16"
        try:
            with (
                self.group.synchronised(),
                torch.autocast(self.device.type, torch.bfloat16, enabled=mixed),
            ):
                forward = self.work.objective.look(
                    self.model,
                    step.x,
                    step.y,
                    seeds=step.seeds,
                    memory=self.memory,
                    progress=step.progress,
                )
                loss, parts = self.work.objective.weigh(forward)
        except InputError:
            if all(bool(torch.isfinite(p).all()) for p in self.parameters):
                raise
            self._diverged(step, "weights that are not finite")
        values = {"loss": float(loss.detach()), **{name: float(v) for name, v in parts.items()}}
        values |= _accuracy(forward)
        sums = self.group.total([value * share for value in values.values()], self.device)
        if self.group.size > 1:
            values = dict(zip(values, sums, strict=True))
        return forward, loss, values

    def _update(self, step: Step, values: Mapping[str, float], full: Step) -> None:
        """One step of the optimiser, if the gradient is finite, and what hooks do beside it."""
        for hook in due(self.work.objective.hooks, full, stepped=False):
            hook(full)
        norm = self.settings.clip(self.parameters)
        if not torch.isfinite(norm):
            where = bad_gradient(self.model)
            self.optimizer.zero_grad()
            what = f"gradient norm {norm:g}, {_named_values(values)}"
            self._diverged(step, what, None if where is None else f"gradient of {where}")
        if self.clean is not None:
            norm = self.clean.update(full, self.optimizer.param_groups[0]["lr"])
            if not torch.isfinite(norm):
                self.optimizer.zero_grad()
                what = f"gradient norm {norm:g}, {_named_values(values)}"
                self._diverged(step, what, "the gradient of the clean model")
        norms = step_and_apply(full, self.optimizer, self.work.objective.hooks)
        self.norms += [] if norms is None else [norms]

    def _diverged(self, step: Step, what: str, layer: str | None = None) -> NoReturn:
        """Raise the error of a step that became non-finite, and keep what reproduces it."""
        if layer is None:
            bad = bad_activation(self.model, step.x, self.settings.batch_size, step.seeds)
            layer = None if bad is None else f"output of layer {bad}"
        items = step.items.tolist()
        shown = ", ".join(map(str, items[:8])) + (", ..." if len(items) > 8 else "")
        where = "the losses" if layer is None else layer
        kept = "A checkpoint of earlier epochs, if any, is intact."
        if self.reproducer is not None and self.group.is_main:
            failure = failed(
                self.model,
                self.work,
                step,
                self.memory,
                clean={} if self.clean is None else self.clean.tensors,
                what=what,
                layer=layer,
            )
            path = failure.save(self.reproducer)
            kept = f"{path} reproduces the step; a checkpoint of earlier epochs is intact."
        raise Diverged(
            f"Training became NaN or infinite in epoch {step.epoch}, step {step.index + 1}, on "
            f"items {shown} ({len(items)} in all), first seen in {where}: {what}. Lower the "
            f"learning rate (now {self.settings.learning_rate:g}), set "
            f"TrainingSettings(gradient_clip=1.0), or lower the weight of the largest term. {kept}"
        )

    def _measure(self, number: int) -> Measured:
        """What validation says after epoch ``number``."""
        measured = validate(self.model, self.validation, self.work, self.group)
        loss = measured.validation_loss
        if measured.layer is not None or (loss is not None and not math.isfinite(loss)):
            keys = seeds(self.work.seed, items=self.validation.items).child("validation")
            layer = None if measured.layer is None else f"output of layer {measured.layer}"
            done = number / self.work.epochs
            where = {"epoch": number, "index": -1, "progress": done}
            step = Step.on(self.validation, model=self.model, seeds=keys, **where)
            self._diverged(step, f"validation loss {loss:g}", layer)
        return measured

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


def _accuracy(forward: Forward) -> dict[str, float]:
    """Share of a pass classified right, where terms have looked at its logits anyway."""
    if "logits" not in vars(forward):
        return {}
    return {_RIGHT: float(rights(forward.logits, forward.y).double().mean())}


def _rank(epoch: Epoch) -> tuple[float, float]:
    """What selection sorts by: accuracy, then minus the loss."""
    if epoch.validation_accuracy is None or epoch.validation_loss is None:
        return 0.0, float(epoch.epoch)
    return epoch.validation_accuracy, -epoch.validation_loss


def _named_values(values: Mapping[str, float]) -> str:
    """Numbers by name, in a sentence."""
    return ", ".join(f"{name} {value:g}" for name, value in values.items() if name != _RIGHT)
