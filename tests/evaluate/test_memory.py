"""How much goes through a network at a time: measured, halved where it did not fit, never seen."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD, Member, Restarts, Suite, suite
from spikeproof.base import (
    BatchSize,
    OutOfMemory,
    SettingError,
    available_bytes,
    out_of_memory,
    seeds,
)
from spikeproof.base import memory as room
from spikeproof.data import Domain, Split, load
from spikeproof.evaluate import evaluate_ladder, open_test, plain_logits, probe, probed
from spikeproof.evaluate.footprint import _ask, batch_size_for, bytes_per_item, rows_that_fit
from spikeproof.models import ModelSpec, Network, build
from spikeproof.threats import Linf, Threat, standard_threats

CPU = torch.device("cpu")
DATA = load("digits")


def network() -> Network:
    return build("cnn-small", DATA, width=2, timesteps=2)


def narrow(wide: nn.Module, most: int, sentence: str = "not enough memory") -> nn.Module:
    """A network for which memory runs out above so many rows; it remembers how many it met."""

    class Narrow(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide = wide
            self.met: list[int] = []

        def forward(self, x: Tensor) -> Tensor:
            self.met.append(len(x))
            if len(x) > most:
                raise RuntimeError(f"[enforce fail at alloc_cpu.cpp:1] {sentence}: you tried 5 GB")
            logits: Tensor = self.wide(x)
            return logits

    return Narrow()


def outcome(model: nn.Module, name: str = "linf", **settings: Any) -> dict[str, np.ndarray]:
    """The arrays of one ladder of nine items."""
    attacks = settings.pop("suite", None) or Suite(
        (
            Member(attack=PGD(steps=3, step_size=0.5, stop=True)),
            Member(attack=Restarts(attack=PGD(steps=2, step_size=0.5), times=4)),
        )
    )
    split = settings.pop("split", None) or open_test(DATA, 9)
    ladder = standard_threats(DATA)[name][:2]
    found = evaluate_ladder(model, split, ladder, attacks, seed=0, draws=2, **settings)
    return found.arrays()


@pytest.fixture(scope="module")
def expected() -> dict[str, np.ndarray]:
    """The ladder in batches of which none is cut; do not change the arrays."""
    return outcome(network(), batch_size=256)


VERDICTS = ("items", "y", "correct", "broken", "member", "random_correct")


def check_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """Equal verdicts, and measurements up to the rounding of a product over another batch."""
    for name, array in expected.items():
        if name in VERDICTS:
            np.testing.assert_array_equal(found[name], array, err_msg=name)
        elif name == "clean_margin":
            np.testing.assert_allclose(found[name], array, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("name", ["linf", "l0"])
def test_the_batch_size_changes_no_verdict(size: int, name: str) -> None:
    chosen = suite("quick") if name == "l0" else None
    expected = outcome(network(), name, suite=chosen, batch_size=256)
    check_same(outcome(network(), name, suite=chosen, batch_size=size), expected)


def test_where_nothing_is_asked_for_small_networks_meet_what_they_always_met(
    expected: dict[str, np.ndarray],
) -> None:
    found = outcome(network())
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_restarts_count_as_rows() -> None:
    model = narrow(network(), 256)
    outcome(model, batch_size=8)
    assert max(model.met[2:]) <= 8  # the first two are the measurement of nobody: one is asked for
    assert 8 in model.met


def test_restarts_that_do_not_fit_beside_each_other_run_one_after_the_other(
    expected: dict[str, np.ndarray],
) -> None:
    model = narrow(network(), 256)
    found = outcome(model, batch_size=2)
    assert max(model.met) == 2
    check_same(found, expected)


def test_a_batch_that_does_not_fit_is_halved_and_the_result_is_the_same(
    expected: dict[str, np.ndarray],
) -> None:
    model = narrow(network(), 3)
    found = outcome(model, batch_size=64)
    assert max(model.met) > 3 >= model.met[-1]
    assert sum(rows > 3 for rows in model.met) < 8  # what was learnt is remembered
    check_same(found, expected)


def test_not_even_one_item_is_one_sentence() -> None:
    said = "Out of memory with one item at a time: .*not enough memory.*Use a smaller model"
    with pytest.raises(OutOfMemory, match=said) as caught:
        outcome(narrow(network(), 0), batch_size=4)
    assert "\n" not in str(caught.value)


def test_another_error_is_no_lack_of_memory() -> None:
    with pytest.raises(RuntimeError, match="something else"):
        outcome(narrow(network(), 0, "something else"), batch_size=4)


@pytest.mark.parametrize("size", [1, 4])
def test_a_probe_by_batches_finds_the_same(size: int) -> None:
    split = open_test(DATA, 6)
    threats = probed([t for ladder in standard_threats(DATA).values() for t in ladder])[:2]
    attack = PGD(steps=2, step_size=0.5)
    settings: dict[str, Any] = {"seed": 0, "draws": 2, "attack": attack}
    whole = probe(network(), split, threats, **settings)
    parts = probe(network(), split, threats, **settings, batch_size=size)
    assert parts.passes == whole.passes
    assert parts.activity == whole.activity
    for name, array in whole.arrays.items():
        np.testing.assert_allclose(parts.arrays[name], array, rtol=1e-3, atol=1e-6, err_msg=name)


def test_what_an_item_takes_does_not_hang_on_how_many_there_are() -> None:
    model, x = network(), open_test(DATA, 40).x
    few, many = bytes_per_item(model, x[:2]), bytes_per_item(model, x)
    assert few is not None and few == many
    wider = bytes_per_item(build("cnn-small", DATA, width=8, timesteps=8), x)
    assert wider is not None and wider > 4 * few


def test_measuring_leaves_network_and_generator_alone() -> None:
    model, state = network().train(), torch.get_rng_state()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    bytes_per_item(model, open_test(DATA, 2).x)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert model.training and all(p.grad is None for p in model.parameters())


def test_a_network_that_fails_is_not_measured_but_named_by_the_pass_that_counts() -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise ZeroDivisionError

    assert bytes_per_item(Broken(), torch.zeros(2, 1)) is None
    assert batch_size_for(Broken(), torch.zeros(2, 1)).rows == 256


def test_rows_are_those_of_the_memory_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def available(room: int | None) -> None:
        monkeypatch.setattr("spikeproof.evaluate.footprint.available_bytes", lambda _: room)

    available(1 << 34)
    assert rows_that_fit(1 << 10, CPU) == 256  # never more
    assert rows_that_fit(1 << 25, CPU) == 32  # 1 GiB, however much there is
    available(1 << 29)
    assert rows_that_fit(1 << 25, CPU) == 8  # half of what there is
    assert rows_that_fit(1 << 40, CPU) == 1
    available(None)
    assert rows_that_fit(1 << 25, CPU) == 32
    assert rows_that_fit(None, CPU) == 256


def limited(told: Connection) -> None:
    """Tell how much memory is there once a process may have so much more than it has."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 28),) * 2)
    told.send(available_bytes(CPU))


