"""The front door: one call over tensors or arrays, against answers that are known."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import spikeproof as sp
from spikeproof.attacks import PGD
from spikeproof.base import Doubtful, FileProblem, InputError, SettingError, Withheld, read_arrays
from spikeproof.data import Domain
from spikeproof.evaluate import AttackResult, Audit
from spikeproof.threats import threat_from


class Plane(nn.Module):
    """Two logits (-z, z) with z the sum of the pixels less 2: z / 4 from the boundary in l_inf."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, x: Tensor) -> Tensor:
        z = self.scale * (x.flatten(1).sum(1) - 2)
        return torch.stack([-z, z], 1)


X = torch.full((6, 1, 2, 2), 0.6)  # every pixel is 0.1 from the boundary
Y = torch.ones(6, dtype=torch.int64)


@pytest.mark.parametrize(("threat", "distance"), [("linf:{}", 0.1), ("l2:{}", 0.2), ("l1:{}", 0.4)])
def test_the_boundary_is_where_it_is_known_to_be(threat: str, distance: float) -> None:
    near, far = (threat.format(share * distance) for share in (0.9, 1.1))
    assert float(sp.robust_accuracy(Plane(), X, Y, threats=near, suite="quick")) == 1.0
    found = sp.robust_accuracy(Plane(), X, Y, threats=[near, far], suite="quick")
    assert (found.robust_accuracy, found.clean_accuracy) == (0.0, 1.0)
    assert list(found.by_threat.values()) == [1.0, 0.0]
    first, second = found.success
    assert torch.equal(found.x_adv[first], X) and not found.distance[first].any()
    x_adv = found.x_adv[second]
    assert Plane()(x_adv).argmax(1).tolist() == [0] * 6 and found.success[second].all()
    assert (found.distance[second] <= 1.1 * distance * (1 + 1e-6)).all()
    assert (found.distance[second] >= distance * 0.999).all()
    low, high = found.interval
    assert low == 0.0 and 0.3 < high < 0.5 and found.passes.forward > 0


def test_one_attack_says_what_it_did() -> None:
    found = sp.attack(Plane(), X, Y, norm="linf", eps=0.12, attack="pgd", seed=3)
    assert found.success.all() and found.correct.all() and found.robust_accuracy == 0.0
    assert isinstance(found.x_adv, Tensor) and found.x_adv.shape == X.shape
    assert (found.x_adv - X).abs().max() <= 0.12 * (1 + 1e-6)
    np.testing.assert_allclose(
        found.distance, (found.x_adv - X).abs().flatten(1).amax(1).double(), rtol=1e-6
    )
    assert found.predicted.tolist() == [0] * 6 and found.threat == "linf:0.12"
    assert found.attack["kind"] == "pgd" and found.passes.backward > 0
    again = sp.attack(Plane(), images=X, labels=Y, radius="12/100", attack=PGD(), seed=3)
    assert torch.equal(again.x_adv, found.x_adv)
    assert not sp.attack(Plane(), X, Y, eps=0.08).success.any()


def test_items_that_are_wrong_already_stay_as_they_are() -> None:
    y = Y.clone()
    y[:2] = 0
    found = sp.attack(Plane(), X, y, eps=0.05)
    assert found.success.tolist() == [True] * 2 + [False] * 4
    assert found.clean_accuracy == found.robust_accuracy == pytest.approx(4 / 6)
    assert torch.equal(found.x_adv[:2], X[:2]) and not found.distance[:2].any()
    whole = sp.robust_accuracy(Plane(), X, y, threats="linf:0.12", suite="quick")
    assert whole.clean_accuracy == pytest.approx(4 / 6) and float(whole) == 0.0
    assert torch.equal(whole.x_adv["linf:0.12"][:2], X[:2])


