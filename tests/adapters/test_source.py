"""``module.py:build``: a user's unedited file, run alone, and everything left as it was."""

from __future__ import annotations

import os
import random
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from spikeproof.adapters import (
    Adapted,
    UserCodeFailed,
    adapt,
    files_of,
    is_source,
    network_of,
    source_of,
    user_network,
)
from spikeproof.base import FileProblem, InputError, SettingError, SpikeproofError
from support.own_networks import write_nets, write_weights

X = torch.linspace(0, 1, 256).reshape(4, 1, 8, 8)


@pytest.fixture
def nets(tmp_path: Path) -> Path:
    """The files of a network."""
    return write_nets(tmp_path / "theirs")


def written(folder: Path, text: str, name: str = "nets.py") -> Path:
    """A file with this code."""
    path = folder / name
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def test_a_function_and_a_class_make_the_same_network_as_python_does(nets: Path) -> None:
    weights = write_weights(nets)
    found = network_of(f"{nets}:build", weights, example=X)
    again = network_of(f"{nets}:Net", weights, example=X, arguments={"width": 16})
    tensors = torch.load(weights, weights_only=True)
    v = out = torch.zeros(4, 1)
    for _ in range(3):  # the definition, written out
        v = 0.5 * v + X.flatten(1) @ tensors["first.weight"].T + tensors["first.bias"]
        spikes = (v > 0.3).float()
        v, out = v - 0.3 * spikes, out + spikes @ tensors["last.weight"].T + tensors["last.bias"]
    assert isinstance(found, Adapted) and not found.training
    torch.testing.assert_close(found(X), out / 3)
    assert torch.equal(found(X), again(X))
    assert not torch.equal(found(X), network_of(f"{nets}:build", example=X)(X))


def test_a_module_of_a_package_is_named_with_dots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "theirs" / "inner"
    package.mkdir(parents=True)
    (tmp_path / "theirs" / "__init__.py").write_text("WIDTH = 5\n")
    (package / "__init__.py").write_text("")
    code = """
        from torch import nn
        from .. import WIDTH
        from ..sizes import CLASSES

        def build():
            return nn.Sequential(nn.Flatten(), nn.Linear(64, WIDTH), nn.Linear(WIDTH, CLASSES))
    """
    path = written(package, code)
    (tmp_path / "theirs" / "sizes.py").write_text("CLASSES = 10\n")
    monkeypatch.chdir(tmp_path)
    for text in ("theirs.inner.nets:build", f"{path}:build"):  # relative imports mean a package
        user = user_network(text, example=X)
        assert user.classes == 10 and user.tensors["1.weight"].shape == (5, 64)
        assert set(user.files.hashes) == {
            "theirs/__init__.py", "theirs/sizes.py", "theirs/inner/__init__.py",
            "theirs/inner/nets.py",
        }  # fmt: skip
    assert not [name for name in sys.modules if name.startswith("theirs")]


def test_an_installed_package_counts_by_its_version() -> None:
    files = files_of(source_of("safetensors.torch:save"))
    assert files.hashes == {} and list(files.libraries()) == ["safetensors"]
    user = user_network(
        "torch.nn:Linear", example=X.flatten(1), arguments={"in_features": 64, "out_features": 3}
    )
    assert user.classes == 3 and user.source.label == "torch.nn:Linear"


def test_only_the_module_that_was_named_is_imported(nets: Path) -> None:
    written(nets.parent, "raise SystemExit('imported')", "other.py")
    written(nets.parent, "raise SystemExit('imported')", "__init__.py")
    network_of(f"{nets}:build", example=X)


