"""The networks that suites are judged on: none of them was looked at when a suite was designed.

Split: the networks of ``networks.py`` (Fashion-MNIST, seed 0) are the design set, on which members
of a suite may be chosen. The zoo here is the judged set. It has other seeds (20 and up), other
widths, depths, leaks and resets, and three data sets more; it is to be attacked only to measure.

A trained network is stored under ``runs/zoo`` and found again there, with what its training said
beside it. All take about half an hour on one core.

    SPIKEPROOF_DATA=FOLDER python -m research.attack_evidence.zoo [NAME ...]
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

import spikeproof as sp
from research import ROOT
from spikeproof.data import Dataset
from spikeproof.evaluate import open_test
from spikeproof.models import Network, load_model
from spikeproof.study import DataPlan, TrainingPlan, job_of, load_plan, network_of, training_items

FOLDER = ROOT / "runs" / "zoo"

# What every network of a data set shares.
_DIGITS: dict[str, Any] = {"name": "digits", "epochs": 15, "learning_rate": 0.005}
_FASHION: dict[str, Any] = {
    "name": "fashion-mnist",
    "model": "cnn-small",
    "epochs": 8,
    "learning_rate": 0.005,
    "train_items": 4000,
    "validation_items": 300,
}
_EVENTS: dict[str, Any] = {
    "name": "digits-events",
    "model": "cnn-small",
    "epochs": 11,
    "batch_size": 32,
    "learning_rate": 0.01,
}
_AUDIO: dict[str, Any] = {
    "name": "digits-audio",
    "model": "tcn-small",
    "epochs": 12,
    "learning_rate": 0.005,
}
_SPEECH: dict[str, Any] = {
    "name": "fsdd",
    "model": "tcn-small",
    "front_end": "log-mel",
    "epochs": 12,
    "learning_rate": 0.01,
    "weights": {"sparse": 0.001},  # as the plan `modalities-fsdd`; the demo has none for speech
}


def _lif(leak: float, **settings: Any) -> dict[str, Any]:
    return {"kind": "lif", "leak": leak, **settings}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One network of the zoo: which training, on what, with which first weights.

    Args:
        training: Name of a training in the plans ``demo`` and ``recipes``.
        seed: Of the first weights and of the training.
        part: Fields of ``DataPlan``.
        network: What changes in the network, over what the training itself changes.
        seen: Whether a rule of a suite was changed for what was measured on it, so that it judges
            no longer.
    """

    training: str
    seed: int
    part: dict[str, Any]
    network: dict[str, Any] = field(default_factory=dict)
    seen: bool = False

    @property
    def data(self) -> str:
        """The data set's name."""
        return str(self.part["name"])


def _small(width: int, timesteps: int, **more: Any) -> dict[str, Any]:
    return {**_DIGITS, "model": "cnn-small", "width": width, "timesteps": timesteps, **more}


def _dense(width: int, timesteps: int, **more: Any) -> dict[str, Any]:
    return {**_DIGITS, "model": "dense", "width": width, "timesteps": timesteps, **more}


