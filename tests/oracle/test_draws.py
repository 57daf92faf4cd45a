"""Networks that draw: whose draws, how many, and what each gradient makes of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from spikeproof.base import InputError, SettingError, seeds
from spikeproof.data import Domain
from spikeproof.evaluate import plain_logits, verify
from spikeproof.models import Direct, ModelSpec, Network, Poisson, build
from spikeproof.neurons import LIF, NoisyLIF, Surrogate, averaging, draw_spikes, drawing
from spikeproof.oracle import (
    CommonRandomNumbers,
    Expectation,
    ExpectedNetwork,
    GradientRule,
    Oracle,
    Smoothing,
    prediction_seeds,
    stochastic,
)
from spikeproof.threats import Linf, Threat

IMAGE = Domain(kind="image", shape=(1, 8, 8))
POISSON = ModelSpec(
    name="cnn-small",
    domain=IMAGE,
    classes=3,
    width=4,
    timesteps=3,
    encoder=Poisson(),
    neuron=LIF(threshold=0.5, surrogate=Surrogate("arctan", 1.0)),
)
NOISY = replace(
    POISSON, encoder=Direct(), neuron=NoisyLIF(threshold=0.5, surrogate=Surrogate("arctan", 1.0))
)
X = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0)).double()


def network(spec: ModelSpec) -> Network:
    """In float64 and evaluation mode, with statistics of the inputs."""
    model = build(spec, seed=0).double()
    model(X)
    return model.eval()


def score(logits: Tensor) -> Tensor:
    return logits @ torch.tensor([1.0, -2.0, 0.5], dtype=logits.dtype)


def by_hand(model: nn.Module, keys: object) -> tuple[Tensor, Tensor]:
    """Logits and gradient under given keys."""
    x = X.clone().requires_grad_(True)
    with drawing(keys):  # type: ignore[arg-type]
        logits = model(x)
    return logits.detach(), torch.autograd.grad(score(logits).sum(), x)[0]


@pytest.fixture(params=["poisson", "noisy"])
def model(request: pytest.FixtureRequest) -> Network:
    return network(POISSON if request.param == "poisson" else NOISY)


def test_every_question_draws_anew_and_every_oracle_alike(model: Network) -> None:
    answers = []
    for _ in range(2):
        with Oracle(model) as oracle:
            answers.append(
                [oracle.logits(X), oracle.logits_and_grad(X, score)[0], oracle.logits(X)]
            )
    assert all(torch.equal(a, b) for a, b in zip(*answers, strict=True))
    assert not torch.equal(answers[0][0], answers[0][1])
    assert not torch.equal(answers[0][0], answers[0][2])
    with Oracle(model, seeds=seeds(1, n=6)) as oracle:
        assert not torch.equal(oracle.logits(X), answers[0][0])


def test_the_logits_are_those_of_the_network_under_the_items_keys(model: Network) -> None:
    keys = seeds(3, n=6)
    zero = torch.zeros(6, dtype=torch.int64)
    expected = by_hand(model, keys.at(zero)), by_hand(model, keys.at(zero + 1))
    with Oracle(model, seeds=keys) as oracle:
        for logits, grad in expected:
            found = oracle.logits_and_grad(X, score)
            assert torch.equal(found[0], logits) and torch.equal(found[1], grad)


@pytest.mark.parametrize(
    "gradient",
    [
        None,
        Expectation(samples=2),
        CommonRandomNumbers(samples=2),
        ExpectedNetwork(),
        Smoothing(pairs=2),
    ],
    ids=repr,
)
def test_neither_the_batch_nor_its_order_changes_an_items_draws(
    model: Network, gradient: GradientRule | None
) -> None:
    keys, order = seeds(3, n=6), torch.tensor([4, 0, 5])
    with Oracle(model, gradient=gradient, seeds=keys) as oracle:
        whole = [oracle.logits_and_grad(X, score)[1] for _ in range(2)]
    with Oracle(model, gradient=gradient, seeds=keys) as oracle:
        for number in range(2):
            some = oracle.logits_and_grad(X[order], score, order)[1]
            torch.testing.assert_close(some, whole[number][order], rtol=1e-9, atol=1e-12)
    with Oracle(model, gradient=gradient, seeds=keys[order]) as oracle:
        alone = oracle.logits_and_grad(X[order], score)[1]
    torch.testing.assert_close(alone, whole[0][order], rtol=1e-9, atol=1e-12)


def test_rows_and_seeds_that_do_not_fit_are_refused(model: Network) -> None:
    with Oracle(model, seeds=seeds(0, n=3)) as oracle, pytest.raises(InputError, match="3 seeds"):
        oracle.logits(X)
    with Oracle(model) as oracle, pytest.raises(InputError, match="6 items, 2 positions"):
        oracle.logits(X, torch.tensor([0, 1]))


def test_the_expectation_is_the_mean_of_single_gradients_over_fresh_draws(model: Network) -> None:
    keys = seeds(3, n=6).at(torch.zeros(6, dtype=torch.int64))
    singles = [by_hand(model, keys.child("sample", k)) for k in range(4)]
    assert len({grad.numpy().tobytes() for _, grad in singles}) == 4
    with Oracle(model, gradient=Expectation(samples=4), seeds=seeds(3, n=6)) as oracle:
        logits, grad = oracle.logits_and_grad(X, score)
        second = oracle.logits_and_grad(X, score)[1]
    torch.testing.assert_close(logits, torch.stack([z for z, _ in singles]).mean(0))
    torch.testing.assert_close(grad, torch.stack([g for _, g in singles]).mean(0))
    assert not torch.allclose(grad, second)


def test_the_mean_attack_climbs_the_network_without_randomness() -> None:
    for spec, calm in (
        (POISSON, replace(POISSON, encoder=Direct())),
        (NOISY, replace(NOISY, neuron=POISSON.neuron)),
    ):
        model, quiet = network(spec), build(calm).double()
        quiet.load_state_dict(model.state_dict())
        with Oracle(model, gradient=ExpectedNetwork()) as oracle, Oracle(quiet) as other:
            logits, grad = oracle.logits_and_grad(X, score)
            torch.testing.assert_close(grad, other.logits_and_grad(X, score)[1])
        with Oracle(model) as oracle:
            assert torch.equal(oracle.logits(X), logits)


def test_a_replay_repeats_the_draws_of_the_evaluation(model: Network) -> None:
    items = torch.tensor([7, 3, 11, 0, 5, 2])
    with Oracle(
        model, gradient=CommonRandomNumbers(samples=3), seeds=seeds(0, items=items)
    ) as oracle:
        first = oracle.logits_and_grad(X, score)
        again = oracle.logits_and_grad(X, score)
        assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
        judged = plain_logits(model, X, items=items, samples=3)
        assert torch.equal(oracle.logits(X), judged)
    singles = [by_hand(model, prediction_seeds(items, k))[1] for k in range(3)]
    torch.testing.assert_close(first[1], torch.stack(singles).mean(0))


def test_a_prediction_depends_on_the_item_alone(model: Network) -> None:
    items, order = torch.arange(10, 16), torch.tensor([3, 1])
    whole = plain_logits(model, X, items=items)
    torch.testing.assert_close(
        plain_logits(model, X[order], items=items[order]), whole[order], rtol=1e-12, atol=1e-12
    )
    assert not torch.equal(plain_logits(model, X), whole)
    singles = []
    for k in range(3):
        with torch.no_grad(), drawing(prediction_seeds(items, k)):
            singles.append(model(X))
    torch.testing.assert_close(
        plain_logits(model, X, items=items, samples=3), torch.stack(singles).mean(0)
    )


def test_verification_judges_by_the_same_draws(model: Network) -> None:
    items, y = torch.arange(10, 16), torch.zeros(6, dtype=torch.int64)
    threat = Threat(Linf(), 0.1, IMAGE)
    seen = verify(model, X, X, y, threat, items=items, samples=2)
    logits = plain_logits(model, X, items=items, samples=2)
    assert torch.equal(seen.predicted, logits.argmax(1))


def test_predictions_refuse_what_makes_no_sense(model: Network) -> None:
    with pytest.raises(SettingError, match="samples"):
        plain_logits(model, X, samples=0)
    with pytest.raises(InputError, match="6 inputs and 2 item numbers"):
        plain_logits(model, X, items=torch.arange(2))


def test_a_network_that_draws_is_told_from_one_that_does_not() -> None:
    assert stochastic(network(POISSON), X[:1])
    assert stochastic(network(NOISY), X[:1])
    assert not stochastic(network(replace(POISSON, encoder=Direct())), X[:1])
    assert stochastic(nn.Dropout(0.5).train(), torch.ones(1, 64))
    assert not stochastic(nn.Dropout(0.5).eval(), torch.ones(1, 64))


def test_averaging_ends_with_its_block_also_after_an_error() -> None:
    p = torch.full((2, 3, 4), 0.5)
    with averaging():
        assert torch.equal(draw_spikes(p), p)
    with pytest.raises(RuntimeError, match="boom"), averaging():
        raise RuntimeError("boom")
    with drawing(seeds(0, n=3)) as source:
        assert set(draw_spikes(p).flatten().tolist()) == {0.0, 1.0}
    assert source.served == 1
    model = network(NOISY)
    with (
        pytest.raises(RuntimeError, match="boom"),
        Oracle(model, gradient=ExpectedNetwork()) as oracle,
    ):
        oracle.logits_and_grad(X, _boom)
    assert not torch.equal(
        plain_logits(model, X, items=torch.arange(6, 12)), plain_logits(model, X)
    )


def _boom(logits: Tensor) -> Tensor:
    raise RuntimeError("boom")