@pytest.mark.parametrize(
    ("x", "told"),
    [
        (X.double(), {}),
        (X.numpy(), {}),
        (X.double().numpy(), {}),
        (X.bfloat16().float(), {}),
        (X.expand(6, 1, 2, 2)[:, :, :, [0, 1]].transpose(2, 3), {}),
        (np.asfortranarray(X.numpy()), {}),
        (X.numpy()[:, 0], {"kind": "image"}),
    ],
    ids=str,
)
def test_inputs_of_every_type_give_the_same_answer(x: Any, told: dict[str, Any]) -> None:
    for eps, left in ((0.08, 1.0), (0.12, 0.0)):
        found = sp.attack(Plane(), x, Y.numpy().astype(np.uint8)[:, None], eps=eps, **told)
        assert found.robust_accuracy == left
        assert type(found.x_adv) is type(x) and found.x_adv.shape == x.shape


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_networks_of_every_type_are_served(dtype: torch.dtype) -> None:
    for x in (X, X.double(), X.to(dtype)):
        for eps, left in ((0.08, 1.0), (0.12, 0.0)):
            found = sp.robust_accuracy(
                Plane().to(dtype), x, Y, threats="linf", eps=eps, suite="quick"
            )
            assert float(found) == left
            assert found.x_adv[f"linf:{eps}"].dtype in (torch.float32, torch.float64)


def test_bytes_are_levels_where_that_is_said() -> None:
    class Levels(Plane):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x / 255)

    x = (X * 255).to(torch.uint8)
    with pytest.raises(SettingError, match=r"x / 255 .*, or high=255"):
        sp.attack(Levels(), x, Y, eps=8)
    assert sp.attack(Levels(), x, Y, eps=20, high=255).robust_accuracy == 1.0
    found = sp.attack(Levels(), x, Y, eps=30, high=255, integer=True)
    assert found.robust_accuracy == 0.0 and torch.equal(found.x_adv, found.x_adv.round())


