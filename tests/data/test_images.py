"""What a scan is."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import load_digits

from spikeproof.data import DigitsImages, labels

ALL = torch.arange(1797)


def test_scans_are_the_sixteenths_of_the_published_grey_levels() -> None:
    published = load_digits()
    assert np.array_equal(DigitsImages()(ALL)[:, 0].numpy() * 16, published.images)
    assert np.array_equal(labels(ALL).numpy(), published.target)


def test_no_scan_occurs_twice_so_no_test_item_was_trained_on() -> None:
    assert len(DigitsImages()(ALL).flatten(1).unique(dim=0)) == 1797
