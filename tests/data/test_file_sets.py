"""Sets that come as files: every published layout, what each refuses, and the real files."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spikeproof.base import FileProblem, SettingError, digest
from spikeproof.data import (
    DATASETS,
    AudioMnist,
    Binning,
    Cifar10,
    Cifar10Dvs,
    Cifar100,
    CremaD,
    Dataset,
    Dvs128Gesture,
    Fsdd,
    FsddSpeakers,
    Lipsfus,
    Listed,
    Mnist,
    MnistFsdd,
    NMnist,
    Recording,
    Source,
    SpeechCommands,
    Views,
    load,
    store,
    write_back,
)
from spikeproof.data.content import content_keys
from spikeproof.data.layouts import fitted, python_batch, read_wav, resampled
from spikeproof.data.pairs import chosen_clips, paired
from spikeproof.data.sets import n_caltech101
from spikeproof.data.sets.cifar10_dvs import CLASSES, SPLIT_SHA256, test_numbers
from spikeproof.data.streams import NTidigitsFile, write_n_tidigits
from support import made_sets
from support.published_files import REAL, source


@pytest.fixture(autouse=True)
def _no_cache_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Decoded sets go to a folder of the test."""
    monkeypatch.setenv("SPIKEPROOF_CACHE", str(tmp_path / "cache"))
    store._arrays_of.cache_clear()
    yield
    store._arrays_of.cache_clear()


def whole(data: Dataset) -> dict[int, tuple[torch.Tensor, int, str]]:
    """Item number → input, label and split."""
    parts = {"train": data.train, "validation": data.validation, "test": data.sealed}
    return {
        int(item): (x, int(y), name)
        for name, part in parts.items()
        for x, y, item in zip(part.x, part.y, part.items, strict=True)
    }


def own(monkeypatch: pytest.MonkeyPatch, name: str, **settings: Any) -> None:
    """Let a set be read with other settings."""
    made = DATASETS[name](**settings)
    monkeypatch.setitem(DATASETS.members, name, lambda: made)


# Images


def test_mnist_is_read_from_idx_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (24, 28, 28)), np.arange(24) % 2
    files = {
        "train-images-idx3-ubyte.gz": made_sets.idx(x[:20]),
        "train-labels-idx1-ubyte.gz": made_sets.idx(y[:20]),
        "t10k-images-idx3-ubyte.gz": made_sets.idx(x[20:]),
        "t10k-labels-idx1-ubyte.gz": made_sets.idx(y[20:]),
    }
    own(monkeypatch, "mnist", published=source(files, tmp_path))
    data = load("mnist", folder=tmp_path)
    assert [len(data.train), len(data.validation), len(data.sealed)] == [18, 2, 4]
    for item, (one, label, _) in whole(data).items():
        assert torch.equal((one[0] * 255).round(), torch.from_numpy(x[item]).float())
        assert label == y[item]
    assert Mnist.facts.pinned == {}


def test_cifar100_is_read_from_its_archive_and_from_python_batches(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (6, 3, 32, 32)).astype(np.uint8)
    y = np.array([99, 0, 17, 5, 40, 99])
    name = "cifar-100-binary.tar.gz"
    packed = source({name: made_sets.cifar100_archive(x, y, train=4)}, tmp_path / "archive")
    pickles = {
        "train": made_sets.batch_pickle(x[:4], y[:4], labels="fine_labels"),
        "test": made_sets.batch_pickle(x[4:], y[4:], labels="fine_labels"),
    }
    python = source(pickles, tmp_path / "python")
    reader = Cifar100(published=packed, python=python)
    for folder in ("archive", "python"):
        found = reader(tmp_path / folder)
        assert found.official == 4
        assert np.array_equal(found.x.numpy(), x)
        assert found.y.tolist() == y.tolist()
    damaged = source({name: b"no archive"}, tmp_path / "archive")
    with pytest.raises(FileProblem, match="no archive of CIFAR-100"):
        Cifar100(published=damaged)(tmp_path / "archive")


