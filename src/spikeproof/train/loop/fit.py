"""Train a model on an objective: repeatable, resumable, and blind to the test items."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import torch
from torch import nn

from spikeproof.base import (
    Lease,
    SettingError,
    check_gradients,
    check_labels,
    computing,
    device_of,
)
from spikeproof.data import Dataset
from spikeproof.models import home_of, on_device
from spikeproof.train.augment.registry import Augmentation
from spikeproof.train.keep.checkpoint import Checkpoint, identity
from spikeproof.train.keep.history import History
from spikeproof.train.keep.logs import JsonLines, Logger, peak_bytes
from spikeproof.train.keep.progress import TrainingProgress, reporting
from spikeproof.train.keep.state import progress_of, resume, tensors_of
from spikeproof.train.loop.job import Job
from spikeproof.train.loop.modes import training
from spikeproof.train.loop.parallel import Group
from spikeproof.train.loop.robust_validation import RobustValidation
from spikeproof.train.loop.run import Run
from spikeproof.train.loop.settings import TrainingSettings
from spikeproof.train.objective import Objective

__all__ = ["fit"]


def fit(
    model: nn.Module,
    data: Dataset,
    objective: Objective,
    *,
    epochs: int = 20,
    seed: int = 0,
    settings: TrainingSettings | None = None,
    augment: Sequence[Augmentation] = (),
    robust_validation: RobustValidation | None = None,
    directory: Path | str | None = None,
    progress: bool | TrainingProgress | None = None,
    loggers: Sequence[Logger] = (),
    device: str | torch.device | None = None,
) -> History:
    """Train ``model`` in place and leave it with the weights that did best on validation.

    The result depends on the arguments and the model's first weights only, not on torch's global
    generator. With a ``directory``, the whole state goes to ``training.safetensors`` there after
    every epoch, and the same call made again goes on from it: on a CPU an interrupted and resumed
    run ends with the same bytes as an unbroken one. Logs lie beside it: ``training.jsonl`` with
    every number, ``training.wall.jsonl`` with seconds and memory.

    Where ``torch.distributed`` is initialised (``torchrun``), every process calls this with the
    same arguments and takes its share of each batch; the losses are those of one process, up to
    rounding, but for draws that a layer takes from torch's generator itself (dropout).

    Args:
        model: Maps ``(N, *shape)`` to logits ``(N, K)``. A model in training mode keeps the
            layers its owner put in evaluation mode; afterwards every module has its mode back.
        data: ``train`` and ``validation`` are used; the test items stay sealed.
        objective: What is minimised.
        epochs: Passes over the training items, >= 1.
        seed: Decides order, random starts and the draws of dropout.
        settings: Optimiser, schedule and selection; ``TrainingSettings()`` by default.
        augment: Changes of the training items, drawn per item and epoch, in this order.
        robust_validation: Attacks on validation items after every epoch;
            ``TrainingSettings(select="union")`` or ``"robust"`` chooses by it.
        directory: Folder of the checkpoint and logs; None keeps nothing on disk. Needs
            registered terms.
        progress: A hook called with (epoch, epochs, numbers by name) after every epoch; True for
            a bar, False for silence, None for a bar where standard error is a terminal.
        loggers: Are called after every epoch and closed at the end, such as ``TensorBoard``.
        device: Where to compute, such as ``"cuda"``: on a copy, whose weights ``model`` is given at
            the end, where it is. The items stay where they are, a few batches at a time are there.
            Where the model is if absent.
    Returns:
        What happened, epoch by epoch.
    Raises:
        SettingError: nothing to train, no validation items to select on, a device that is not
            there, or ``directory`` holds another run.
        InputError: items outside the domain, not finite, or with labels outside the classes.
        FileProblem: the folder cannot be written or another process trains in it (found before
            training), the checkpoint in it is truncated, changed or not one, or the folder was
            renamed or removed meanwhile.
        Diverged: a loss, gradient or layer's output is not finite; names layer, step and items,
            leaves a file that reproduces it in ``directory`` (``load_failure``), and the model
            with the weights before that step.
    Cost: epochs x items x the objective's cost; per epoch one look at the validation items, up to
        256 of them once more, and the attacks on them.
    Example:
        >>> from spikeproof.data import DataSpec, Domain, Split
        >>> from spikeproof.train.terms.cross_entropy import CrossEntropy
        >>> x, y = torch.tensor([[0.1], [0.2], [0.8], [0.9]]), torch.tensor([0, 0, 1, 1])
        >>> split = Split(x, y, torch.arange(4))
        >>> spec = DataSpec(name="toy", version="1", classes=2, modality="audio", licence="CC0",
        ...                 source="by hand", sha256="")
        >>> data = Dataset(spec=spec, domain=Domain(kind="audio", shape=(1,)), train=split,
        ...                validation=split, sealed=split)
        >>> error = Objective({"error": (1.0, CrossEntropy())})
        >>> history = fit(nn.Linear(1, 2), data, error, epochs=30,
        ...               settings=TrainingSettings(learning_rate=0.5), progress=False)
        >>> history.best.validation_accuracy
        1.0
    """
    begun = time.perf_counter()
    work = Job(
        objective=objective,
        epochs=epochs,
        seed=seed,
        settings=settings or TrainingSettings(),
        augment=tuple(augment),
        robust_validation=robust_validation,
    )
    owner, model = model, on_device(model, None if device is None else device_of(device))
    _check(model, data, work)
    group = Group.current()
    held = Lease(directory, "training") if directory is not None and group.is_main else None
    there = _computed_there(owner, model)
    with held or nullcontext(), torch.enable_grad(), there, training(model):
        group.copy_weights(model)
        run = Run(model, data, work, group)
        store = _store(run, data, directory)
        log = None
        if store is not None and group.is_main:
            log = JsonLines(store.path.parent, run.epochs, run.device)
        heard = (*([log] if log else ()), *(loggers if group.is_main else ()))
        _train(run, store, heard, progress, held)
        model.load_state_dict(run.best)
    return History(
        epochs=tuple(run.epochs),
        best_epoch=run.best_epoch,
        parameters=sum(parameter.numel() for parameter in run.parameters),
        seconds=log.seconds if log else time.perf_counter() - begun,
        peak_bytes=log.peak if log else peak_bytes(run.device),
    )


@contextmanager
def _computed_there(owner: nn.Module, model: nn.Module) -> Iterator[None]:
    """Compute as the device of ``model`` does; its weights go to ``owner``, also after an error."""
    try:
        with computing(home_of(model)):
            yield
    finally:
        if owner is not model:
            owner.load_state_dict(model.state_dict())


def _train(
    run: Run,
    store: Checkpoint | None,
    loggers: Sequence[Logger],
    progress: bool | TrainingProgress | None,
    held: Lease | None,
) -> None:
    """Every epoch that is left: train it, keep it, tell of it."""
    shown = progress if run.group.is_main else False
    epochs = run.work.epochs
    try:
        with reporting(shown, len(run.epochs), epochs) as report:
            while not run.done:
                epoch = run.step_epoch()
                if held is not None:
                    held.check()  # someone may have moved the folder away meanwhile
                if store is not None and run.group.is_main:
                    store.save(tensors_of(run), progress_of(run))
                for logger in loggers:
                    logger.epoch(epoch, epochs)
                report(epoch, epochs)
    finally:
        for logger in loggers:
            logger.close()


def _store(run: Run, data: Dataset, directory: Path | str | None) -> Checkpoint | None:
    """The checkpoint of a run that has a folder, with the run put where it left off."""
    if directory is None:
        return None
    weights = sum(t.numel() * t.element_size() for t in run.model.state_dict().values())
    copies = 4 + (run.average is not None) + 2 * (run.clean is not None)
    who = identity(run.model, data, run.work)
    needed = copies * weights + 2**20 if run.group.is_main else 0
    store = Checkpoint(directory, who, needed, data.domain)
    run.group.wait()
    state = store.load()
    if state is not None:
        resume(run, *state, where=str(store.path))
    run.group.wait()  # before the first process writes the next one
    run.reproducer = store.path.parent
    return store


def _check(model: nn.Module, data: Dataset, work: Job) -> None:
    """Refuse what cannot be trained, before any work is done."""
    check_gradients("fit", model.parameters())
    trained = [p for p in model.parameters() if p.requires_grad]
    if not trained:
        raise SettingError(
            "fit: no parameter of the model requires grad, so there is nothing to train; call "
            "model.requires_grad_(True)."
        )
    work.check(data, trained[0].device.type)
    if not len(data.train):
        raise SettingError("fit: the training split is empty.")
    for name in ("train", "validation"):
        split = getattr(data, name)
        if len(split):
            data.domain.check(split.x, f"data.{name}.x")
            check_labels(split.y, data.spec.classes, len(split.x))
