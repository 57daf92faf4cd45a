"""What can be noticed of an attack: counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spikeproof.base import InputError
from spikeproof.metrics import events_moved, signal_to_noise_db, step_mass


def test_events_are_counted_by_hand() -> None:
    x, x_adv = np.zeros((2, 1, 2, 2)), np.zeros((2, 1, 2, 2))
    x[0, 0, 0, 0], x_adv[1, 0, 0, 0], x_adv[0, 0, 1, 1] = 3, 2, 1
    assert events_moved(x, x_adv) == {"added": 3.0, "removed": 3.0, "share": 2.0}
    assert events_moved(x, x) == {"added": 0.0, "removed": 0.0, "share": 0.0}
    assert events_moved(0 * x, x_adv)["share"] == math.inf
    before, after, apart = step_mass(x, x_adv)
    assert before.tolist() == [3, 0] and after.tolist() == [1, 2]
    assert apart == pytest.approx(2 / 3)


def test_retiming_leaves_the_count_and_shows_in_the_steps_alone() -> None:
    x = np.eye(4)
    late = x.copy()
    late[1], late[0] = x[0] + x[1], 0  # two lines meet in a step, one step is empty
    assert step_mass(x, late)[2] == pytest.approx(0.25)
    assert step_mass(x, np.roll(x, 1, 0))[2] == 0  # every step has one event again
    assert step_mass(x, 0 * x)[2] == 1 and step_mass(0 * x, 0 * x)[2] == 0


def test_decibels_are_ten_times_the_logarithm_of_the_ratio_of_energies() -> None:
    x = np.array([0.5, -0.5, 0.5, -0.5])
    assert signal_to_noise_db(x, x + 0.05) == pytest.approx(20.0)
    assert signal_to_noise_db(x, 2 * x) == pytest.approx(0.0, abs=1e-12)
    assert signal_to_noise_db(x, x) == math.inf and signal_to_noise_db(0 * x, x) == -math.inf


def test_two_shapes_and_a_recording_without_time_are_refused() -> None:
    for measure in (events_moved, signal_to_noise_db, step_mass):
        with pytest.raises(InputError, match=r"have one shape; got \(3,\) and \(4,\)"):
            measure(np.zeros(3), np.zeros(4))
    with pytest.raises(InputError, match="need a time axis"):
        step_mass(np.zeros(3), np.zeros(3))