def test_a_network_that_reads_channels_last_is_given_them_last() -> None:
    """Pixels are counted as pixels, and the network still sees what it was made for."""

    class Last(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            assert x.shape[1:] == (8, 8, 3), x.shape
            z = x[:, 0, 0].sum(1) - 2  # three channels of one pixel
            return torch.stack([-z, z], 1)

    x = np.full((3, 8, 8, 3), 0.9, dtype=np.float32)
    found = sp.robust_accuracy(Last(), x, np.ones(3, int), threats="l0:1", suite="quick")
    assert float(found) == 0.0  # one feature alone could take away 0.9 of the 0.7 and more
    x_adv = found.x_adv["l0:1"]
    assert x_adv.shape == x.shape and found.distance["l0:1"].tolist() == [1.0] * 3
    assert ((x_adv != x).any(-1).reshape(3, -1).sum(1) == 1).all()


def test_nothing_of_the_callers_is_touched() -> None:
    model, x, y = Plane().train(), X.clone().requires_grad_(), Y.clone()
    model.scale.grad = torch.tensor(7.0)
    torch.manual_seed(5)
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    sp.attack(model, x, y, eps=0.12)
    sp.robust_accuracy(model, x, y, threats="linf:0.12", suite="quick")
    assert torch.equal(torch.get_rng_state(), state)
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002
    assert model.training and model.scale.grad.item() == 7.0 and model.scale.item() == 1.0
    assert torch.equal(x, X) and x.grad is None and torch.equal(y, Y)


def test_the_batch_changes_no_answer() -> None:
    one, other = (sp.attack(Plane(), X, Y, eps=0.12, batch_size=rows) for rows in (1, 6))
    assert torch.equal(one.x_adv, other.x_adv)


def test_threats_with_domains_of_their_own_say_what_is_legal() -> None:
    domain = Domain(kind="image", shape=(1, 2, 2), high=2.0)
    threat = sp.Threat(sp.Linf(), 0.12, domain)
    assert float(sp.robust_accuracy(Plane(), X, Y, threats=threat, suite="quick")) == 0.0
    other = sp.Threat(sp.Linf(), 0.12, Domain(kind="image", shape=(1, 3, 3)))
    with pytest.raises(InputError, match="shape"):
        sp.robust_accuracy(Plane(), X, Y, threats=other)


def test_a_result_is_kept(tmp_path: Path) -> None:
    found = sp.robust_accuracy(Plane(), X, Y, threats=["linf:0.08", "linf:0.12"], suite="quick")
    found.save(tmp_path / "whole")
    back = Audit.load(tmp_path / "whole")
    assert back.outcomes[0].robust_accuracy == [1.0, 0.0]
    assert back.source is not None and back.source.network.endswith("Plane")
    assert found.table().startswith("own: 6 items given, suite quick, seed 0\n")
    assert back.table() == found.table()
    kept = read_arrays(tmp_path / "whole" / "adversarials.npz")
    np.testing.assert_array_equal(kept["linf-0.12.x_adv"], found.x_adv["linf:0.12"].numpy())
    one = sp.attack(Plane(), X, Y, eps=0.12)
    one.save(tmp_path / "one")
    np.testing.assert_array_equal(
        read_arrays(tmp_path / "one" / "items.npz")["x_adv"], one.x_adv.numpy()
    )
    with pytest.raises(FileProblem, match="holds something already"):
        one.save(tmp_path / "one")
    assert "linf" in found.table() and "0.0 %" in repr(found)
    assert found.to_dict()["by_threat"] == {"linf:0.08": 1.0, "linf:0.12": 0.0}


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ({"eps": 0.1, "radius": 0.1}, r"radius \(or eps\) is given twice"),
        ({}, r"Give a radius \(eps\)"),
        ({"eps": 0.1, "images": X}, r"x \(or images\) is given twice"),
        ({"eps": 0.1, "y": None}, r"y \(or labels\) is missing"),
        ({"eps": 8}, "radius"),
        ({"eps": "8/0"}, "is not a radius"),
        ({"eps": float("nan")}, "finite number"),
        ({"eps": 0.1, "norm": "l3"}, "Unknown threat 'l3'"),
        ({"eps": 0.1, "norm": "linf:0.1"}, "is given beside it"),
        ({"eps": 0.1, "attack": "pdg"}, "Unknown attack 'pdg'. Did you mean"),
        ({"eps": 0.1, "attack": PGD}, "attack is a name, a record or an attack"),
        ({"eps": 0.1, "attack": {"kind": "pgd", "stesp": 3}}, "stesp"),
        ({"eps": 0.1, "seed": 0.5}, "attack: seed must be a whole number"),
        ({"eps": 0.1, "alpha": 0.01}, "unknown setting 'alpha'"),
        ({"eps": 0.1, "y": Y + 1}, "Labels must lie in 0..1; got 2..2"),
        ({"eps": 0.1, "y": Y[:3]}, "Got 3 labels for 6 items"),
        ({"eps": 0.1, "x": X[:0], "y": Y[:0]}, "x is empty"),
        ({"eps": 0.1, "x": X - 1}, "must lie in"),
        ({"eps": 0.1, "x": X[0]}, "real numbers|say kind|range|labels"),
        ({"eps": 0.1, "model": Plane().state_dict()}, "call network.load_state_dict"),
        ({"eps": 0.1, "model": lambda x: x}, "call it in the forward of a module"),
        ({"eps": 0.1, "device": "gpu"}, "unknown device 'gpu'"),
        ({"eps": 0.1, "batch_size": 0}, "batch size"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(call: dict[str, Any], sentence: str) -> None:
    given: dict[str, Any] = {"model": Plane(), "x": X, "y": Y, **call}
    with pytest.raises((SettingError, InputError), match=sentence) as caught:
        sp.attack(given.pop("model"), **given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ({"threats": []}, "at least one threat"),
        ({"threats": ["linf:0.1", "linf:0.1"]}, "there twice"),
        ({"threats": ["linf", "l2"], "eps": 0.1}, "got 2 threats"),
        ({"threats": "linf"}, "Give a radius"),
        ({"suite": PGD()}, "For one attack alone"),
        ({"suite": "quik"}, "Did you mean 'quick'"),
        ({"draws": -1}, "draws must be a whole number"),
        ({"seed": "1"}, "seed must be a whole number"),
    ],
)
def test_threats_and_suites_that_make_no_sense_are_refused(
    call: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SettingError, match=sentence):
        sp.robust_accuracy(Plane(), X, Y, **call)


@pytest.mark.parametrize(
    ("norm", "radius", "expected"),
    [
        ("linf", 0.5, ("linf", 0.5)), ("L_inf", "1/4", ("linf", 0.25)), ("L2:1", None, ("l2", 1.0)),
        (2, 1, ("l2", 1.0)), (float("inf"), 0.5, ("linf", 0.5)), (1.0, "2", ("l1", 2.0)),
        ("l0", np.int64(2), ("l0", 2.0)), ("l0-features:3", None, ("l0-features", 3.0)),
        ("linf", torch.tensor(0.5), ("linf", 0.5)),
    ],
)  # fmt: skip
def test_a_norm_is_written_in_many_ways(
    norm: Any, radius: Any, expected: tuple[str, float]
) -> None:
    threat = threat_from(norm, radius, Domain(kind="image", shape=(1, 4, 4)))
    assert (threat.name, threat.radius) == expected


def test_eight_by_255_is_that_to_the_last_bit() -> None:
    threat = threat_from("linf:8/255", None, Domain(kind="image", shape=(1, 2, 2)))
    assert threat.radius == 8 / 255


def test_namespaces_stand_beside_the_names() -> None:
    assert sp.attacks.PGD is sp.PGD and sp.threats.Linf is sp.Linf
    assert sp.data.Dataset is sp.Dataset and sp.train.fit is sp.fit


def test_carried_state_withholds_the_number_unless_that_is_overridden() -> None:
    class Carry(Plane):
        held: Tensor | None = None

        def forward(self, x: Tensor) -> Tensor:
            z = super().forward(x)
            fresh = self.held is None or self.held.shape != z.shape
            self.held = z if fresh else self.held.detach() + z
            return self.held

    found = sp.robust_accuracy(Carry(), X, Y, threats="linf:0.12", suite="quick")
    assert repr(found).startswith("<STOP state: The same 6 inputs") and "Reset" in repr(found)
    assert "state" in [flag.name for flag in found.flags] and "withheld (state)" in repr(found)
    for ask in (float, lambda one: one.interval, lambda one: one.by_threat):
        with pytest.raises(sp.SpikeproofError, match="withheld"):
            ask(found)
    assert found.to_dict()["robust_accuracy"] is None and "withheld" in found.table()
    stated = sp.robust_accuracy(Carry(), X, Y, threats="linf:0.12", suite="quick", despite="state")
    assert 0 <= float(stated) <= 1 and stated.audit.despite == ("state",)
    assert repr(stated).endswith(", stated despite state>")


def test_one_attack_on_a_network_that_a_flag_stops_states_no_share(tmp_path: Path) -> None:
    class Carry(Plane):
        held: Tensor | None = None

        def forward(self, x: Tensor) -> Tensor:
            z = super().forward(x)
            fresh = self.held is None or self.held.shape != z.shape
            self.held = z if fresh else self.held.detach() + z
            return self.held

    with pytest.warns(Doubtful, match="will be withheld. The same 6 inputs"):
        found = sp.attack(Carry(), X, Y, eps=0.12)
    (stop, mend) = next((flag, flag.mend) for flag in found.flags if flag.stop)
    assert found.withheld == ("state",) == (stop.name,)
    # What stops it stands first, with its mend, and no share of broken items is said.
    assert repr(found).startswith("<STOP state: ") and mend in repr(found)
    assert (
        repr(found).endswith(
            "Success and robust accuracy withheld (state); despite=('state',) states it>"
        )
        and "%" not in repr(found).split(mend)[1]
    )
    table = found.table()
    assert table.splitlines()[0].startswith("Robust accuracy is withheld (state)")
    assert table.splitlines()[1].startswith("STOP state: ")
    assert table.splitlines()[-1].split() == ["linf", "0.12", "withheld"]
    for ask in (lambda one: one.robust_accuracy, lambda one: one.interval):
        with pytest.raises(Withheld, match="despite"):
            ask(found)
    content = found.to_dict()
    assert content["robust_accuracy"] is content["interval"] is None
    assert (content["withheld"], content["clean_accuracy"]) == (["state"], 1.0)
    found.save(tmp_path / "one")
    assert json.loads((tmp_path / "one" / "attack.json").read_text())["robust_accuracy"] is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stated = sp.attack(Carry(), X, Y, eps=0.12, despite="state")
    assert stated.withheld == () and 0 <= stated.robust_accuracy <= 1
    assert repr(stated).endswith(", stated despite state>")
    assert stated.table().startswith("Robust accuracy is stated despite state.\n")
    assert stated.to_dict()["despite"] == ["state"]
    with pytest.raises(SettingError, match="flag in attack: despite"):
        sp.attack(Plane(), X, Y, eps=0.12, despite="stat")


def test_one_attack_is_said_in_one_line_and_in_a_table() -> None:
    found = sp.attack(Plane(), X, Y, eps=0.12, seed=3)
    assert repr(found) == (
        "<pgd broke 6 of 6 items under linf:0.12, clean 100.0 %, robust 0.0 % at most; gradient "
        "masking not diagnosed>"
    )
    lines = [line for line in found.table().splitlines() if not line.startswith(("flag", " "))]
    assert lines[0] == "6 items given, attack pgd, seed 3"
    assert [line.split()[:3] for line in lines[2:]] == [
        ["clean", "100.0", "61.0"],
        ["linf", "0.12", "0.0"],
    ]


@pytest.mark.filterwarnings("ignore:Robust accuracy will be withheld")
def test_state_that_fits_one_batch_alone_is_a_stop_with_numbers() -> None:
    class Carry(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights, self.v = nn.Linear(64, 10), torch.zeros(())

        def forward(self, x: Tensor) -> Tensor:
            self.v = 0.5 * self.v + self.weights(x.flatten(1))
            return self.v

    data = sp.load("digits")
    x, y = data.validation.x[:20], data.validation.y[:20]
    threat = sp.Threat(sp.Linf(), 0.12, data.domain)
    for call in (
        lambda net: sp.robust_accuracy(net, x, y, threats="linf:0.12", suite="quick"),
        lambda net: sp.attack(net, x, y, eps=0.12),
        lambda net: sp.audit(net, data, [threat], suite="quick"),
    ):
        for rows in (0, 2, 33):  # how many items it was shown before
            net = Carry()
            if rows:
                net(data.validation.x[:rows])
            held, values = net.v, net.v.detach().clone()
            found = call(net)
            stop = next(flag for flag in found.flags if flag.name == "state")
            assert stop.stop and "8 answers differ" in stop.seen
            assert "v kept the call before" in stop.seen
            assert (f"It came with v ({rows}, 10) of an earlier batch" in stop.seen) is bool(rows)
            assert net.v is held and torch.equal(net.v, values)
            if not isinstance(found, AttackResult):
                with pytest.raises(Withheld):
                    _ = getattr(found, "audit", found).union_accuracy


def test_a_network_that_answers_no_batch_is_told_with_what_it_holds() -> None:
    class Broken(Plane):
        def __init__(self) -> None:
            super().__init__()
            self.v = torch.zeros(33, 10)

        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError("no kernel")

    with pytest.raises(sp.SpikeproofError, match=r"no kernel.*holds v \(33, 10\) from an earlier"):
        sp.attack(Broken(), X, Y, eps=0.12)


def test_probabilities_that_saturate_are_attacked_as_logits() -> None:
    class Sure(Plane):
        def forward(self, x: Tensor) -> Tensor:
            return torch.softmax(1000 * super().forward(x), 1)

    found = sp.robust_accuracy(Sure(), X, Y, threats="linf:0.12", suite="quick")
    assert float(found) == 0.0 and "probabilities" in [flag.name for flag in found.flags]


def test_a_network_that_writes_into_its_input_is_given_copies() -> None:
    class Writes(Plane):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.mul_(0.9) if not x.requires_grad else x * 0.9)

    x = X.clone()
    found = sp.robust_accuracy(Writes(), x, Y, threats="linf:0.02", suite="quick")
    assert torch.equal(x, X) and "input-written" in [flag.name for flag in found.flags]


def test_default_float64_changes_nothing() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = Plane()
            found = sp.robust_accuracy(model.float(), X, Y, threats="linf:0.12", suite="quick")
    finally:
        torch.set_default_dtype(torch.float32)
    assert float(found) == 0.0
