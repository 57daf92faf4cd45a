"""What the process that others are forked from has imported and read before."""

import torch._dynamo  # noqa: F401  an optimizer imports it when it is first made

import spikeproof.cli.main
import spikeproof.study  # noqa: F401
from spikeproof.study.closure import reached

# The sources that the hashes of cells are made of: parsing them takes a second or two.
reached([("spikeproof.study.compute", name) for name in ("attempt", "_train", "_attack", "_probe")])
