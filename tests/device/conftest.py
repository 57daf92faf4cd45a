"""What the tests of devices share."""

from __future__ import annotations

import pytest


@pytest.fixture
def reference_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute on the CPU as on a device that has no kernel of its own.

    Compiled kernels round gradients otherwise in the last bit; without them both are equal.
    """
    monkeypatch.setattr("spikeproof.neurons.kernels.FUSED_TYPES", ())
    monkeypatch.setattr("spikeproof.neurons.kernels.moments.available", lambda: False)