def test_nothing_of_the_process_is_changed(nets: Path) -> None:
    written(
        nets.parent,
        """
        import os, random, sys, warnings
        import numpy as np
        import torch
        from torch import nn
        import layers

        torch.manual_seed(3); random.seed(3); np.random.seed(3)
        torch.set_grad_enabled(False)
        os.chdir("/")
        sys.path.append("nowhere")
        print("training on", sys.argv[1:])
        print("more", file=sys.stderr)
        warnings.warn("old")
        assert not sys.stdin.read()

        def build():
            torch.set_default_dtype(torch.float64)
            import extra
            return nn.Sequential(nn.Flatten(), nn.Linear(64, extra.CLASSES, dtype=torch.float32))
        """,
    )
    (nets.parent / "extra.py").write_text("CLASSES = 7\n")
    before = (list(sys.path), list(sys.argv), os.getcwd(), sys.stdout, sys.stdin)
    modules, draws = dict(sys.modules), torch.get_rng_state()
    python, numpy = random.getstate(), np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    with pytest.warns(UserWarning, match="printed 20 characters .* begin with 'training on ..'"):
        user = user_network(f"{nets}:build", example=X)
    assert user.classes == 7 and set(user.files.hashes) == {"nets.py", "layers.py", "extra.py"}
    assert (list(sys.path), list(sys.argv), os.getcwd(), sys.stdout, sys.stdin) == before
    assert torch.equal(torch.get_rng_state(), draws) and random.getstate() == python
    assert (np.random.get_state()[1] == numpy).all()  # type: ignore[index]  # noqa: NPY002
    assert torch.is_grad_enabled() and torch.get_default_dtype() is torch.float32
    assert {name: sys.modules.get(name) for name in modules} == modules
    assert not {"nets", "layers", "extra"} & set(sys.modules)


def test_two_folders_with_files_of_one_name_do_not_meet(tmp_path: Path) -> None:
    one, two = write_nets(tmp_path / "one"), write_nets(tmp_path / "two")
    layers = two.with_name("layers.py")
    layers.write_text(layers.read_text().replace("(v > 0)", "(v > 100)"))
    first = network_of(f"{one}:build", example=X)
    second = network_of(f"{two}:build", example=X)
    assert not torch.equal(first(X), second(X))
    assert torch.equal(network_of(f"{one}:build", example=X)(X), first(X))


def test_the_same_source_makes_the_same_network(nets: Path) -> None:
    torch.manual_seed(5)
    first = network_of(f"{nets}:build", example=X)
    torch.manual_seed(6)
    assert torch.equal(network_of(f"{nets}:build", example=X)(X), first(X))


def test_a_network_that_stands_in_the_module_or_is_adapted_there_is_taken(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        import spikeproof.adapters as adapters
        from torch import nn
        network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
        def build():
            return adapters.adapt(network)
        """,
    )
    assert torch.equal(
        network_of(f"{path}:network", example=X)(X), network_of(f"{path}:build", example=X)(X)
    )


def test_hashes_follow_what_the_code_says_and_not_how(nets: Path) -> None:
    def hashes() -> dict[str, str]:
        return files_of(source_of(f"{nets}:build")).hashes

    first = hashes()
    text = nets.read_text()
    nets.write_text(f'"""What it is."""\n# A comment.\n{text}\n\n')
    assert hashes() == first
    nets.write_text(text.replace("0.3", "0.4"))
    assert hashes()["layers.py"] == first["layers.py"] and hashes()["nets.py"] != first["nets.py"]
    nets.write_text(text)
    layers = nets.with_name("layers.py")
    layers.write_text(layers.read_text().replace("3.14", "3.15"))
    assert hashes()["nets.py"] == first["nets.py"] and hashes()["layers.py"] != first["layers.py"]


def test_imports_are_followed_into_functions_and_not_into_packages(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        import json, safetensors.torch
        try:
            import quick_layers as layers
        except ImportError:
            from parts import layers
        from spikeproof.models import build as made
        def build():
            from parts.heads import Head
        """,
    )
    (tmp_path / "parts").mkdir()
    for name in ("layers", "heads", "unused"):
        (tmp_path / "parts" / f"{name}.py").write_text("")
    files = files_of(source_of(f"{path}:build"))
    assert set(files.hashes) == {"nets.py", "parts/layers.py", "parts/heads.py"}
    assert files.packages == {"safetensors", "quick_layers"} and "safetensors" in files.libraries()
    assert files.ours == {"spikeproof.models:build"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("nets.py:build", True), ("a/b/nets.py:Net", True), ("nets.py", True), ("a.b:net", True),
        ("model.safetensors", False), ("runs/a/model.safetensors", False), ("a:b/c", False),
        ("", False),
    ],
)  # fmt: skip
def test_what_names_a_function_is_told_from_files(text: str, found: bool) -> None:
    assert is_source(text) is found


