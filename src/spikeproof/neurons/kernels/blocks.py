"""The programs of the Triton kernel: the recursion for one block of neurons.

Imported where triton is installed only. ``slope`` is a name to fill: ``gpu.py`` makes one copy of
``backward`` per surrogate, with the formula of ``formulas.py`` in its place.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, no-any-return"

from __future__ import annotations

try:
    import triton.language as tl
except ImportError:  # gpu.py says so, in a sentence, when somebody wants to run it
    tl = None

from spikeproof.neurons.formulas import triangle as slope

__all__ = ["OPERATIONS", "backward", "below", "exp", "fabs", "forward", "relu"]


def fabs(x):
    """Absolute value."""
    return tl.abs(x)


def relu(x):
    """The positive part."""
    return tl.maximum(x, 0.0)


def exp(x):
    """Exponential."""
    return tl.exp(x)


def below(x, limit):
    """1 where ``x < limit``, else 0."""
    return tl.where(x < limit, 1.0, 0.0)


OPERATIONS = (below, exp, fabs, relu)


def forward(
    current, spikes, membrane, n, steps, row, leak, gain, threshold, synapse,
    SOFT: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Spikes and membranes before the reset, ``(steps, n)`` each."""
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    live = place < n
    kept = tl.zeros((BLOCK,), tl.float32)
    drive = tl.zeros((BLOCK,), tl.float32)
    for t in range(steps):
        now = tl.load(current + t * row + place, mask=live, other=0.0).to(tl.float32)
        drive = synapse * drive + now
        u = leak * kept + gain * drive
        fired = u >= threshold
        # A current that is not finite makes a spike that is not: no need to wait for the device.
        spike = tl.where(fired, 1.0, 0.0) + (now - now)
        tl.store(spikes + t * n + place, spike, mask=live)
        tl.store(membrane + t * n + place, u, mask=live)
        if SOFT:
            kept = tl.where(fired, u - threshold, u)
        else:
            kept = tl.where(fired, 0.0, u)


def backward(
    grad, membrane, sharpness, out, n, steps, row, leak, gain, threshold, synapse, height,
    reset, back,
    EACH: tl.constexpr, SOFT: tl.constexpr, KEPT: tl.constexpr, DETACHED: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """Gradient of the currents, ``(steps, n)``."""
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    live = place < n
    later = tl.zeros((BLOCK,), tl.float32)
    onward = tl.zeros((BLOCK,), tl.float32)
    for k in range(steps):
        t = steps - 1 - k
        u = tl.load(membrane + t * n + place, mask=live, other=0.0)
        g = tl.load(grad + t * row + place, mask=live, other=0.0).to(tl.float32)
        if EACH:
            s = tl.load(sharpness + t * n + place, mask=live, other=1.0)
        else:
            s = tl.load(sharpness)
        h = height * slope(u - threshold, s)
        if SOFT:
            pulled = later * threshold
            through = later
        else:
            pulled = later * u
            through = tl.where(u < threshold, later, 0.0)
        if DETACHED:
            now = g * h + through
        elif KEPT:
            now = (g - pulled) * h + through
        else:
            now = (g - reset * pulled) * h + through
        later = back * now
        onward = gain * now + synapse * onward
        tl.store(out + t * n + place, onward, mask=live)
