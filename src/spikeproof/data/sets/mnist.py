"""`mnist`: 70 000 scans of handwritten digits, 28x28 grey levels, read from the IDX files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from spikeproof.data.facts import Facts
from spikeproof.data.files import Download, Source
from spikeproof.data.sets.fashion_mnist import FashionMnist

__all__ = ["Mnist"]

_FILES = {
    "train-images-idx3-ubyte.gz": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    "train-labels-idx1-ubyte.gz": (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}


@dataclass(frozen=True, kw_only=True)
class Mnist(FashionMnist):
    """Read MNIST from the four published files, which are laid out as those of Fashion-MNIST.

    Args:
        published: The files and their hashes.
    Returns:
        From a call with a folder: grey levels, uint8 ``(N, 1, 28, 28)``, and class numbers; the
        first 60 000 are the official training part.
    Raises:
        FileProblem: a file is absent, truncated or changed, or not an IDX file.
    Cost:
        About one second to check and unpack 12 MB.
    References:
        lecun1998
    Example:
        >>> Mnist().domain.shape
        (1, 28, 28)
    """

    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=10,
        title="MNIST",
        unit="pixel intensity, 0–1",
        licence="none stated; published for research",
        source=(
            "MNIST, 70 000 scans of handwritten digits, 28x28 pixels (lecun1998), from the four "
            "published files."
        ),
        # l_inf 0.3 and l_2 2 are those of the literature.
        radii={
            "linf": (0.1, 0.2, 0.3),
            "l2": (1.0, 1.5, 2.0),
            "l1": (5.0, 10.0, 15.0),
            "l0": (5.0, 10.0, 20.0),
        },
        training={"model": "cnn-small", "epochs": 5, "batch_size": 128, "learning_rate": 0.005},
    )

    published: Source = field(
        default_factory=lambda: Source(
            files=_FILES,
            places=("mnist", "MNIST/raw"),
            url="http://yann.lecun.com/exdb/mnist",
            downloads={
                name: Download(url=f"https://ossci-datasets.s3.amazonaws.com/mnist/{name}")
                for name in _FILES
            },
        )
    )