NO_TEXT: dict[str, tuple[str, type[SpikeproofError], str]] = {
    "no function": ("nets.py", SettingError, "names no network in it; write .*nets.py:NAME with"),
    "no name": ("nets.py:", SettingError, "names no function of a module"),
    "no word": ("nets.py:if", SettingError, "names no function of a module"),
    "no file": ("no.py:build", FileProblem, "There is no Python file at"),
    "no module": ("no.such.module:build", FileProblem, "There is no module 'no.such.module'"),
    "no dots": ("no such:build", SettingError, "names no module of Python"),
    "misspelt": ("nets.py:buidl", FileProblem, "has no 'buidl' at its top level. Did you mean 'bu"),
}


@pytest.mark.parametrize("what", list(NO_TEXT))
def test_a_text_that_names_nothing_is_refused(what: str, nets: Path) -> None:
    text, kind, sentence = NO_TEXT[what]
    text = str(nets.parent / text) if ".py" in text else text
    with pytest.raises(kind, match=sentence) as caught:
        network_of(text, example=X)
    assert "\n" not in str(caught.value)


BAD_CODE: dict[str, tuple[str, type[SpikeproofError], str]] = {
    "syntax": ("def build(:\n", FileProblem, "is not Python that this version reads: .* in line 1"),
    "raises": ("1 / 0", UserCodeFailed, r"raises ZeroDivisionError: division by zero while it is"),
    "where": ("x = 1\nraise ValueError", UserCodeFailed, r"ValueError while .*nets.py, line 2\)"),
    "exits": ("import sys; sys.exit(3)", UserCodeFailed, "exits with code 3 while it is imported"),
    "asks": ("input()", UserCodeFailed, "raises EOFError"),
    "options": (
        "import argparse; p = argparse.ArgumentParser(); p.add_argument('data'); p.parse_args()",
        UserCodeFailed, "exits with code 2 while it is imported .*below if __name__",
    ),
    "lacks": ("import no_such_library", UserCodeFailed, "needs the module 'no_such_library' while"),
    "no callable": ("build = 3", InputError, "build is a int, not a function or class"),
    "needs more": ("def build(width, *, depth): ...", SettingError, "needs width, depth, without"),
    "building": ("def build(): raise OSError('no w.pt')", UserCodeFailed, "OSError: no w.pt while"),
    "building exits": ("def build(): exit()", UserCodeFailed, "exits with code 0 while it makes"),
    "no network": ("def build(): return [1]", InputError, "nets.py:build: .* got list"),
    "asking": (
        "from torch import nn\ndef build(): return nn.Linear(3, 2)", InputError,
        r"nets\.py:build.* of shape \((4, )?1, 8, 8\)",
    ),
    "not finite": (
        "from torch import nn\ndef build():\n net = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))\n"
        " net[1].bias.data.fill_(float('nan'))\n return net",
        InputError, "logits that are not finite",
    ),
    "extra state": (
        "from torch import nn\nclass build(nn.Linear):\n"
        " def __init__(self): super().__init__(1, 1)\n"
        " def get_extra_state(self): return {'a': 1}\n def set_extra_state(self, s): pass",
        InputError, "keeps '_extra_state' in its state dict, which is a dict and no tensor",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", list(BAD_CODE))
def test_code_that_makes_no_network_is_one_sentence(what: str, tmp_path: Path) -> None:
    code, kind, sentence = BAD_CODE[what]
    path = written(tmp_path, code if "build" in code else f"{code}\ndef build(): ...")
    with pytest.raises(kind, match=sentence) as caught:
        network_of(f"{path}:build", example=X)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_arguments_and_settings_that_do_not_exist_are_named(nets: Path) -> None:
    with pytest.raises(SettingError, match=r"takes no argument 'widht'. Did you mean 'width'\?"):
        network_of(f"{nets}:build", example=X, arguments={"widht": 3})
    with pytest.raises(SettingError, match=r"setting of adapt 'step'. Did you mean 'steps'\?"):
        network_of(f"{nets}:build", example=X, settings={"step": 3})
    with pytest.raises(InputError, match=r"shape \(16, 64\) in the file and \(3, 64\)"):
        network_of(f"{nets}:build", write_weights(nets), example=X, arguments={"width": 3})


def test_keyboard_interrupts_are_not_code_that_failed(tmp_path: Path) -> None:
    path = written(tmp_path, "def build(): raise KeyboardInterrupt")
    before: Any = dict(sys.modules)
    with pytest.raises(KeyboardInterrupt):
        network_of(f"{path}:build", example=X)
    assert {name: sys.modules.get(name) for name in before} == before


def test_plain_modules_are_adapted() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    assert torch.equal(adapt(net)(X), net(X))
