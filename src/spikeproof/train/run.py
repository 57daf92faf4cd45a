"""The state of a training run and one epoch of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from spikeproof.base import Diverged, FileProblem, InputError, Seeds, seeds
from spikeproof.data import Dataset, Split
from spikeproof.threats import Goal
from spikeproof.train.crafting import Memory
from spikeproof.train.history import Epoch
from spikeproof.train.modes import evaluating, randomness
from spikeproof.train.moment import Moment
from spikeproof.train.objective import Objective
from spikeproof.train.settings import Training

__all__ = ["Run"]


class Run:
    """A model in training: weights, optimiser, what happened so far, the best weights.

    Args:
        model: In training mode.
        data: Only ``train`` and ``validation`` are looked at.
        objective: What is minimised.
        epochs: How many there will be.
        seed: Decides order, random starts and the draws of dropout.
        settings: Optimiser, schedule and selection.
    """

    def __init__(
        self,
        model: nn.Module,
        data: Dataset,
        objective: Objective,
        *,
        epochs: int,
        seed: int,
        settings: Training,
    ) -> None:
        self.model = model
        self.train, self.validation = data.train, data.validation
        self.objective = objective
        # What selection looks at: the objective's own inputs, or clean ones.
        self.judged = objective.judged
        if settings.select != "objective":
            self.judged = replace(self.judged, inputs=None)
        self.total = epochs
        self.seed = seed
        self.settings = settings
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.device = self.parameters[0].device
        self.optimizer = settings.make_optimizer(self.parameters)
        self.epochs: list[Epoch] = []
        self.best_epoch = 0
        self.best: dict[str, Tensor] = {}
        self.memory: Memory = {}

    def step_epoch(self) -> Epoch:
        """Train one epoch, measure, and keep the weights if they are the best so far."""
        number = len(self.epochs) + 1
        with randomness(self.seed, "epoch", number, device=self.device):
            order = self._order(number)
            sums: dict[str, float] = {}
            for step, which in enumerate(order):
                for name, value in self._step(number, step, len(order), which).items():
                    sums[name] = sums.get(name, 0.0) + value * len(which)
            accuracy, loss, clean = self._measure(number)
        means = {name: value / len(self.train) for name, value in sums.items()}
        epoch = Epoch(
            epoch=number,
            loss=means.pop("loss"),
            parts=means,
            learning_rate=self.settings.rate((number - 1) * len(order), self.total * len(order)),
            validation_accuracy=accuracy,
            validation_loss=loss,
            clean_accuracy=clean,
        )
        self.epochs.append(epoch)
        if self._improves(epoch):
            self.best_epoch = number
            self.best = {name: t.detach().clone() for name, t in self.model.state_dict().items()}
        return epoch

    def _order(self, number: int) -> list[Tensor]:
        """Batches of positions in the training split; equal sizes, give or take one."""
        keys = seeds(self.seed, items=self.train.items).child("order", number).bits((1,))[:, 0]
        shuffled = torch.argsort(keys, stable=True)
        return list(shuffled.tensor_split(math.ceil(len(shuffled) / self.settings.batch_size)))

    def _step(self, number: int, step: int, steps: int, which: Tensor) -> dict[str, float]:
        """One update of the weights; returns loss and parts."""
        done, total = (number - 1) * steps + step, self.total * steps
        rate = self.settings.rate(done, total)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batch = self.train[which]
        moment = self._moment(batch, epoch=number, step=step, last=step == steps - 1)
        x, y, keys = moment.x, moment.y, moment.seeds
        try:
            loss, parts = self.objective(
                self.model, x, y, seeds=keys, memory=self.memory, progress=done / total
            )
        except InputError:
            if all(bool(torch.isfinite(p).all()) for p in self.parameters):
                raise
            raise self._diverged(number, step, batch, "weights that are not finite") from None
        values = {"loss": float(loss.detach()), **{name: float(v) for name, v in parts.items()}}
        if not all(map(math.isfinite, values.values())):
            raise self._diverged(number, step, batch, _listed(values))
        # Only the weights: the gradient to the input was taken where a term needed it.
        torch.autograd.backward(loss, inputs=self.parameters)
        self.objective.before_step(moment)
        norm = torch.nn.utils.get_total_norm(
            [p.grad for p in self.parameters if p.grad is not None]
        )
        if not torch.isfinite(norm):
            self.optimizer.zero_grad()
            raise self._diverged(number, step, batch, f"gradient norm {norm:g}, {_listed(values)}")
        if self.settings.gradient_clip is not None:
            torch.nn.utils.clip_grads_with_norm_(self.parameters, self.settings.gradient_clip, norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.objective.after_step(moment)
        return values

    def _moment(self, batch: Split, *, epoch: int, step: int, last: bool) -> Moment:
        """What rules see of a step."""
        x, y = self._placed(batch)
        keys = seeds(self.seed, items=batch.items).child("inputs", epoch)
        return Moment(
            model=self.model,
            x=x,
            y=y,
            seeds=keys,
            inputs=self.objective.inputs,
            epoch=epoch,
            step=step,
            last=last,
        )

    def _placed(self, batch: Split) -> tuple[Tensor, Tensor]:
        """Inputs and labels where the model is."""
        return batch.x.to(self.device), batch.y.to(self.device)

    def _diverged(self, number: int, step: int, batch: Split, what: str) -> Diverged:
        """The error for a step that left the finite numbers."""
        items = batch.items.tolist()
        shown = ", ".join(map(str, items[:8])) + (", ..." if len(items) > 8 else "")
        return Diverged(
            f"Training left the finite numbers in epoch {number}, step {step + 1}, on items "
            f"{shown} ({len(items)} in all): {what}. Lower the learning rate (now "
            f"{self.settings.learning_rate:g}), set Training(gradient_clip=1.0), or lower the "
            "weight of the largest term. A checkpoint of earlier epochs, if any, is intact."
        )

    def _measure(self, number: int) -> tuple[float | None, float | None, float | None]:
        """Validation accuracy, validation loss, clean validation accuracy."""
        if not len(self.validation):
            return None, None, None
        right, clean_right, total = 0, 0, 0.0
        with evaluating(self.model):
            for start in range(0, len(self.validation), self.settings.batch_size):
                batch = self.validation[start : start + self.settings.batch_size]
                x, y = self._placed(batch)
                seen = self.judged.look(self.model, x, y, seeds=self._fixed(batch))
                loss, _ = self.judged.weigh(seen)
                total += float(loss.detach()) * len(y)
                right += _right(seen.logits, y)
                if self.judged.inputs is not None:
                    with torch.no_grad():
                        clean_right += _right(self.model(x), y)
        if not math.isfinite(total):
            raise self._diverged(number, -1, self.validation, f"validation loss {total:g}")
        count = len(self.validation)
        clean = right if self.judged.inputs is None else clean_right
        return right / count, total / count, clean / count

    def _fixed(self, batch: Split) -> Seeds:
        """Keys of validation items: the same every epoch, so that epochs compare."""
        return seeds(self.seed, items=batch.items).child("validation")

    def _improves(self, epoch: Epoch) -> bool:
        """Whether this epoch's weights are to be kept."""
        if self.settings.select == "last" or not self.best_epoch:
            return True
        best = self.epochs[self.best_epoch - 1]
        return _rank(epoch) > _rank(best)

    def tensors(self) -> dict[str, Tensor]:
        """Weights, best weights and the optimiser's state, by name."""
        out = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        out |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        out |= {f"memory.{name}": tensor for name, tensor in self.memory.items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            for name, value in state.items():
                if isinstance(value, Tensor):
                    out[f"optimizer.{index}.{name}"] = value
        return out

    def progress(self) -> dict[str, Any]:
        """What happened so far, as plain data."""
        return {"best_epoch": self.best_epoch, "epochs": [asdict(epoch) for epoch in self.epochs]}

    def resume(
        self, tensors: Mapping[str, Tensor], progress: Mapping[str, Any], where: str
    ) -> None:
        """Take over the state that ``tensors`` and ``progress`` described."""
        try:
            self.epochs = [Epoch(**epoch) for epoch in progress["epochs"]]
            self.best_epoch = int(progress["best_epoch"])
            self.model.load_state_dict(_under("model.", tensors))
            self.best = {name: t.to(self.device) for name, t in _under("best.", tensors).items()}
            self.memory = _under("memory.", tensors)
            state: dict[int, dict[str, Tensor]] = {}
            for key, tensor in _under("optimizer.", tensors).items():
                index, name = key.split(".", 1)
                state.setdefault(int(index), {})[name] = tensor
            groups = self.optimizer.state_dict()["param_groups"]
            self.optimizer.load_state_dict({"state": cast(Any, state), "param_groups": groups})
        except (KeyError, TypeError, ValueError, RuntimeError) as problem:
            raise FileProblem(
                f"{where} does not hold a whole training state ({problem}). Delete it to train "
                "from the start, or restore it from a copy."
            ) from None

    @property
    def done(self) -> bool:
        """Whether no epoch is left."""
        return len(self.epochs) >= self.total


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose name starts with ``prefix``, without it."""
    return {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}


def _right(logits: Tensor, y: Tensor) -> int:
    """How many items are classified right; a tie is wrong, as everywhere."""
    return int((Goal(y).margin(logits.detach()) <= 0).sum())


def _rank(epoch: Epoch) -> tuple[float, float]:
    """What selection sorts by: accuracy, then minus the loss."""
    if epoch.validation_accuracy is None or epoch.validation_loss is None:
        return 0.0, float(epoch.epoch)
    return epoch.validation_accuracy, -epoch.validation_loss


def _listed(values: Mapping[str, float]) -> str:
    """Numbers by name, in a sentence."""
    return ", ".join(f"{name} {value:g}" for name, value in values.items())
