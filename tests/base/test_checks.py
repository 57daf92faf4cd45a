"""The sentences of the shared checks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from spikeproof.base import (
    InputError,
    SettingError,
    check_at_least,
    check_count,
    check_finite,
    check_fraction,
    check_gradients,
    check_labels,
    check_like,
    check_name,
    check_one_of,
    check_positive,
    check_seed,
    check_shape,
    check_share,
    check_text,
    nearest,
    printable,
)


@dataclass(frozen=True)
class Box:
    """A made-up setting."""

    size: float


def refused(error: type[Exception], sentence: str) -> object:
    return pytest.raises(error, match=re.escape(sentence))


def test_the_nearest_name_is_found_and_far_ones_are_not() -> None:
    assert nearest("triangel", ["triangle", "sigmoid"]) == "triangle"
    assert nearest("qqq", ["triangle", "sigmoid"]) is None


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    assert check_one_of("l2", ["l1", "l2"], "threat") == "l2"
    with refused(SettingError, "Unknown surrogate 'triangel'. Did you mean 'triangle'?"):
        check_one_of("triangel", ["triangle", "sigmoid"], "surrogate")


@pytest.mark.parametrize("size", [0, -1, 1.0, 2.5, True, float("nan"), None, "2", np.float64(3)])
def test_a_count_is_a_whole_number_of_at_least_one(size: float) -> None:
    check_count(Box(1), "size")
    with refused(SettingError, f"Box.size must be a whole number >= 1; got {size!r}."):
        check_count(Box(size), "size")


@pytest.mark.parametrize("check", [check_count, check_positive, check_fraction])
def test_a_number_of_numpy_becomes_one_of_python(check: Callable[..., None]) -> None:
    whole = np.int64(1)
    for number in (whole, *([] if check is check_count else [np.float32(0.5)])):
        box = Box(number)
        check(box, "size")
        assert type(box.size) in (int, float)
        assert json.loads(json.dumps(box.size)) == number
    with refused(SettingError, "Box.size must be a"):
        check(Box("2"), "size")  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [0, -(2**63), 2**63 - 1, np.int64(3), torch.tensor(5)])
def test_a_seed_is_a_whole_number_of_64_bits(seed: int) -> None:
    assert type(check_seed(seed)) is int
    assert check_seed(seed) == int(seed)


@pytest.mark.parametrize("seed", [0.9, 1.0, 2**63, -(10**26), True, np.bool_(True), "1", None])
def test_what_is_no_seed_is_refused(seed: object) -> None:
    with refused(SettingError, f"fit: seed must be a whole number of 64 bits; got {seed!r}."):
        check_seed(seed, "fit: seed")


@pytest.mark.parametrize(
    "name",
    ["", "..", ".x", "~", "-x", "../x", "/tmp/x", "a/b", "a\\b", "x\x00", "\x1b[31m", "\u202ex",
     " x", "?!", "x" * 101, 7],
)  # fmt: skip
def test_a_name_that_could_be_a_path_is_refused(name: object) -> None:
    for good in ("tiny", "SR+AT seed 1", "名", "a.b", "x" * 100):
        assert check_name(good, "plan") == good
    with pytest.raises(SettingError, match="must be a name that can be part of a path") as refusal:
        check_name(name, "plan")
    assert str(refusal.value) == printable(str(refusal.value), breaks=False)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\x1b]0;x\x07", "\u2066x", "\ud800", "x" * 201])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    assert check_text("SR+AT / ×", "training") == "SR+AT / ×"
    with pytest.raises(SettingError, match="that can be shown"):
        check_text(name, "training")


def test_what_commands_a_terminal_is_spelt_out() -> None:
    assert printable("é 名 ✗ a\tb\n") == "é 名 ✗ a\tb\n"
    assert printable("a\tb\n", breaks=False) == "a\\x09b\\x0a"
    assert printable("\x1b[31m\x9b\u202e\ud800\u2028") == "\\x1b[31m\\x9b\\u202e\\ud800\\u2028"


def test_a_whole_number_may_begin_elsewhere() -> None:
    check_at_least(0, 0, "Box.size")
    with refused(SettingError, "Box.size must be a whole number >= 0; got -1."):
        check_at_least(0, -1, "Box.size")


@pytest.mark.parametrize("size", [0.0, -1.0, float("inf"), float("nan")])
def test_a_size_must_be_positive_and_finite(size: float) -> None:
    check_positive(Box(2.0), "size")
    with refused(SettingError, f"Box.size must be positive and finite; got {size!r}."):
        check_positive(Box(size), "size")


@pytest.mark.parametrize("size", [-0.1, 1.1, float("nan")])
def test_a_fraction_lies_between_zero_and_one(size: float) -> None:
    check_fraction(Box(0.0), "size")
    check_fraction(Box(1.0), "size")
    with refused(SettingError, f"Box.size must lie in [0, 1]; got {size!r}."):
        check_fraction(Box(size), "size")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_found(bad: float) -> None:
    x = torch.zeros(3, 2)
    assert check_finite(x, "x") is x
    x[1, 0] = x[2, 1] = bad
    with refused(InputError, "x holds 2 values that are not finite, first in item 1;"):
        check_finite(x, "x")
    with refused(InputError, "first in item 2;"):
        check_finite(torch.tensor([0.0, 0.0, bad]), "margins")


def test_a_wrong_shape_is_answered_with_both() -> None:
    with refused(InputError, "x must have shape (N, 1, 8, 8), items first; got (1, 8, 8, 5)."):
        check_shape(torch.zeros(1, 8, 8, 5), (1, 8, 8), "x")


@pytest.mark.parametrize(
    ("y", "n", "sentence"),
    [
        (
            torch.tensor([0.0, 1.0]),
            None,
            "Labels must be integers of shape (N,); got torch.float32",
        ),
        (torch.eye(3, dtype=torch.int64), None, "Turn one-hot labels into class numbers"),
        (torch.tensor([True]), None, "Labels must be integers"),
        (torch.tensor([0, 1]), 3, "Got 2 labels for 3 items"),
        (torch.tensor([0, 3]), None, "Labels must lie in 0..2; got 0..3."),
        (torch.tensor([-1, 0]), None, "Labels must lie in 0..2; got -1..0."),
    ],
)
def test_labels_that_are_no_class_numbers_are_refused(
    y: torch.Tensor, n: int | None, sentence: str
) -> None:
    with refused(InputError, sentence):
        check_labels(y, 3, n)


def test_class_numbers_pass() -> None:
    y = torch.tensor([0, 2])
    assert check_labels(y, 3, 2) is y
    assert len(check_labels(torch.zeros(0, dtype=torch.int64), 3)) == 0


def test_a_tensor_of_another_type_or_device_names_both_and_the_way_out() -> None:
    x, weight = torch.zeros(2), torch.zeros(1)
    assert check_like(x, weight, "The input") is x
    with refused(
        InputError,
        "The input must be torch.float32 on cpu like the weights; got torch.float64 on cpu. "
        "Convert it with .to('cpu', torch.float32), or the network likewise.",
    ):
        check_like(x.double(), weight, "The input")
    with refused(InputError, "got torch.float32 on meta."):
        check_like(x.to("meta"), weight, "The input")


@pytest.mark.parametrize("levels", [1, 2, 8, 16])
def test_a_share_that_looks_like_a_length_is_told_what_it_is(levels: int) -> None:
    sentence = f"looks like the length {levels}/255; divide a length by the radius"
    with pytest.warns(UserWarning, match=f"Box.size is a share of the radius, .* {sentence}"):
        check_share(Box(levels / 255), "size")


def test_other_shares_pass_and_what_is_none_is_refused() -> None:
    for share in (0.001, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0):
        check_share(Box(share), "size")
    with refused(SettingError, "Box.size must be positive and finite; got nan."):
        check_share(Box(float("nan")), "size")


def test_inference_mode_is_named_where_a_gradient_is_needed() -> None:
    with torch.inference_mode():
        made = torch.zeros(1)
        with refused(InputError, "A dream needs gradients, and torch.inference_mode() allows none"):
            check_gradients("A dream")
    with refused(InputError, "the model's weights were made inside torch.inference_mode()"):
        check_gradients("A dream", [made])
    check_gradients("A dream", [torch.zeros(1)])
