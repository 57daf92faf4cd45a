"""How well a model does on the validation items after an epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from spikeproof.base import Seeds, seeds
from spikeproof.data import Split
from spikeproof.models import evaluating
from spikeproof.neurons import drawing
from spikeproof.threats import Misclassification
from spikeproof.train.loop.job import Job
from spikeproof.train.loop.parallel import Group
from spikeproof.train.loop.watch import inspected

__all__ = ["Measured", "rights", "validate"]

# Items that the layers are watched on; enough to tell dead from quiet, too few to cost much.
_WATCHED = 256


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured on validation items; the fields are those of ``Epoch``.

    Args:
        validation_accuracy: Under the inputs that selection names.
        validation_loss: The objective's.
        clean_accuracy: On unperturbed items.
        robust: Share that stands, by threat of the robust validation.
        union: Share that stands under all of them.
        firing: Firing rate by spiking layer.
        layer: First layer that gave numbers that are not finite.
    """

    validation_accuracy: float | None = None
    validation_loss: float | None = None
    clean_accuracy: float | None = None
    robust: dict[str, float] = field(default_factory=dict)
    union: float | None = None
    firing: dict[str, float] = field(default_factory=dict)
    layer: str | None = None


def validate(model: nn.Module, split: Split, work: Job, group: Group) -> Measured:
    """Measure a model in evaluation mode; every process of the group takes its share of batches."""
    if not len(split):
        return Measured()
    device = next(model.parameters()).device
    with evaluating(model):
        sums = group.total(_objective(model, split, work, group), device)
        few, size = split[:_WATCHED], work.settings.batch_size
        firing, layer = inspected(model, few.x, size, _keys(few, work))
        finite = layer is None and math.isfinite(sums[1])
        standing = group.total(_robust(model, split, work, group), device) if finite else []
    count = len(split)
    accuracy, loss, unperturbed = (value / count for value in sums)
    robust: dict[str, float] = {}
    union = None
    if work.robust_validation is not None and standing:
        items = min(count, work.robust_validation.items or count)
        *each, union = (value / items for value in standing)
        robust = dict(zip(work.robust_validation.names, each, strict=True))
        if work.settings.select == "robust":
            accuracy = sum(each) / len(each)
        elif work.settings.select == "union":
            accuracy = union
    return Measured(
        validation_accuracy=accuracy,
        validation_loss=loss,
        clean_accuracy=unperturbed,
        robust=robust,
        union=union,
        firing=firing,
        layer=layer,
    )


def _objective(model: nn.Module, split: Split, work: Job, group: Group) -> list[float]:
    """Right answers, summed loss, and right answers on clean items, over this process's share."""
    # What selection looks at: the objective's own inputs, or clean ones.
    judged = work.objective.judged
    if work.settings.select != "objective":
        judged = replace(judged, inputs=None)
    right, total, clean = 0.0, 0.0, 0.0
    for batch, keys in _batches(split, work, group):
        x, y = _placed(batch, model)
        forward = judged.look(model, x, y, seeds=keys)
        loss, _ = judged.weigh(forward)
        weight = len(y) / len(forward.y)  # several attacked copies of an item count as one
        total += float(loss.detach()) * len(y)
        right += float(rights(forward.logits, forward.y).sum()) * weight
        if judged.inputs is not None:
            with torch.no_grad(), drawing(keys.child("network")):
                clean += float(rights(model(x), y).sum())
    return [right, total, right if judged.inputs is None else clean]


def _robust(model: nn.Module, split: Split, work: Job, group: Group) -> list[float]:
    """How many items stand under each threat and under all, over this process's share."""
    if work.robust_validation is None:
        return []
    counts = [0.0] * (len(work.robust_validation.threats) + 1)
    for batch, keys in _batches(split[: work.robust_validation.items], work, group):
        attack_keys = keys.child("exam")  # the label decides the draws, so it stays
        stands = work.robust_validation(model, *_placed(batch, model), seeds=attack_keys)
        rows = torch.stack(list(stands.values()))
        for number, row in enumerate((*rows, rows.all(0))):
            counts[number] += float(row.sum())
    return counts


def _batches(split: Split, work: Job, group: Group) -> Iterator[tuple[Split, Seeds]]:
    """This process's batches, with keys that are the same every epoch, so that epochs compare."""
    size = work.settings.batch_size
    for start in range(group.rank * size, len(split), group.size * size):
        batch = split[start : start + size]
        yield batch, _keys(batch, work)


def _keys(split: Split, work: Job) -> Seeds:
    """One key per validation item, the same every epoch."""
    return seeds(work.seed, items=split.items).child("validation")


def _placed(batch: Split, model: nn.Module) -> tuple[Tensor, Tensor]:
    """Inputs and labels where the model is."""
    device = next(model.parameters()).device
    return batch.x.to(device), batch.y.to(device)


def rights(logits: Tensor, y: Tensor) -> Tensor:
    """Which items are classified right, bool ``(N,)``; a tie is wrong, and so is a NaN."""
    finite = torch.isfinite(logits).all(1)
    return (Misclassification(y).margin(logits.detach().nan_to_num()) <= 0) & finite
