"""A domain says what an input is, or refuses to be made."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from spikeproof.base import SettingError, seeds
from spikeproof.data import CORRUPTIONS, MODALITIES, Domain, Views, corrupt
from spikeproof.data.modality import together

SHAPES = {
    "image": [(3, 4, 5), (1, 28, 28), (16, 3, 3), (1, 1, 3), (5, 2, 1)],
    "events": [(10, 2, 16, 16), (6, 7), (41, 1), (3, 1, 2, 2)],
    "audio": [(8,), (16000,)],
    "real": [(3,), (2, 3, 4, 5, 6)],
}


@pytest.mark.parametrize(("kind", "shape"), [(k, s) for k in SHAPES for s in SHAPES[k]])
def test_every_kind_takes_the_shapes_it_documents(kind: str, shape: tuple[int, ...]) -> None:
    domain = Domain(kind=kind, shape=shape)
    assert domain.modality is MODALITIES[kind]
    assert len(domain.axes) == len(shape)
    assert eval(repr(domain), {"Domain": Domain}) == domain


def test_every_kind_of_input_is_tried_here() -> None:
    assert set(SHAPES) == set(MODALITIES)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"kind": "images"}, r"Unknown kind of input 'images'\. Did you mean 'image'\?"),
        ({"kind": "Image"}, r"Unknown kind of input 'Image'\. Did you mean 'image'\?"),
        ({"kind": "event"}, r"'event'\. Did you mean 'events'\?"),
        ({"kind": "views"}, r"Unknown kind of input 'views'"),
        ({"kind": None}, r"Unknown kind of input None"),
        ({"shape": (8,)}, r"an image is \(channel, height, width\).*got \(8,\)"),
        ({"shape": (28, 28)}, r"an image is \(channel, height, width\).*got \(28, 28\)"),
        ({"shape": (5, 1, 8, 8)}, r"without the axis of the items; got \(5, 1, 8, 8\)"),
        ({"shape": (4, 4, 3)}, r"\(4, 4, 3\) looks like channels last: use \(3, 4, 4\)"),
        ({"shape": (32, 24, 1)}, r"channels last: use \(1, 32, 24\)"),
        (
            {"kind": "events", "shape": (10, 34, 34, 2)},
            r"an event recording is \(time, channel, height, width\) or \(time, line\); "
            r"\(10, 34, 34, 2\) looks like channels last: use \(10, 2, 34, 34\)",
        ),
        ({"kind": "events", "shape": (2, 34, 34)}, r"got \(2, 34, 34\)"),
        ({"kind": "audio", "shape": (1, 800)}, r"a sound is \(sample,\).*got \(1, 800\)"),
        ({"shape": ()}, "whole numbers of at least 1"),
        ({"shape": (1, 0, 8)}, r"whole numbers of at least 1.*got \(1, 0, 8\)"),
        ({"shape": (1, 8.0, 8)}, "whole numbers of at least 1"),
        ({"shape": 8}, "whole numbers of at least 1.*got 8"),
        ({"low": 1.0, "high": 0.0}, r"low must lie below Domain\.high; got 1 and 0"),
        ({"low": 0.5, "high": 0.5}, "must lie below"),
        ({"low": math.nan}, r"Domain\.low must be a number, and no NaN; got nan"),
        ({"high": math.nan}, r"Domain\.high must be a number, and no NaN; got nan"),
        ({"high": "255"}, r"Domain\.high must be a number.*'255'"),
        ({"high": True}, r"Domain\.high must be a number.*True"),
        ({"low": math.inf, "high": math.inf}, "must lie below"),
        ({"low": 0.2, "high": 0.8, "integer": True}, "No whole number lies between"),
    ],
)
def test_what_is_no_domain_is_refused_in_one_sentence(
    settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SettingError, match=sentence) as caught:
        Domain(**{"kind": "image", "shape": (1, 8, 8), **settings})
    assert "\n" not in str(caught.value)


def test_bounds_and_shapes_are_kept_as_plain_numbers() -> None:
    domain = Domain(kind="image", shape=torch.zeros(5, 1, 8, 8).shape[1:], low=0, high=255)
    assert domain == Domain(kind="image", shape=(1, 8, 8), low=0.0, high=255.0)
    assert type(domain.shape) is tuple and type(domain.high) is float
    assert Domain(kind="real", shape=(2,), low=-math.inf, high=math.inf) == Domain.unbounded((2,))


@pytest.mark.parametrize(
    ("kind", "shape", "pixels"),
    [
        ("image", (3, 2, 2), 4),
        ("events", (5, 2, 2, 2), 20),
        ("events", (5, 7), 35),
        ("audio", (9,), 9),
        ("real", (3, 2, 2), 12),
    ],
)
def test_channels_of_a_position_are_one_pixel(
    kind: str, shape: tuple[int, ...], pixels: int
) -> None:
    index, count = Domain(kind=kind, shape=shape).pixels()
    assert count == pixels
    assert index.unique().tolist() == list(range(pixels))
    if kind == "image":
        assert index.view(shape).unique(dim=0).tolist() == [[[0, 1], [2, 3]]]


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ((), "at least one view, each with its own name; got none"),
        ((("a", Domain(kind="audio", shape=(2,))),) * 2, r"its own name; got 'a', 'a'"),
        ((("a", (1, 8, 8)),), r"View 'a' must be a Domain; got tuple"),
    ],
)
def test_views_without_names_of_their_own_are_refused(parts: Any, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        Views(parts)


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_levels_of_an_image_are_no_events_and_stay_on_their_grid(kind: str) -> None:
    levels = Domain(kind="image", shape=(2, 3, 4), high=255.0, integer=True)
    assert not levels.counts
    x = torch.arange(24.0).view(1, 2, 3, 4) * 10
    changed = corrupt(x, levels, kind, 0.3, seeds=seeds(0, n=1))
    levels.check(changed)
    assert not torch.equal(changed, x)
    with pytest.raises(SettingError, match="'jitter' does not fit images of values"):
        corrupt(x, levels, "jitter", 1.0, seeds=seeds(0, n=1))


def test_several_kinds_have_one_name() -> None:
    assert together("events", "audio") == "audio-visual"
    assert together("image", "events") == "events and image"


@pytest.mark.parametrize(
    ("kind", "shape", "layout", "timed"),
    [
        ("image", (3, 4, 5), (1, 3, 4, 5), False),
        ("events", (6, 2, 4, 5), (6, 2, 4, 5), True),
        ("events", (6, 7), (6, 1, 1, 7), True),
        ("audio", (9,), (1, 1, 1, 9), False),
        ("real", (2, 3), (1, 1, 1, 6), False),
    ],
)
def test_the_axes_of_an_item_say_where_time_channels_and_places_are(
    kind: str, shape: tuple[int, ...], layout: tuple[int, ...], timed: bool
) -> None:
    domain = Domain(kind=kind, shape=shape)
    assert domain.layout == layout
    assert domain.timed == timed
