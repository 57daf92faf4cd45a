"""State that networks keep between calls, wherever they keep it and of whatever batch."""

from __future__ import annotations

import copy
import gc
import weakref
from collections import deque, namedtuple
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from adapters.hand_written import Spike, items
from spikeproof.adapters import adapt
from spikeproof.evaluate.footprint import batch_size_for

X = items(6)
Pair = namedtuple("Pair", "v z")


class Keeping(nn.Module):
    """Membranes of one batch, kept in a place of any kind."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fc1, self.fc2 = nn.Linear(X[0].numel(), 12), nn.Linear(12, 5)
        self.begin()

    def begin(self) -> None:
        """Make the place."""
        self.mem: Any = None

    def get(self) -> Any:
        """The membranes; None before the first call."""
        return self.mem

    def put(self, v: Tensor) -> None:
        """Keep membranes."""
        self.mem = v

    def forward(self, x: Tensor) -> Tensor:
        current, v = 2 * self.fc1(x.flatten(1)), self.get()
        total = torch.zeros(())
        for _ in range(3):
            v = current if v is None else 0.9 * v + current
            spikes = Spike.apply(v, 1.0)  # type: ignore[no-untyped-call]
            v = v * (1 - spikes)
            total = total + self.fc2(spikes)
        self.put(v)
        return total


class InTable(Keeping):
    def begin(self) -> None:
        self.table: dict[str, Any] = {}

    def get(self) -> Any:
        return self.table.get("layer")

    def put(self, v: Tensor) -> None:
        self.table["layer"] = v


class InList(Keeping):
    def begin(self) -> None:
        self.line: list[Any] = [[]]

    def get(self) -> Any:
        return self.line[0][0] if self.line[0] else None

    def put(self, v: Tensor) -> None:
        self.line[0][:] = [v]


class InQueue(Keeping):
    def begin(self) -> None:
        self.queue: deque[Any] = deque(maxlen=2)

    def get(self) -> Any:
        return self.queue[-1] if self.queue else None

    def put(self, v: Tensor) -> None:
        self.queue.append(v)


class InPair(Keeping):
    def begin(self) -> None:
        self.pair: Any = Pair(None, 0)

    def get(self) -> Any:
        return self.pair.v

    def put(self, v: Tensor) -> None:
        self.pair = Pair(v, 1)


class ItemsSecond(Keeping):
    """Features first, items second."""

    def get(self) -> Any:
        return None if self.mem is None else self.mem.t()

    def put(self, v: Tensor) -> None:
        self.mem = v.t()


class InBuffer(Keeping):
    def begin(self) -> None:
        self.register_buffer("mem", None, persistent=False)


class InPlace(Keeping):
    """Made for one batch, and written into."""

    def begin(self) -> None:
        self.mem = torch.zeros(6, 12)

    def put(self, v: Tensor) -> None:
        self.mem.copy_(v.detach())


KEEPING: list[type[Keeping]] = [
    Keeping, InTable, InList, InQueue, InPair, ItemsSecond, InBuffer, InPlace,
]  # fmt: skip


@pytest.mark.parametrize("rows", [1, 3, 6, 12])
@pytest.mark.parametrize("kind", KEEPING)
def test_state_of_an_earlier_batch_begins_anew_and_is_named(kind: Any, rows: int) -> None:
    fresh, net = kind(), kind()
    expected = {n: copy.deepcopy(fresh)(X[:n]) for n in (6,)}
    if kind is not InPlace:
        expected |= {n: copy.deepcopy(fresh)(X[:n]) for n in (1, 2, 3, 5)}
    with torch.no_grad():
        net(X[torch.arange(rows if kind is not InPlace else 6) % len(X)])
    held, values = net.get(), net.get().clone()
    if rows == 1 and kind is not InPlace:  # one row is stretched to any batch: it had begun
        assert "had begun when it was adapted" in str(adapt(net, example=X[:4]).reading)
        return
    for example in (X[:4], X[:1], X[:6]):
        adapted = adapt(net, example=example)
        for made in (adapted, copy.deepcopy(adapted).double().float()):
            for n, logits in expected.items():
                torch.testing.assert_close(made(X[:n]).detach(), logits.detach())
        assert adapted.reading.stateful and len(adapted.reading.state) == 1
        assert f"in {adapted.reading.state[0]}; begins anew" in str(adapted.reading)
        assert f"{tuple(values.t().shape if kind is ItemsSecond else values.shape)}, the state" in (
            str(adapted.reading)
        )
        assert "had begun" not in str(adapted.reading)
    assert torch.equal(net.get(), values)
    assert kind is ItemsSecond or net.get() is held


@pytest.mark.parametrize("kind", KEEPING)
def test_state_of_no_batch_yet_is_named_without_a_note(kind: Any) -> None:
    reading = adapt(kind(), example=X[:4]).reading
    assert reading.stateful and len(reading.state) == 1 and not reading.notes
    assert reading.record()["state"] == list(reading.state)


def test_rows_that_are_all_the_same_are_a_beginning_and_constants_stay() -> None:
    class Rest(Keeping):
        """Rests at a potential that is not zero; made for four items."""

        def begin(self) -> None:
            self.mem, self.mask = torch.full((4, 12), 0.4), torch.rand(4, 12) * 0 + 0.5

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) + self.mask.sum()

    net = Rest()
    expected = copy.deepcopy(net)(X[:4])
    adapted = adapt(net, example=X[:3])
    torch.testing.assert_close(adapted(X[:4]), expected)
    torch.testing.assert_close(adapted(X[:2]), expected[:2])
    assert not adapted.reading.notes and torch.equal(adapted.network.mask, net.mask)


class Once(nn.Module):
    """Leaves its last membranes behind and never reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.last = Keeping(), torch.zeros(())

    def forward(self, x: Tensor) -> Tensor:
        self.net.mem = None
        logits: Tensor = self.net(x)
        self.last = self.net.mem
        return logits


class Silent(Keeping):
    """Keeps membranes that no item here brings to the threshold, and keeps them without a graph."""

    def put(self, v: Tensor) -> None:
        self.mem = v.detach()

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(1e-4 * x - 10)


@pytest.mark.parametrize(("make", "carries"), [(Once, False), (Silent, True), (Keeping, True)])
def test_the_reading_says_whether_the_next_call_knows_of_the_last(
    make: Callable[[], nn.Module], carries: bool
) -> None:
    reading = adapt(make(), example=X[:4]).reading
    assert reading.stateful is carries and bool(reading.state) is carries
    assert f"carries state from call to call: {'yes, in mem' if carries else 'no'}" in str(reading)


def test_measuring_memory_leaves_no_state_behind() -> None:
    for kind in KEEPING:
        net, before = kind(), copy.deepcopy(kind())
        batch_size_for(net, X)
        held, was = net.get(), before.get()
        assert (held is None) == (was is None)
        assert held is None or torch.equal(held, was)


@pytest.mark.parametrize("kind", KEEPING[:5])
def test_what_a_pass_left_is_held_until_the_next_one_and_is_no_part_of_a_copy(kind: Any) -> None:
    class Watched(kind):  # type: ignore[misc]
        def put(self, v: Tensor) -> None:
            super().put(v)
            left.append(weakref.ref(v))

    left: list[Any] = []
    adapted = adapt(Watched(), example=X[:4])
    for _ in range(2):
        adapted(X.clone().requires_grad_(True)).sum().backward()
    gc.collect()
    assert adapted.network.get() is None and left[-1]() is not None
    assert [each() for each in left[:-1]] == [None] * (len(left) - 1)
    assert torch.equal(copy.deepcopy(adapted)(X), adapted(X))
