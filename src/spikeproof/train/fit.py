"""Train a model on an objective: repeatable, resumable, and blind to the test items."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from torch import nn

from spikeproof.base import SettingError, check_labels
from spikeproof.data import Dataset
from spikeproof.train.checkpoint import Checkpoint, identity
from spikeproof.train.history import History
from spikeproof.train.modes import training
from spikeproof.train.objective import Objective
from spikeproof.train.progress import Hook, reporting
from spikeproof.train.run import Run
from spikeproof.train.settings import Training

__all__ = ["fit"]


def fit(
    model: nn.Module,
    data: Dataset,
    objective: Objective,
    *,
    epochs: int = 20,
    seed: int = 0,
    settings: Training | None = None,
    directory: Path | str | None = None,
    progress: bool | Hook | None = None,
) -> History:
    """Train ``model`` in place and leave it with the weights that did best on validation.

    The result depends on the arguments and the model's first weights only, not on torch's global
    generator. With a ``directory``, the whole state goes to ``training.safetensors`` there after
    every epoch, and the same call made again goes on from it: on a CPU an interrupted and resumed
    run ends with the same bytes as an unbroken one.

    Args:
        model: Maps ``(N, *shape)`` to logits ``(N, K)``. A model in training mode keeps the
            layers its owner put in evaluation mode; afterwards every module has its mode back.
        data: ``train`` and ``validation`` are used; the test items stay sealed.
        objective: What is minimised.
        epochs: Passes over the training items, >= 1.
        seed: Decides order, random starts and the draws of dropout.
        settings: Optimiser, schedule and selection; ``Training()`` by default.
        directory: Folder of the checkpoint; None keeps nothing on disk. Needs registered terms.
        progress: A hook called with (epoch, epochs, numbers by name) after every epoch; True for
            a bar, False for silence, None for a bar where standard error is a terminal.
    Returns:
        What happened, epoch by epoch.
    Raises:
        SettingError: nothing to train, no validation items to select on, or ``directory`` holds
            another run.
        InputError: items outside the domain, not finite, or with labels outside the classes.
        FileProblem: the folder cannot be written (found before training), or the checkpoint in
            it is truncated, changed or not one.
        Diverged: a loss or gradient is not finite; the model has the weights before that step.
    Cost: epochs x items x the objective's cost, and one look at the validation items per epoch.
    Example:
        >>> from spikeproof.data import DataSpec, Domain, Split
        >>> from spikeproof.train.cross_entropy import CrossEntropy
        >>> x, y = torch.tensor([[0.1], [0.2], [0.8], [0.9]]), torch.tensor([0, 0, 1, 1])
        >>> split = Split(x, y, torch.arange(4))
        >>> spec = DataSpec(name="toy", version="1", classes=2, modality="audio", licence="CC0",
        ...                 source="by hand", sha256="")
        >>> data = Dataset(spec=spec, domain=Domain(kind="audio", shape=(1,)), train=split,
        ...                validation=split, sealed=split)
        >>> error = Objective({"error": (1.0, CrossEntropy())})
        >>> history = fit(nn.Linear(1, 2), data, error, epochs=30,
        ...               settings=Training(learning_rate=0.5), progress=False)
        >>> history.best.validation_accuracy
        1.0
    """
    begun = time.perf_counter()
    settings = settings or Training()
    _check(model, data, objective, epochs, settings)
    with torch.enable_grad(), training(model):
        run = Run(model, data, objective, epochs=epochs, seed=seed, settings=settings)
        store = _store(run, data, directory)
        with reporting(progress, len(run.epochs), epochs) as report:
            while not run.done:
                epoch = run.step_epoch()
                if store is not None:
                    store.save(run.tensors(), run.progress())
                numbers = {"loss": epoch.loss, **epoch.parts}
                if epoch.validation_accuracy is not None:
                    numbers["validation_accuracy"] = epoch.validation_accuracy
                report(epoch.epoch, epochs, numbers)
        model.load_state_dict(run.best)
    return History(
        epochs=tuple(run.epochs),
        best_epoch=run.best_epoch,
        parameters=sum(parameter.numel() for parameter in run.parameters),
        seconds=time.perf_counter() - begun,
    )


def _store(run: Run, data: Dataset, directory: Path | str | None) -> Checkpoint | None:
    """The checkpoint of a run that has a folder, with the run put where it left off."""
    if directory is None:
        return None
    model = run.model
    weights = sum(t.numel() * t.element_size() for t in model.state_dict().values())
    who = identity(
        model, data, run.objective, epochs=run.total, seed=run.seed, settings=run.settings
    )
    store = Checkpoint(directory, who, needed=4 * weights + 2**20)
    found = store.load()
    if found is not None:
        run.resume(*found, where=str(store.path))
    return store


def _check(
    model: nn.Module, data: Dataset, objective: Objective, epochs: int, settings: Training
) -> None:
    """Refuse what cannot be trained, before any work is done."""
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        raise SettingError(f"fit: epochs must be a whole number >= 1; got {epochs!r}.")
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise SettingError(
            "fit: no parameter of the model requires grad, so there is nothing to train; call "
            "model.requires_grad_(True)."
        )
    if not len(data.train):
        raise SettingError("fit: the training split is empty.")
    objective.check(data)
    if not len(data.validation) and settings.select != "last":
        raise SettingError(
            f"fit: Training(select={settings.select!r}) needs validation items and there are "
            "none; give some, or use Training(select='last')."
        )
    for name in ("train", "validation"):
        split = getattr(data, name)
        if len(split):
            data.domain.check(split.x, f"data.{name}.x")
            check_labels(split.y, data.spec.classes, len(split.x))
