"""NIR graphs: read as files or objects, with the reset mode that the format does not hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from spikeproof.adapters.nir_file import values_of
from spikeproof.adapters.nir_layers import NirNeuron
from spikeproof.adapters.nir_network import NirNetwork, Node
from spikeproof.adapters.protocol import RESETS, Library
from spikeproof.base import FileProblem, InputError, SettingError, read_bytes

__all__ = ["Nir", "from_nir", "is_nir"]

_MODES = ("zero", "soft")


class Nir(Library):
    """Networks built from NIR graphs."""

    name = "nir"

    def claims(self, model: nn.Module) -> bool:
        """Whether it was built here."""
        return isinstance(model, NirNetwork)

    def neurons(self, network: nn.Module) -> list[nn.Module]:
        """Neurons with a threshold."""
        return [m for m in network.modules() if isinstance(m, NirNeuron) and m.fires]

    def one_step(self, network: nn.Module) -> bool:
        """It takes all steps at once."""
        return False

    def prepare(self, network: nn.Module) -> None:
        """It keeps nothing."""

    def resets(self, network: nn.Module) -> tuple[str, ...]:
        """Both."""
        return RESETS

    def notes(self, network: nn.Module) -> tuple[str, ...]:
        """What the format does not say, and was said or chosen."""
        found = [m for m in network.modules() if isinstance(m, NirNetwork)]
        return tuple(note for built in found for note in _notes(built.settings))

    @contextmanager
    def choosing(self, network: nn.Module, *, detached: bool) -> Iterator[None]:
        """Say so to every neuron; the memory of the copy puts it back."""
        for module in self.neurons(network):
            vars(module)["detached"] = detached
        yield


def _notes(settings: Mapping[str, Any]) -> list[str]:
    """A sentence on each choice."""
    zero = settings["reset"] == "zero"
    reset = "sets a membrane to v_reset" if zero else "subtracts the threshold from a membrane"
    leak = "exp(-step / tau)" if settings["exact"] else "1 - step / tau"
    return [
        f"NIR does not say what a spike does; as asked for, it {reset}.",
        f"Membranes keep {leak} of themselves in a step of {settings['step']:g} s.",
        "NIR names no surrogate; its own gradient is that of an arctan of sharpness 2.",
    ]


def is_nir(model: object) -> bool:
    """Whether something is a NIR graph, or a path that says it is one."""
    if isinstance(model, str | Path):
        return Path(model).suffix == ".nir"
    return type(model).__name__ == "NIRGraph" and type(model).__module__.startswith("nir.")


def from_nir(
    graph: object, *, reset: str | None = None, step: float = 1e-4, exact: bool = False
) -> NirNetwork:
    """Return a NIR graph as a torch module from ``(T, N, ...)`` to ``(T, N, K)``.

    Args:
        graph: A ``nir.NIRGraph``, or the path of a ``.nir`` file.
        reset: What a spike does to its membrane, which no NIR graph says: ``"zero"`` sets it to
            ``v_reset``, ``"soft"`` subtracts the threshold.
        step: Seconds per time step; that of snnTorch's and SpikingJelly's exports where absent.
        exact: Whether membranes decay by the exponential; otherwise by the Euler step
            ``1 - step / tau``, as these libraries compute.
    Raises:
        SettingError: no reset, another one, or a step that is not above zero.
        FileProblem: a file that is no NIR graph, or a graph of which no network can be made.
    """
    if reset not in _MODES:
        raise SettingError(
            "A NIR graph does not say what a spike does to its membrane; expected reset='zero' "
            f"(set to v_reset) or reset='soft' (the threshold is subtracted), got {reset!r}. Give "
            "the one that the network was trained with."
        )
    if not 0 < step < float("inf"):
        raise SettingError(f"from_nir: step must be above zero and finite; got {step!r}.")
    if isinstance(graph, str | Path):
        read = _read(Path(graph))
    elif is_nir(graph):
        read = _told(graph)
    else:
        raise InputError(f"from_nir takes a nir.NIRGraph or a path; got {type(graph).__name__}.")
    nodes, edges = _flat(*read)
    return NirNetwork(nodes, edges, {"reset": reset, "step": step, "exact": exact})


_Graph = tuple[dict[str, Any], list[tuple[str, str]]]


def _told(graph: Any) -> _Graph:
    """Nodes and edges of an object of the library."""
    nodes: dict[str, Any] = {}
    for name, node in graph.nodes.items():
        kind = type(node).__name__
        nodes[name] = _told(node) if kind == "NIRGraph" else (kind, vars(node))
    return nodes, [(str(a), str(b)) for a, b in graph.edges]


def _flat(nodes: dict[str, Any], edges: list[tuple[str, str]]) -> tuple[dict[str, Node], Any]:
    """A graph without graphs in it: edges into one lead to its input, edges out come from its end.

    Raises:
        FileProblem: a graph inside without one input and one output.
    """
    found: dict[str, Node] = {}
    ends: dict[str, tuple[str, str]] = {}
    inner: list[tuple[str, str]] = []
    for name, node in nodes.items():
        if isinstance(node[0], str):
            found[name] = node
            continue
        part, more = _flat(*node)
        into = {
            kind: [k for k, one in part.items() if one[0] == kind] for kind in ("Input", "Output")
        }
        if any(len(names) != 1 for names in into.values()):
            raise FileProblem(
                f"The graph {name!r} inside the NIR graph has no one input and output."
            )
        ends[name] = (f"{name}/{into['Input'][0]}", f"{name}/{into['Output'][0]}")
        for key, (kind, values) in part.items():
            found[f"{name}/{key}"] = ("Scale", {"scale": 1.0}) if kind in into else (kind, values)
        inner += [(f"{name}/{a}", f"{name}/{b}") for a, b in more]
    outer = [(ends[a][1] if a in ends else a, ends[b][0] if b in ends else b) for a, b in edges]
    return found, [*inner, *outer]


def _read(path: Path) -> _Graph:
    """Nodes and edges of a file; nothing but its own bytes is read.

    Raises:
        FileProblem: no file of this format, a damaged one, or one too large.
    """
    content = read_bytes(path, "NIR graph", follow=True)
    try:
        return _graph(values_of(content))
    except ModuleNotFoundError:
        raise FileProblem(
            f"Reading the NIR graph {path} needs h5py, since NIR files are HDF5: `pip install "
            "h5py`."
        ) from None
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as problem:
        line = str(problem).strip().splitlines() or [type(problem).__name__]
        raise FileProblem(
            f"{path} is no NIR graph that can be read: {line[0]}. Export it again with nir.write."
        ) from problem


def _graph(values: Mapping[str, Any]) -> _Graph:
    """Nodes and edges of what a file holds."""
    nodes: dict[str, Any] = {}
    for name, node in values["nodes"].items():
        kind = str(node["type"])
        nodes[name] = _graph(node) if kind == "NIRGraph" else (kind, node)
    edges = [(str(first), str(second)) for first, second in values["edges"]]
    return nodes, edges
