"""A plain linear reader of simple features tells the classes apart, and not from a leak."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from spikeproof.data import HIGH_HZ, LOW_HZ, load


def ridge(train: Tensor, y: Tensor, test: Tensor) -> Tensor:
    """Classes that a ridge regression on one-hot labels reads."""
    mean = train.mean(0)
    a, b = ((part - mean).double() for part in (train, test))
    a, b = (torch.cat([part, torch.ones(len(part), 1)], 1) for part in (a, b))
    gram = a.T @ a
    gram += 1e-2 * gram.diagonal().mean() * torch.eye(len(gram))
    onehot = torch.nn.functional.one_hot(y).double()
    return (b @ torch.linalg.solve(gram, a.T @ onehot)).argmax(1)


def lines(x: Tensor) -> Tensor:
    """Log power around each of the seven tone frequencies."""
    hz = torch.tensor(sorted({*LOW_HZ, *HIGH_HZ}))
    power = torch.fft.rfft(x).abs().square()
    grid = torch.arange(power.shape[1]) * 8000 / x.shape[1]
    near = ((grid - hz[:, None]).abs() < 0.02 * hz[:, None]).float()
    return (power @ near.T).log()


FEATURES = {
    "digits": (lambda x: x.flatten(1), 0.90, 0.98),
    "digits-events": (lambda x: x.sum(1).flatten(1), 0.75, 0.97),
    "digits-audio": (lines, 0.90, 1.0),
}


@pytest.mark.parametrize("name", sorted(FEATURES))
def test_a_linear_reader_of_simple_features_reads_as_well_as_it_should(name: str) -> None:
    features, least, most = FEATURES[name]
    data = load(name)
    read = ridge(features(data.train.x), data.train.y, features(data.validation.x))
    accuracy = (read == data.validation.y).float().mean().item()
    assert least <= accuracy <= most


@pytest.mark.parametrize("name", sorted(FEATURES))
def test_shuffled_labels_teach_nothing(name: str) -> None:
    data = load(name)
    features = FEATURES[name][0]
    wrong = data.train.y.roll(1)
    read = ridge(features(data.train.x), wrong, features(data.validation.x))
    assert (read == data.validation.y).float().mean() < 0.25


def test_the_loudness_of_a_call_does_not_give_its_digit_away() -> None:
    data = load("digits-audio")
    loud = [s.x.square().mean(1, keepdim=True).log() for s in (data.train, data.validation)]
    read = ridge(loud[0], data.train.y, loud[1])
    assert (read == data.validation.y).float().mean() < 0.2
