"""Make a data set of arrays: splits, hash, sealed test items, suggested radii."""

import numpy as np

import spikeproof as sp

rng = np.random.default_rng(0)
y = np.arange(120) % 3
x = (rng.random((120, 8, 8, 3)) + y[:, None, None, None]) / 3  # channels last

data = sp.Dataset.from_arrays(x, y, kind="image", low=0.0, high=1.0, name="mine")
print(
    "items of shape",
    data.domain.shape,
    "train",
    len(data.train),
    "validation",
    len(data.validation),
)
print("suggested radii:", {name: radii[1] for name, radii in data.spec.radii.items()})

np.savez("mine.npz", x=x, y=y, low=0.0, high=1.0)  # what --data takes on the command line
print("the same data:", sp.open_data("mine.npz").spec.sha256 == data.spec.sha256)