def test_a_set_whose_published_hash_is_an_md5_is_held_to_it(tmp_path: Path) -> None:
    (tmp_path / "cifar-100-python").mkdir()
    (tmp_path / "cifar-100-python" / "train").write_bytes(b"something else")
    with pytest.raises(FileProblem, match=r"train is not the published file.*md5 [0-9a-f]{32}"):
        Cifar100()(tmp_path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x80\x02cos\nsystem\nq\x01U\x02lsq\x02\x85Rq\x03.", "it names 'os system'"),
        (b"\x80\x02cbuiltins\neval\nU\x011\x85R.", "it names 'builtins eval'"),
        (b"\x80\x02cnumpy\nndarray\nK\x01\x85R.", "it calls something"),
        (b"\x80\x02}q\x01.", None),
        (b"\x80\x02(lp0\n.", "opcode LIST"),
        (b"", None),
        (b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f.", None),
    ],
)
def test_a_pickle_of_anything_but_plain_data_is_refused_unread(
    content: bytes, why: str | None
) -> None:
    with pytest.raises(FileProblem, match=why or "no batch of CIFAR"):
        python_batch(content, "data_batch_1")


def test_mutated_batches_are_refused_or_read_and_never_crash() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (1, 3, 32, 32)).astype(np.uint8), np.array([7])
    good = made_sets.batch_pickle(x, y)
    edges = [*range(120), *range(len(good) - 110, len(good))]
    for number in range(300):
        spoilt = bytearray(good)
        for _ in range(1 + number % 3):
            spoilt[int(rng.choice(edges))] = int(rng.integers(256))
        with contextlib.suppress(FileProblem):
            python_batch(bytes(spoilt), "data_batch_1")


# Events


def test_n_mnist_is_read_from_folders_as_its_binning_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = made_sets.n_mnist(tmp_path)
    data = load("n-mnist", folder=tmp_path)
    assert (len(data.train) + len(data.validation), len(data.sealed)) == (12, 4)
    assert data.spec.notes == ("16 of the 70,000 recordings of the set are here.",)
    order = sorted(made, key=lambda name: (name.startswith("Test"), name.rpartition("/")[2]))
    for item, (x, y, part) in whole(data).items():
        name = order[item]
        assert (y, part == "test") == (int(name.split("/")[1]), name.startswith("Test"))
        assert torch.equal(x, NMnist().binning(made[name]))
        data.domain.check(x[None])


def test_an_item_of_n_mnist_goes_back_to_a_recording_and_gives_the_same_frames(
    tmp_path: Path,
) -> None:
    made = made_sets.n_mnist(tmp_path, train=4, test=2)
    data, binning = load("n-mnist", folder=tmp_path), NMnist().binning
    frames = data.sealed.x[0].clone()
    frames[3, 1, 5, 5] += 2
    frames[:, 0, 10] = 0
    names = [name for name in made if name.startswith("Test")]
    back = write_back(made[names[int(data.sealed.items[0]) - 4]], frames, binning)
    assert torch.equal(binning(back.recording), frames)


def test_n_mnist_from_packed_columns_is_the_same_as_from_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = made_sets.n_mnist(tmp_path, train=6, test=2)
    names = sorted(made, key=lambda name: (name.startswith("Test"), name.rpartition("/")[2]))
    path = tmp_path / "packed" / "nmnist_subset.npz"
    made_sets.packed_recordings(
        path,
        [made[name] for name in names],
        label=np.array([int(name.split("/")[1]) for name in names], np.uint8),
        split=np.array([name.startswith("Test") for name in names], np.uint8),
    )
    first = load("n-mnist", folder=tmp_path)
    held = source({path.name: path.read_bytes()}, tmp_path / "packed")
    own(monkeypatch, "n-mnist", published=held)
    second = load("n-mnist", folder=tmp_path / "packed")
    assert first.spec.sha256 == second.spec.sha256


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-2]), "no whole events of 5"),
        (lambda path: path.write_bytes(b""), "no events|empty"),
        (lambda path: path.write_bytes(b"\xff\xff\x80\x00\x05" * 3), "x = 255|sensor"),
    ],
    ids=["truncated", "empty", "outside"],
)
def test_a_spoilt_recording_is_refused_by_name_and_nothing_is_cached(
    tmp_path: Path, spoil: Any, sentence: str
) -> None:
    made_sets.n_mnist(tmp_path, train=4, test=2)
    spoil(tmp_path / "n-mnist" / "Train" / "7" / "00002.bin")
    with pytest.raises(FileProblem, match=sentence) as caught:
        load("n-mnist", folder=tmp_path)
    assert "00002.bin" in str(caught.value)
    assert not list((tmp_path / "cache").iterdir())