ZOO: dict[str, Entry] = {
    "digits-plain-if": Entry(
        training="plain", seed=20, part=_dense(96, 5), network={"neuron": {"kind": "if"}}
    ),
    "digits-plain-lif": Entry(
        training="plain", seed=21, part=_small(8, 6), network={"neuron": _lif(0.75)}
    ),
    "digits-sr-lif": Entry(training="SR", seed=22, part=_small(16, 4)),
    "digits-at-lif": Entry(
        training="AT", seed=23, part=_small(10, 4, pooling="max"), network={"neuron": _lif(0.9)}
    ),
    "digits-at-if": Entry(
        training="AT", seed=24, part=_small(16, 3), network={"neuron": {"kind": "if"}}
    ),
    "digits-sr-at-lif": Entry(
        training="SR+AT", seed=25, part=_dense(128, 6), network={"neuron": _lif(0.6)}
    ),
    "digits-eat-lif": Entry(
        training="E-AT", seed=26, part=_small(14, 4), network={"neuron": _lif(0.5, reset="soft")}
    ),
    "digits-trades-lif": Entry(
        training="TRADES", seed=27, part=_small(10, 5), network={"neuron": _lif(0.25)}
    ),
    "digits-multinorm-if": Entry(training="multinorm", seed=28, part=_small(10, 6)),
    "digits-noisy-lif": Entry(training="TGO", seed=29, part=_small(10, 4)),
    "digits-poisson-at": Entry(
        training="AT", seed=30, part=_small(16, 8), network={"encoder": "poisson"}
    ),
    "audio-plain-lif": Entry(training="plain", seed=31, part={**_AUDIO, "width": 12}),
    "audio-sr-at-lif": Entry(training="SR+AT", seed=32, part={**_AUDIO, "width": 20}),
    "events-plain-lif": Entry(
        training="plain", seed=33, part={**_EVENTS, "width": 6}, network={"neuron": _lif(0.7)}
    ),
    "fashion-plain-lif": Entry(
        training="plain",
        seed=34,
        part={**_FASHION, "width": 8, "timesteps": 5},
        network={"neuron": _lif(0.7)},
    ),
    "fashion-sr-lif": Entry(training="SR", seed=35, part={**_FASHION, "width": 10, "timesteps": 4}),
    "events-at-lif": Entry(training="AT", seed=36, part={**_EVENTS, "width": 10}),
    "fashion-sr-at-lif": Entry(
        training="SR+AT", seed=37, part={**_FASHION, "width": 14, "timesteps": 3}
    ),
    "fashion-multinorm-if": Entry(
        training="multinorm", seed=38, part={**_FASHION, "width": 10, "timesteps": 4}
    ),
    # Added when members for sounds had been chosen (design_sounds.py), to judge these.
    "audio-sr-lif": Entry(
        training="SR", seed=39, part={**_AUDIO, "width": 14}, network={"neuron": _lif(0.8)}
    ),
    "audio-at-if": Entry(
        training="AT", seed=40, part={**_AUDIO, "width": 24}, network={"neuron": {"kind": "if"}}
    ),
    # Added when suites met items that a short search had shown to be misled: codes with a stand-in
    # for their gradient, spikes that return, onsets, and speech.
    "digits-latency-plain": Entry(
        training="plain",
        seed=41,
        part=_small(10, 6),
        network={"encoder": "latency", "neuron": _lif(0.7)},
        seen=True,
    ),
    "digits-latency-at": Entry(
        training="AT",
        seed=42,
        part=_small(14, 5, pooling="max"),
        network={"encoder": "latency", "neuron": _lif(0.9)},
    ),
    "digits-phase-sr": Entry(
        training="SR",
        seed=43,
        part=_dense(96, 8),
        network={"encoder": {"kind": "phase", "bits": 4}},
    ),
    "digits-temporal-sr-at": Entry(
        training="SR+AT", seed=44, part=_small(12, 6), network={"encoder": "temporal"}
    ),
    "fashion-latency-sr": Entry(
        training="SR",
        seed=45,
        part={**_FASHION, "width": 8, "timesteps": 5},
        network={"encoder": "latency"},
    ),
    "events-recurrent-at": Entry(
        training="AT",
        seed=46,
        part={**_EVENTS, "model": "recurrent", "width": 64},
        network={"neuron": _lif(0.8)},
    ),
    "audio-onsets-sr": Entry(
        training="SR", seed=47, part={**_AUDIO, "model": "tcn-onsets", "width": 16}
    ),
    "speech-sr": Entry(training="SR", seed=48, part={**_SPEECH, "width": 20}),
}


def training_of(entry: Entry) -> TrainingPlan:
    """The training of an entry, as the plans of the package have it, with its network."""
    known = {t.name: t for plan in ("recipes", "demo") for t in load_plan(plan).training}
    training = known[entry.training]
    return replace(training, network={**training.network, **entry.network})


def items(name: str) -> Dataset:
    """What an entry is trained on, and judged on: the data set with its test items sealed."""
    return items_of(ZOO[name])


def items_of(entry: Entry) -> Dataset:
    """The data set of an entry with as many items as it asks for, its test items sealed."""
    part = entry.part
    return training_items(
        sp.load(part["name"]), part.get("train_items"), part.get("validation_items")
    )


def network(name: str) -> Network:
    """The trained network of a name, from its file or trained now."""
    return trained(name, ZOO[name], FOLDER)


def trained(name: str, entry: Entry, folder: Path) -> Network:
    """The network of an entry, from its file in a folder or trained now and stored there."""
    path = folder / f"{name}.safetensors"
    if not path.exists():
        train(name, entry, folder)
    loaded: Network = load_model(path)
    return loaded


def train(name: str, entry: Entry, folder: Path) -> None:
    """Train one network and store it with what its training said."""
    data = items_of(entry)
    weights = {p.name: p.weights for p in load_plan("demo").data}.get(entry.data, {})
    part, training = DataPlan(**{"weights": weights, **entry.part}), training_of(entry)
    job = job_of(part, training, data, seed=entry.seed)
    model = network_of(part, training, data, seed=entry.seed)
    begun = time.process_time()
    history = sp.fit(
        model,
        data,
        job.objective,
        epochs=job.epochs,
        seed=job.seed,
        settings=job.settings,
        augment=job.augment,
        directory=folder / "training" / name,
        progress=False,
    )
    seconds = time.process_time() - begun
    sp.save_model(model, folder / f"{name}.safetensors")
    said = {
        "training": entry.training,
        "seed": entry.seed,
        "epochs": len(history.epochs),
        "validation_accuracy": history.best.clean_accuracy,
        "seconds": seconds,
    }
    (folder / f"{name}.json").write_text(json.dumps(said), encoding="utf-8")
    print(name, json.dumps(said), flush=True)


def test_split(name: str, count: int) -> Any:
    """The first ``count`` test items of an entry's data set, or all where there are fewer."""
    data = items(name)
    return open_test(data, min(count, len(data.sealed)))


def main() -> None:
    """Train what is not there yet; names as arguments choose."""
    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or ZOO:
        network(name)


if __name__ == "__main__":
    main()
