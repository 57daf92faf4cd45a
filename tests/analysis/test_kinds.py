"""What a training does, read from its record."""

from __future__ import annotations

import pytest

from spikeproof.analysis import TrainingKind
from spikeproof.train import TERMS

ERROR = {"kind": "cross_entropy", "weight": 1.0}


def kind(**term: object) -> TrainingKind:
    return TrainingKind.of({"terms": {"error": ERROR, "it": term}})


def test_of_our_terms_only_the_published_one_is_sparse_gradient_regularisation() -> None:
    sparse = [name for name in TERMS if kind(kind=name, weight=0.1).sparse]
    assert sparse == ["sparse_gradient"]


@pytest.mark.parametrize(
    ("term", "sparse"),
    [
        ({"kind": "lasso", "weight": 1.0}, False),
        ({"kind": "lasso", "weight": 1.0, "sparse_gradients": True}, True),
        ({"kind": "my_sparse_slope", "weight": 1.0}, True),
        ({"kind": "my_sparse_slope", "weight": 1.0, "sparse_gradients": False}, False),
        ({"kind": "sparse_gradient", "weight": 0.0}, False),
    ],
)
def test_a_term_of_a_package_that_is_not_here_is_read_from_its_record(
    term: dict[str, object], sparse: bool
) -> None:
    found = kind(**term)
    assert found.sparse is sparse
    assert (str(term["kind"]) in found.terms) is (term["weight"] != 0)


def test_plain_training_has_cross_entropy_on_clean_inputs_and_nothing_else() -> None:
    assert TrainingKind.of({"terms": {"error": ERROR}}).undefended
    for more in ({"inputs": {"threat": "linf"}}, {"rules": [{"kind": "retraction"}]}):
        assert not TrainingKind.of({"terms": {"error": ERROR}, **more}).undefended