def told_by(server: ForkServerContext, target: Callable[..., None], *arguments: object) -> Any:
    """What a function says into its pipe in a process of its own."""
    ours, theirs = server.Pipe()
    process = server.Process(target=target, args=(theirs, *arguments))
    process.start()
    theirs.close()
    found = ours.recv()
    process.join()
    return found


def test_a_limit_of_the_process_is_seen(server: ForkServerContext) -> None:
    if not Path("/proc/self/statm").exists():
        pytest.skip("no /proc here")
    assert 0 < told_by(server, limited) <= 1 << 28


@pytest.mark.parametrize("version", [1, 2])
def test_control_groups_are_seen(version: int, tmp_path: Path) -> None:
    if version == 2:
        inner, most, used, cache = "0::/a/b", "memory.max", "memory.current", "inactive_file"
        base = tmp_path
    else:
        inner, most, used = "5:cpu,memory:/a/b", "memory.limit_in_bytes", "memory.usage_in_bytes"
        cache, base = "total_inactive_file", tmp_path / "memory"
    (base / "a" / "b").mkdir(parents=True)
    for folder, limit, usage in ((base / "a" / "b", "max", 5), (base / "a", 1000, 700)):
        (folder / most).write_text(f"{limit}\n")
        (folder / used).write_text(f"{usage}\n")
        (folder / "memory.stat").write_text(f"anon 3\n{cache} 100\n")
    process = tmp_path / "cgroup"
    process.write_text(f"12:cpu:/else\n{inner}\n")
    assert room._groups(tmp_path, process) == [400]


