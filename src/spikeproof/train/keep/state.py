"""The state of a run as tensors and plain data, and back, so that it goes on exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

from torch import Tensor
from torch.optim import Optimizer

from spikeproof.base import FileProblem
from spikeproof.train.keep.history import Epoch
from spikeproof.train.loop.run import Run

__all__ = ["progress_of", "resume", "tensors_of"]


def tensors_of(run: Run) -> dict[str, Tensor]:
    """Weights, averaged and best ones, the optimisers' state, what inputs remember; by name."""
    out = {f"model.{name}": tensor for name, tensor in run.model.state_dict().items()}
    out |= {f"best.{name}": tensor for name, tensor in run.best.items()}
    out |= {f"memory.{name}": tensor for name, tensor in run.memory.items()}
    if run.average is not None:
        out |= {f"average.{name}": tensor for name, tensor in run.average.weights.items()}
    for kind, optimizer in _optimizers(run).items():
        for index, state in optimizer.state_dict()["state"].items():
            for name, value in state.items():
                if isinstance(value, Tensor):
                    out[f"{kind}.{index}.{name}"] = value
    return out


def progress_of(run: Run) -> dict[str, Any]:
    """What happened so far, as plain data."""
    return {"best_epoch": run.best_epoch, "epochs": [asdict(epoch) for epoch in run.epochs]}


def resume(
    run: Run, tensors: Mapping[str, Tensor], progress: Mapping[str, Any], where: str
) -> None:
    """Put a new run into the state that ``tensors`` and ``progress`` describe.

    Raises:
        FileProblem: they are not a whole state.
    """
    try:
        run.epochs = [Epoch(**epoch) for epoch in progress["epochs"]]
        run.best_epoch = int(progress["best_epoch"])
        run.model.load_state_dict(_under("model.", tensors))
        run.best = {name: t.to(run.device) for name, t in _under("best.", tensors).items()}
        run.memory = _under("memory.", tensors)
        if run.average is not None:
            averages = _under("average.", tensors)
            run.average.weights = {n: averages[n].to(t) for n, t in run.average.weights.items()}
        for kind, optimizer in _optimizers(run).items():
            state: dict[int, dict[str, Tensor]] = {}
            for key, tensor in _under(f"{kind}.", tensors).items():
                index, name = key.split(".", 1)
                state.setdefault(int(index), {})[name] = tensor
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": cast(Any, state), "param_groups": groups})
    except (AttributeError, LookupError, TypeError, ValueError, RuntimeError) as problem:
        raise FileProblem(
            f"{where} does not hold a whole training state ({problem}). Delete it to train "
            "from the start, or restore it from a copy."
        ) from None


def _optimizers(run: Run) -> dict[str, Optimizer]:
    """The optimisers that go on from epoch to epoch, by what their state is called."""
    # "natural": its name in every checkpoint there is.
    clean = {} if run.clean is None else {"natural": run.clean.optimizer}
    return {"optimizer": run.optimizer, **clean}


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose name starts with ``prefix``, without it."""
    return {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}
