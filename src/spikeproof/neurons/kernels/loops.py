"""The loops of the fused kernel, written for numba and compiled by ``compiled.py``.

Never called as plain Python. Every loop over neurons is simple enough to be vectorised, and every
constant has the type of the data: one of another type would double the width of all arithmetic
around it. The names at the top get their meaning, typed, when the loops are compiled.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import numpy as np

# A name to fill: each compiled loop gets the formula of its own surrogate.
from spikeproof.neurons.formulas import triangle as slope

__all__ = [
    "BLOCK",
    "PARTS",
    "backward",
    "between",
    "charge",
    "exponential",
    "filter_in",
    "forward",
    "learn",
    "look",
    "move",
    "reach",
]

# Neurons are walked in blocks whose membranes stay in cache over all time steps; a shorter block
# would read each step in runs too short for the processor to fetch ahead.
BLOCK = 8192

ZERO, HALF, ONE = 0.0, 0.5, 1.0
LOW, SHIFT, LOG2_E, LARGE, SMALL = -87.3, 12582912.0, 1.44269504, 0.693359375, -2.12194440e-4
# Cephes' polynomial for exp(r) on |r| <= log(2) / 2.
C0, C1, C2 = 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3
C3, C4, C5 = 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1


def exponential(x):
    """``exp(x)`` of a float32 ``x <= 0`` to a relative 1e-7; unlike a call it is vectorised."""
    v = x if x > LOW else LOW
    n = (v * LOG2_E + SHIFT) - SHIFT  # rounds to the nearest whole number
    r = (v - n * LARGE) - n * SMALL
    y = ((((C0 * r + C1) * r + C2) * r + C3) * r + C4) * r + C5
    power = np.int32((np.int32(n) + np.int32(127)) << np.int32(23))
    return (y * r * r + r + ONE) * power.view(np.float32)


def forward(current, leak, gain, threshold, synapse, soft, start, stop, spikes):
    """Spikes of the neurons ``start`` to ``stop``; whether all their currents were finite."""
    width = min(BLOCK, stop - start)
    kept, drive = np.empty(width, spikes.dtype), np.empty(width, spikes.dtype)
    odd = False
    for a in range(start, stop, BLOCK):
        n = min(BLOCK, stop - a)
        kept[:] = ZERO
        drive[:] = ZERO
        for t in range(len(spikes)):
            row = current[t if len(current) > 1 else 0, a : a + n]
            out = spikes[t, a : a + n]
            if synapse > ZERO:
                for i in range(n):
                    drive[i] = synapse * drive[i] + row[i]
                row = drive
            for i in range(n):
                odd |= (row[i] - row[i]) != ZERO
                u = leak * kept[i] + gain * row[i]
                fired = u >= threshold
                out[i] = ONE if fired else ZERO
                kept[i] = (u - threshold if soft else ZERO) if fired else u
    return not odd


def look(current, leak, gain, threshold, synapse, soft, start, stop, spikes, above):
    """Spikes as in ``forward``, and the membranes before the reset minus the threshold."""
    steps, kind, width = len(spikes), spikes.dtype, min(BLOCK, stop - start)
    membrane = np.empty((steps + 1, width), kind)
    drive = np.empty((steps + 1 if synapse > ZERO else 1, width), kind)
    membrane[steps] = ZERO
    drive[-1] = ZERO
    odd = False
    for a in range(start, stop, BLOCK):
        n = min(BLOCK, stop - a)
        given, place = current, a
        if synapse > ZERO:
            filter_in(current, a, synapse, drive, n)
            given, place = drive, 0
        charge(given, place, leak, gain, threshold, soft, membrane, n)
        for t in range(steps):
            row = given[t if len(given) > 1 else 0, place : place + n]
            u, out, far = membrane[t], spikes[t, a : a + n], above[t, a : a + n]
            for i in range(n):
                odd |= (row[i] - row[i]) != ZERO
                out[i] = ONE if u[i] >= threshold else ZERO
                far[i] = u[i] - threshold
    return not odd


def between(x, kept, memory):
    """``memory`` of what was kept and the rest of ``x``, exactly one of them at 1 and at 0."""
    return x + memory * (kept - x) if memory < HALF else kept - (kept - x) * (ONE - memory)


def move(above, rows, moves, memory, relax, tiny, bound, start, stop, mean, deviation, sharpness):
    """Move the moments of ``|above|`` in place, and write the sharpness that they allow.

    ``above`` and ``sharpness`` are ``(T, N, K)``, the moments ``(T, P, K)``; item n has its moments
    in row ``rows[n]`` and moves ``moves[n]`` times. ``start`` and ``stop`` count steps and items.
    """
    for place in range(start, stop):
        t, n = place // len(rows), place % len(rows)
        u, out = above[t, n], sharpness[t, n]
        m, d = mean[t, rows[n]], deviation[t, rows[n]]
        for _ in range(moves[n]):
            for k in range(len(u)):
                m[k] = between(abs(u[k]), m[k], memory)
                d[k] = between(abs(abs(u[k]) - m[k]), d[k], memory)
        for k in range(len(u)):
            out[k] = bound * (ONE / (m[k] + relax * d[k] + tiny))


def charge(current, start, leak, gain, threshold, soft, membrane, n):
    """Membranes before the reset, all steps; the last row of ``membrane`` is zero and stays so."""
    for t in range(len(membrane) - 1):
        row = current[t if len(current) > 1 else 0, start : start + n]
        u, before = membrane[t], membrane[t - 1]
        for i in range(n):
            down = before[i] - threshold if soft else ZERO
            kept = before[i] if before[i] < threshold else down
            u[i] = leak * kept + gain * row[i]


def filter_in(current, start, synapse, drive, n):
    """Currents behind the synapse, all steps; the last row of ``drive`` is zero and stays so."""
    for t in range(len(drive) - 1):
        row = current[t if len(current) > 1 else 0, start : start + n]
        c, before = drive[t], drive[t - 1]
        for i in range(n):
            c[i] = synapse * before[i] + row[i]


def learn(o, before, drive, threshold, soft, sums, n):
    """Add one step to the gradients of leak and gain of a block."""
    for i in range(n):
        down = before[i] - threshold if soft else ZERO
        kept = before[i] if before[i] < threshold else down
        sums[0] += np.float64(o[i]) * np.float64(kept)
        sums[1] += np.float64(o[i]) * np.float64(drive[i])


def reach(g, u, later, h, threshold, soft, reset):
    """Gradient of a membrane ``u``, from those of its spike and of what the step left behind."""
    through = later if (soft or u < threshold) else ZERO
    pulled = ZERO if reset == ZERO else reset * (later * (threshold if soft else u))
    return (g - pulled) * h + through


def backward(
    grad, current, sharpness, height, leak, gain, threshold, synapse, soft, reset, back,
    start, stop, sums, out,
):  # fmt: skip
    """Gradient of the currents; per block the gradients of leak and gain where ``sums`` has rows.

    ``reset`` is the share that flows through the reset, ``back`` the leak times the share that
    flows from step to step. Membranes are computed again: one array less to keep, write and read.
    """
    steps, kind, width = len(out), out.dtype, min(BLOCK, stop - start)
    membrane = np.empty((steps + 1, width), kind)
    drive = np.empty((steps + 1 if synapse > ZERO else 1, width), kind)
    membrane[steps] = ZERO
    drive[-1] = ZERO
    later, onward = np.empty(width, kind), np.empty(width, kind)
    for a in range(start, stop, BLOCK):
        n = min(BLOCK, stop - a)
        # Not a slice of both axes: its rows would not be known to be dense, and not be vectorised.
        given, place = current, a
        if synapse > ZERO:
            filter_in(current, a, synapse, drive, n)
            given, place = drive, 0
        charge(given, place, leak, gain, threshold, soft, membrane, n)
        later[:] = ZERO
        onward[:] = ZERO
        for t in range(steps - 1, -1, -1):
            u, g, o = membrane[t], grad[t if len(grad) > 1 else 0, a : a + n], out[t, a : a + n]
            # o becomes the gradient of u[t]; later is that of what step t left behind.
            if len(sharpness) == 1 and sharpness.shape[1] == 1:
                s = sharpness[0, 0]
                for i in range(n):
                    h = height * slope(u[i] - threshold, s)
                    o[i] = reach(g[i], u[i], later[i], h, threshold, soft, reset)
                    later[i] = back * o[i]
            else:
                each = sharpness[t, a : a + n]
                for i in range(n):
                    h = height * slope(u[i] - threshold, each[i])
                    o[i] = reach(g[i], u[i], later[i], h, threshold, soft, reset)
                    later[i] = back * o[i]
            if len(sums):
                row = given[t if len(given) > 1 else 0, place : place + n]
                learn(o, membrane[t - 1], row, threshold, soft, sums[a // BLOCK], n)
            if synapse > ZERO or gain != ONE:
                for i in range(n):
                    onward[i] = gain * o[i] + synapse * onward[i]
                    o[i] = onward[i]


# Compiled first, because the loops above call them.
PARTS = (between, charge, filter_in, learn, reach)