def test_errors_that_mean_memory() -> None:
    for problem in (
        MemoryError("Unable to allocate 5 GiB"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 5 bytes"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to"),
    ):
        assert out_of_memory(problem)
    assert not out_of_memory(ValueError("out of memory"))
    assert not out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True])
def test_a_batch_size_is_a_whole_number(wrong: Any) -> None:
    with pytest.raises(SettingError, match="batch size must be a whole number >= 1"):
        outcome(network(), batch_size=wrong)
    with pytest.raises(SettingError, match="batch size must be a whole number >= 1"):
        BatchSize(wrong)


def test_plain_answers_come_in_halves_too() -> None:
    x = open_test(DATA, 9).x
    model = narrow(network(), 4)
    logits = plain_logits(model, x)
    torch.testing.assert_close(logits, plain_logits(network(), x))
    assert model.met == [9, 4, 4, 1]


def test_items_in_a_file_are_read_a_part_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The split of a set that lies on disk: the ladder asks for rows, never for the whole."""
    monkeypatch.setattr("spikeproof.evaluate.ladder._CHECKED", 3)
    monkeypatch.setattr("spikeproof.evaluate.rungs._HELD", 3)
    split = open_test(DATA, 12)
    stored = np.memmap(tmp_path / "x", np.float32, "w+", shape=tuple(split.x.shape))
    stored[:] = split.x.numpy()
    asked: list[int] = []

    class Watched(Tensor):
        """Remembers how many rows every operator was asked to make."""

        @classmethod
        def __torch_function__(
            cls, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            with torch._C.DisableTorchFunctionSubclass():
                out = func(*args, **(kwargs or {}))
            if isinstance(out, Tensor) and out.ndim == 4 and func is not Tensor.detach:
                asked.append(len(out))
            return out

    x = torch.from_numpy(stored).as_subclass(Watched)
    found = outcome(network(), split=Split(x, split.y, split.items), batch_size=3)
    expected = outcome(network(), split=split, batch_size=3)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
    assert max(asked) == 3 and sum(asked) > 24


def resident(field: str) -> int:
    """VmRSS, the resident size of this process, or VmHWM, the largest that it had."""
    words = Path("/proc/self/status").read_text().split()
    return int(words[words.index(f"{field}:") + 1]) * 1024


def peak(told: Connection, name: str) -> None:
    """Tell the bytes of an item as measured and as the system counts them."""
    torch.set_num_threads(1)
    domain, rows = Domain(kind="image", shape=(3, 32, 32)), 40
    spec = ModelSpec(name=name, domain=domain, classes=10, width=8, timesteps=4)
    model = build(spec, seed=0).eval()
    each = bytes_per_item(model, torch.rand(2, 3, 32, 32))
    _ask(model, torch.rand(4, 3, 32, 32))
    before = resident("VmRSS")
    _ask(model, torch.rand(rows, 3, 32, 32))
    told.send((each, (resident("VmHWM") - before) / rows))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
@pytest.mark.parametrize("name", ["vgg-9", "sew-resnet-18"])
def test_what_is_measured_is_what_the_system_counts(name: str, server: ForkServerContext) -> None:
    """Against the largest resident size of a process of its own, up to what is not seen."""
    said, seen = told_by(server, peak, name)
    assert 0.2 * said < seen < said


def test_suite_of_its_own_takes_a_number_too() -> None:
    domain = Domain(kind="image", shape=(1, 4, 4))
    spec = ModelSpec(name="dense", domain=domain, classes=3, width=4, timesteps=2)
    model, x = build(spec, seed=0), torch.rand(5, 1, 4, 4)
    y, threat = plain_logits(model, x).argmax(1), Threat(Linf(), 0.1, domain)
    attacks = Suite((Member(attack=PGD(steps=2)),))
    one = attacks(model, x, y, threat, seeds=seeds(0, n=5), batch_size=2)
    other = attacks(model, x, y, threat, seeds=seeds(0, n=5))
    assert torch.equal(one.won, other.won)