def test_gestures_are_read_from_recordings_and_their_tables(tmp_path: Path) -> None:
    place = made_sets.gestures(tmp_path)
    data = load("dvs128-gesture", folder=tmp_path)
    assert (len(data.train) + len(data.validation), len(data.sealed)) == (3, 3)
    one = made_sets.recording(1, (2, 128, 128), last=9_000_000, events=4000)
    reader = Dvs128Gesture()
    for item, (x, y, _) in whole(data).items():
        if item >= 3:
            begin = 3_000_000 * y
            part = one.window(begin, begin + reader.duration, rebase=True)
            small = Recording(part.t, part.x // 4, part.y // 4, part.p, (2, 32, 32))
            assert torch.equal(x, Binning(timesteps=16, duration=reader.duration)(small))
    (place / "user02_lab_labels.csv").write_text("class,startTime_usec,endTime_usec\n12,0,5\n")
    with pytest.raises(FileProblem, match=r"user02_lab_labels\.csv names a class outside 1 to 11"):
        reader(tmp_path)
    (place / "user02_lab.aedat").unlink()
    with pytest.raises(FileProblem, match=r"There is no .*user02_lab\.aedat"):
        reader(tmp_path)


def test_n_caltech101_is_read_by_class_with_one_fixed_split(tmp_path: Path) -> None:
    numbers = n_caltech101.test_numbers()
    assert digest(list(numbers)) == n_caltech101.SPLIT_SHA256
    assert len(set(n_caltech101.CLASSES)) == 101
    assert [(n - 1) // 10 for n in numbers] == list(range(80))  # one of every ten
    made = made_sets.pictures_before_a_camera(tmp_path, tuple(range(1, 21)))
    stray = tmp_path / "Caltech101" / "Faces" / "image_0001.bin"  # the class that was left out
    stray.parent.mkdir()
    stray.write_bytes(b"12345")
    data = load("n-caltech101", folder=tmp_path)
    assert (len(data.train) + len(data.validation), len(data.sealed)) == (36, 4)
    assert data.spec.notes == ("40 of the 8,709 recordings of the set are here.",)
    tests = [name for name in made if int(name[-8:-4]) in numbers]
    for item, x, y in zip(data.sealed.items - 36, data.sealed.x, data.sealed.y, strict=True):
        name = tests[int(item)]
        assert n_caltech101.CLASSES[y] == name.split("/")[0]
        one = made[name]
        small = Recording(one.t, one.x // 5, one.y // 5, one.p, (2, 36, 48))
        assert torch.equal(x, n_caltech101.NCaltech101(pool=1).binning(small))
    path = tmp_path / "Caltech101" / tests[0]
    path.write_bytes(path.read_bytes() + bytes([0, 200, 0, 0, 1]))
    store._arrays_of.cache_clear()
    with pytest.raises(FileProblem, match=tests[0].rpartition("/")[2]):
        load("n-caltech101", folder=tmp_path)


def test_cifar10_dvs_has_one_fixed_split(tmp_path: Path) -> None:
    assert digest(list(test_numbers())) == SPLIT_SHA256
    assert len(set(test_numbers())) == 100 and max(test_numbers()) < 1000
    made_sets.moving_pictures(tmp_path, (test_numbers()[0], 0, 1, 2))
    assert 0 not in test_numbers() and 1 not in test_numbers() and 2 not in test_numbers()
    data = load("cifar10-dvs", folder=tmp_path)
    assert len(data.train) + len(data.validation) == 6
    assert sorted(data.sealed.y.tolist()) == [CLASSES.index("cat"), CLASSES.index("dog")]
    one = made_sets.recording(test_numbers()[0], (2, 128, 128), last=1_200_000, events=60)
    begun = Recording(one.t - one.t[0], one.x, one.y, one.p, one.sensor)
    small = Recording(begun.t, one.x // 4, one.y // 4, one.p, (2, 32, 32))
    cat = data.sealed.x[data.sealed.y == CLASSES.index("cat")][0]
    assert torch.equal(cat, Cifar10Dvs().binning(begun))
    assert torch.equal(cat, Cifar10Dvs(pool=1).binning(small))


def test_heidelberg_spikes_are_read_as_counts_on_lines(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    made = made_sets.spiking_digits(tmp_path / "shd", ("shd_train.h5", "shd_test.h5"))
    data = load("shd", folder=tmp_path)
    assert (len(data.train) + len(data.validation), len(data.sealed)) == (6, 6)
    for item, (x, _, _) in whole(data).items():
        expected = np.zeros((100, 140), np.int64)
        bins = np.minimum(made[item].t * 100 // 1_400_000, 99)
        np.add.at(expected, (bins, made[item].x // 5), 1)
        assert np.array_equal(x.numpy(), expected)
    names = ("ssc_train.h5", "ssc_valid.h5", "ssc_test.h5")
    made_sets.spiking_digits(tmp_path / "ssc", names)
    spoken = load("ssc", folder=tmp_path)
    assert sorted(spoken.validation.items.tolist()) == list(range(6, 12))
    (tmp_path / "shd" / "shd_test.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    store._arrays_of.cache_clear()
    with pytest.raises(FileProblem, match=r"shd_test\.h5"):
        load("shd", folder=tmp_path)


TIDIGITS = {
    "train": ("man-ae-a-z", "man-ae-b-z", "woman-ba-a-o", "man-ae-a-12z", "woman-ba-b-o"),
    "test": ("man-im-a-7557", "man-im-a-7", "woman-kz-b-9"),
}


def test_single_digits_before_a_cochlea_are_read_as_counts_of_its_channels(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    made = made_sets.cochlea_digits(tmp_path / "n-tidigits" / "n-tidigits.hdf5", TIDIGITS)
    data = load("n-tidigits", folder=tmp_path)
    wanted = {"man-ae-a-z": 0, "man-ae-b-z": 0, "woman-ba-a-o": 10, "woman-ba-b-o": 10}
    wanted |= {"man-im-a-7": 7, "woman-kz-b-9": 9}  # utterances of several digits are left out
    assert len(data.sealed) == 2 and data.spec.classes == 11
    assert data.spec.notes == ("6 of the 4,950 single digits of the set are here.",)
    found = whole(data)
    assert len(found) == 6
    reader = DATASETS["n-tidigits"]()
    for item, (name, label) in enumerate(wanted.items()):
        x, y, _ = found[item]
        expected = np.zeros((100, 64), np.int64)
        np.add.at(expected, (np.minimum(made[name].t * 100 // 1_500_000, 99), made[name].x), 1)
        assert y == label and np.array_equal(x.numpy(), expected)
        # Attacked counts come back as a recording of the cochlea, in the ticks of its file.
        x = x.clone()
        x[3, 5], x[40, 60] = x[3, 5] + 1, 0
        back = reader.written_back(made[name], x).recording
        write_n_tidigits(tmp_path / "back.hdf5", {"test": {name: back}})
        again = NTidigitsFile(tmp_path / "back.hdf5", "test")[0]
        assert np.array_equal(reader.binning(again).numpy().reshape(100, 64), x.numpy())


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ({**TIDIGITS, "train": ("man-ae-a-z", "seven")}, "train recording of the name 'seven'"),
        ({**TIDIGITS, "test": ("man-ae-a-z", "man-ae-a-8x")}, "of the name 'man-ae-a-8x'"),
        ({**TIDIGITS, "test": ("man-im-a-7557",)}, "has no test recording of a single digit"),
        ({"train": TIDIGITS["train"]}, "has no /test_labels"),
    ],
)
def test_a_file_of_n_tidigits_of_other_names_or_parts_is_refused_in_one_sentence(
    tmp_path: Path, names: dict[str, tuple[str, ...]], sentence: str
) -> None:
    pytest.importorskip("h5py")
    path = tmp_path / "NTIDIGITS" / "n-tidigits.hdf5"
    made_sets.cochlea_digits(path, names)
    with pytest.raises(FileProblem) as refusal:
        load("n-tidigits", folder=tmp_path)
    text = str(refusal.value)
    assert sentence in text and str(path) in text and "get " in text and "\n" not in text


def test_a_folder_without_n_tidigits_and_a_file_that_is_none_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    with pytest.raises(FileProblem, match=r"n-tidigits\.hdf5 in it .*docs\.google\.com"):
        load("n-tidigits", folder=tmp_path)
    (tmp_path / "n-tidigits.hdf5").write_bytes(b"\x89HDF\r\n\x1a\n and no more")
    with pytest.raises(FileProblem, match=r"n-tidigits\.hdf5 is no whole N-TIDIGITS file"):
        load("n-tidigits", folder=tmp_path)


# Sounds


def test_spoken_digits_are_split_by_take_and_by_speaker(tmp_path: Path) -> None:
    made = made_sets.spoken_digits(tmp_path)
    takes, speakers = load("fsdd", folder=tmp_path), load("fsdd-speakers", folder=tmp_path)
    for data, is_test in (
        (takes, lambda name: int(name[:-4].split("_")[2]) < 5),
        (speakers, lambda name: name.split("_")[1] == "theo"),
    ):
        order = sorted(made, key=lambda name: (is_test(name), name))
        for item, (x, y, part) in whole(data).items():
            name = order[item]
            assert (part == "test", y) == (is_test(name), int(name[0]))
            assert np.array_equal((x * 32768).numpy(), fitted(made[name], 4096))


def test_a_sound_of_another_rate_is_refused(tmp_path: Path) -> None:
    made_sets.spoken_digits(tmp_path, takes=1, rate_hz=16000)
    with pytest.raises(FileProblem, match=r"wav has 16000 samples per second.*8000"):
        load("fsdd", folder=tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"RIFF", "no WAV file"),
        (made_sets.wav(np.zeros(9), 8000)[:-4], "truncated"),
        (made_sets.wav(np.zeros(0), 8000), "empty"),
        (made_sets.wav(np.zeros(8), 8000, channels=2), "2 channels"),
        (b"", "no WAV file"),
    ],
)
def test_a_spoilt_sound_is_refused_by_name(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = made_sets.write(tmp_path / "one.wav", content)
    with pytest.raises(FileProblem, match=sentence) as caught:
        read_wav(path, rate_hz=8000)
    assert str(path) in str(caught.value)


def test_a_sound_is_resampled_without_what_is_above_half_the_rate() -> None:
    from spikeproof.data.layouts import Sound

    t = np.arange(48000) / 48000
    low, high = (np.rint(9000 * np.sin(2 * np.pi * hz * t)).astype(np.int16) for hz in (500, 9000))
    kept = resampled(Sound(samples=low, rate_hz=48000), 8000)
    lost = resampled(Sound(samples=high, rate_hz=48000), 8000)
    assert kept.rate_hz == 8000 and len(kept.samples) == 8000
    wanted = 9000 * np.sin(2 * np.pi * 500 * np.arange(8000) / 8000)
    assert np.abs(kept.samples - wanted)[100:-100].max() < 60
    assert np.abs(lost.samples.astype(int))[100:-100].max() < 90


def test_a_long_sound_is_cut_to_where_its_energy_is() -> None:
    rng = np.random.default_rng(0)
    samples = rng.integers(-20000, 20000, 90).astype(np.int16)
    energies = [int((samples[k : k + 40].astype(np.int64) ** 2).sum()) for k in range(51)]
    first = int(np.argmax(energies))
    assert np.array_equal(fitted(samples, 40), samples[first : first + 40])


def test_audiomnist_goes_by_the_published_speakers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for speaker in (1, 12, 26):
        for digit in (0, 4):
            path = tmp_path / "AudioMNIST/data" / f"{speaker:02d}" / f"{digit}_{speaker:02d}_0.wav"
            made_sets.write(path, made_sets.wav(rng.integers(-900, 900, 24000), 48000))
    data = load("audiomnist", folder=tmp_path)
    assert data.domain.shape == AudioMnist().domain.shape == (8000,)
    assert data.spec.notes == ("6 of the 30,000 clips of the set are here.",)
    assert [len(data.train), len(data.validation), len(data.sealed)] == [2, 2, 2]


def test_speech_commands_go_by_the_published_lists(tmp_path: Path) -> None:
    place, rng = tmp_path / "speech_commands_v0.02", np.random.default_rng(0)
    names = [f"{word}/{who}_nohash_0.wav" for word in ("yes", "no") for who in ("aa", "bb", "cc")]
    for name in [*names, "_background_noise_/pink.wav"]:
        made_sets.write(place / name, made_sets.wav(rng.integers(-900, 900, 16000), 16000))
    (place / "validation_list.txt").write_text("yes/bb_nohash_0.wav\nno/bb_nohash_0.wav\n")
    (place / "testing_list.txt").write_text("yes/cc_nohash_0.wav\nno/cc_nohash_0.wav\n")
    data = load("speech-commands", folder=tmp_path)
    assert [len(data.train), len(data.validation), len(data.sealed)] == [2, 2, 2]
    (place / "testing_list.txt").write_text("yes/cc_nohash_0.wav\nno/dd_nohash_0.wav\n")
    with pytest.raises(FileProblem, match=r"'no/dd_nohash_0\.wav', which is not there"):
        SpeechCommands()(tmp_path)


# Pairs


def test_pairs_share_the_digit_and_no_speaker_of_the_test(tmp_path: Path) -> None:
    made_sets.n_mnist(tmp_path)
    clips = made_sets.spoken_digits(tmp_path)
    pairs, seen = load("nmnist-fsdd", folder=tmp_path), load("n-mnist", folder=tmp_path)
    assert isinstance(pairs.domain, Views)
    heard = {
        fitted(samples, 4096).astype(np.float32).tobytes(): name for name, samples in clips.items()
    }
    recordings = whole(seen)
    for item, (x, y, part) in whole(pairs).items():
        views = pairs.domain.unpack(x[None])
        assert torch.equal(views["events"][0], recordings[item][0])
        assert (y, part) == recordings[item][1:]
        name = heard[(views["audio"][0] * 32768).numpy().tobytes()]
        assert int(name[0]) == y
        assert (name.split("_")[1] == "theo") == (part == "test")


def test_scans_are_paired_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_sets.spoken_digits(tmp_path)
    x, y = np.random.default_rng(0).integers(0, 256, (8, 28, 28)), np.array([3, 7] * 4)
    files = {
        f"{part}-{kind}-ubyte.gz": made_sets.idx(array[where])
        for part, where in (("train", slice(0, 6)), ("t10k", slice(6, 8)))
        for kind, array in (("images-idx3", x), ("labels-idx1", y))
    }
    order = [f"{p}-{k}-ubyte.gz" for p in ("train", "t10k") for k in ("images-idx3", "labels-idx1")]
    held = source({name: files[name] for name in order}, tmp_path)
    own(monkeypatch, "mnist-fsdd", image=Mnist(published=held))
    data = load("mnist-fsdd", folder=tmp_path)
    assert len(data.sealed) == 2 and isinstance(data.domain, Views)
    item = int(data.sealed.items[0])
    image = data.domain.unpack(data.sealed.x[:1])["image"]
    assert torch.equal((image[0, 0] * 255).round(), torch.from_numpy(x[item]).float())
    assert MnistFsdd().domain == data.domain


def test_a_digit_that_nobody_says_is_refused() -> None:
    with pytest.raises(FileProblem, match="No test clip says 4, and 2 items show it"):
        paired(np.array([1, 4, 4]), np.array([1, 1]), part="test")


def test_clips_are_used_equally_often_and_none_twice_before_all_once() -> None:
    spoken = np.repeat(np.arange(3), 5)
    found = paired(np.repeat(np.arange(3), 12), spoken, part="train")
    assert set(np.bincount(found, minlength=15).tolist()) == {2, 3}
    assert len(set(paired(np.repeat(np.arange(3), 5), spoken, part="train").tolist())) == 15


def emotional(folder: Path) -> Path:
    """Four clips of CREMA-D's kind: two actors of training, one of validation, one of the test."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for actor in (1001, 1002, 1064, 1073):
        name = f"{actor}_DFA_{'ANG' if actor % 2 else 'SAD'}_XX"
        sound = made_sets.wav(rng.integers(-900, 900, 20000), 16000)
        made_sets.write(folder / "AudioWAV" / f"{name}.wav", sound)
        for number in range(10):
            path = folder / "VideoFrames" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (64, 64), (10 * number, 10 * number, 10 * number)).save(path)
    return folder


def test_emotions_are_read_from_sounds_and_frames_of_one_name(tmp_path: Path) -> None:
    place = emotional(tmp_path / "CREMA-D")
    data = load("crema-d", folder=tmp_path)
    assert [len(data.train), len(data.validation), len(data.sealed)] == [2, 1, 1]
    assert isinstance(data.domain, Views)
    image = data.domain.unpack(data.sealed.x)["image"][0]
    levels = (image.flatten(1).mean(1) * 255).round().tolist()
    assert levels == [0, 10, 30, 40, 50, 60, 80, 90]  # eight of ten, evenly spaced
    shutil.rmtree(place / "VideoFrames" / "1064_DFA_SAD_XX")
    with pytest.raises(FileProblem, match="1064_DFA_SAD_XX has no pictures"):
        CremaD()(tmp_path)
    (place / "AudioWAV" / "1064_DFA_SAD_XX.wav").unlink()
    (place / "VideoFrames" / "1001_DFA_ANG_XX" / "0.png").write_bytes(b"no picture")
    store._arrays_of.cache_clear()
    with pytest.raises(FileProblem, match=r"0\.png is no PNG picture"):
        load("crema-d", folder=tmp_path)


# What holds of all of them


FILE_SETS = [name for name in DATASETS if hasattr(DATASETS[name](), "published")]


@pytest.mark.parametrize("name", FILE_SETS)
def test_without_its_files_a_set_says_what_to_put_where(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileProblem) as caught:
        load(name, folder=tmp_path)
    assert str(tmp_path) in str(caught.value) and "http" in str(caught.value)
    assert str(caught.value).count(". ") <= 2
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("name", FILE_SETS)
def test_a_reader_prints_its_settings_and_its_domain_has_its_modality(name: str) -> None:
    reader = DATASETS[name]()
    assert type(reader).__name__ in repr(reader)
    assert replace(reader) == reader  # type: ignore[type-var]


def test_settings_that_make_no_sense_are_refused() -> None:
    for make in (
        lambda: NMnist(most=300),
        lambda: NMnist(timesteps=0),
        lambda: Fsdd(length=0),
        lambda: FsddSpeakers(test_speakers=()),
        lambda: FsddSpeakers(test_speakers=("theo", "theo")),
        lambda: DATASETS["shd"](pool=3),
        lambda: DATASETS["i2e-cifar10"](ratio=0.0),
        lambda: Dvs128Gesture(pool=5).frames(
            made_sets.recording(0, (2, 128, 128), last=9, events=9)
        ),
    ):
        with pytest.raises(SettingError):
            make()


# The real files


def real(*names: str) -> pytest.MarkDecorator:
    """Skips a test where real files are not at hand."""
    lacking = [name for name in names if not (REAL / name).exists()]
    return pytest.mark.skipif(bool(lacking), reason=f"no {', '.join(lacking)} in {REAL}")


@real("nmnist/nmnist_subset.npz", "fsdd/fsdd.npz")
def test_the_real_recordings_and_clips_overlap_in_no_item_and_no_speaker() -> None:
    sizes = {
        "n-mnist": (900, 100, 100),
        "fsdd": (2430, 270, 300),
        "fsdd-speakers": (1800, 200, 1000),
    }
    for name, wanted in sizes.items():
        data = load(name, folder=REAL)
        assert (len(data.train), len(data.validation), len(data.sealed)) == wanted
        keys = [content_keys(part.x) for part in (data.train, data.validation, data.sealed)]
        assert len(torch.cat(keys).unique()) == sum(wanted), name
        for part in (data.train, data.validation, data.sealed):
            data.domain.check(part.x)


@real("nmnist/nmnist_subset.npz", "nmnist/original/Test")
def test_the_real_recordings_are_the_same_packed_and_as_files(tmp_path: Path) -> None:
    packed = whole(load("n-mnist", folder=REAL))
    original = REAL / "nmnist" / "original"
    paths = sorted(original.glob("T*/*/*.bin"), key=lambda p: (p.parts[-3] == "Test", p.name))
    files = whole(load("n-mnist", folder=original))
    assert len(files) == len(paths) > 60
    for item, (x, y, _) in files.items():
        number = int(paths[item].stem) - 1 + 1000 * (paths[item].parts[-3] == "Test")
        assert torch.equal(x, packed[number][0]) and y == packed[number][1]


@real("lipsfus_av/lipsfus_av_features.npz", "dvs128gesture/dvs128gesture_clips.npz")
def test_the_real_lips_and_gestures_are_read() -> None:
    lips, clips = load("lipsfus", folder=REAL), load("dvs128-gesture", folder=REAL)
    assert (len(lips.sealed), len(clips.sealed), len(clips.train)) == (440, 10, 0)
    assert clips.sealed.y.sort().values.tolist() == list(range(10))
    assert isinstance(Lipsfus()(REAL), Listed)


@real("fsdd/fsdd.npz", "fsdd/original/7_theo_0.wav")
def test_a_real_clip_is_the_same_packed_and_as_a_file() -> None:
    from spikeproof.data.sets.fsdd import SpokenDigits

    packed = SpokenDigits.find(Fsdd().published, REAL)
    held = Source(files={}, places=("fsdd/original",), url="here")
    files = SpokenDigits.find(held, REAL)
    where = {(d, s, t): k for k, (d, s, t) in enumerate(zip(packed.digit.tolist(), packed.speaker.tolist(), packed.take.tolist(), strict=True))}  # fmt: skip # noqa: E501
    assert len(files.digit) == 60
    for k, one in enumerate(
        zip(files.digit.tolist(), files.speaker.tolist(), files.take.tolist(), strict=True)
    ):
        assert np.array_equal(files.sounds(k), packed.sounds(where[one]))
    # Pairs of the real sets: who is heard in the test is heard in no training pair.
    y = np.arange(1100) % 10
    chosen = chosen_clips(y, 1000, packed, FsddSpeakers())
    assert not set(packed.speaker[chosen[:1000]]) & set(packed.speaker[chosen[1000:]])
    assert np.array_equal(packed.digit[chosen], y)


def test_cifar10_reads_python_batches_that_hold_what_the_binary_ones_hold(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (12, 3, 32, 32)).astype(np.uint8)
    y = rng.integers(0, 10, 12)
    names = list(Cifar10().python.files)
    files = {
        name: made_sets.batch_pickle(x[2 * k : 2 * k + 2], y[2 * k : 2 * k + 2])
        for k, name in enumerate(names)
    }
    found = Cifar10(python=source(files, tmp_path))(tmp_path)
    assert np.array_equal(found.x.numpy(), x) and found.y.tolist() == y.tolist()
    assert found.official == 10
    assert os.listdir(tmp_path)
