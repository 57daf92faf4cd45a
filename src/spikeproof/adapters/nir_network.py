"""A NIR graph as a network of torch: one module per node, run step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.adapters.nir_layers import NirLayer, NirNeuron
from spikeproof.base import FileProblem

__all__ = ["NirNetwork", "Node"]

Node = tuple[str, Mapping[str, Any]]


class NirNetwork(nn.Module):
    """All nodes of a graph, from its one input to its one output.

    An edge that leads back hands on what its node sent one step before.

    Args:
        nodes: Type and parameters of each node, by name.
        edges: Pairs of names.
        settings: ``reset``, ``step`` and ``exact`` of :class:`NirNeuron`.
    Raises:
        FileProblem: no single input or output, an edge to nowhere, or a node of another type.
    """

    def __init__(
        self,
        nodes: Mapping[str, Node],
        edges: Sequence[tuple[str, str]],
        settings: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.settings = dict(settings)
        self.ends = tuple(_only(nodes, kind) for kind in ("Input", "Output"))
        for edge in edges:
            if not set(edge) <= set(nodes):
                raise FileProblem(f"The NIR graph has an edge {edge} to a node that is not there.")
        self.before = {name: [a for a, b in edges if b == name] for name in nodes}
        self.names = _sorted(self.before, self.ends[0])
        if self.ends[1] not in self.names:
            raise FileProblem("No edge of the NIR graph leads from its input to its output.")
        self.parts = nn.ModuleList([_module(name, *nodes[name], settings) for name in self.names])

    def forward(self, x: Tensor) -> Tensor:
        """Answers ``(T, N, ...)`` to items ``(T, N, ...)``."""
        sent: dict[str, Tensor] = {}
        states: dict[str, Any] = {}
        answers = []
        for current in x.unbind(0):
            now: dict[str, Tensor] = {}
            for name, part in zip(self.names, self.parts, strict=True):
                given = [now.get(a, sent.get(a)) for a in self.before[name]]
                present = [one for one in given if one is not None]
                value = current if name == self.ends[0] else sum(present[1:], present[0])
                if isinstance(part, NirNeuron):
                    value, states[name] = part(value, states.get(name, {}))
                else:
                    value = part(value)
                now[name] = value
            sent = now
            answers.append(now[self.ends[1]])
        return torch.stack(answers)


def _only(nodes: Mapping[str, Node], kind: str) -> str:
    """The one node of a type."""
    found = [name for name, (is_a, _) in nodes.items() if is_a == kind]
    if len(found) != 1:
        raise FileProblem(
            f"The NIR graph has {len(found)} nodes of type {kind}; expected exactly one. Export "
            "the network alone, with one input and one output."
        )
    return found[0]


def _sorted(before: Mapping[str, list[str]], start: str) -> list[str]:
    """Names in an order in which each follows what it needs; edges that lead back do not count."""
    after: dict[str, list[str]] = {name: [] for name in before}
    for name, needed in before.items():
        for other in needed:
            after[other].append(name)
    order: list[str] = []
    seen, waiting = {start}, [(start, iter(after[start]))]
    while waiting:
        name, following = waiting[-1]
        fresh = next((one for one in following if one not in seen), None)
        if fresh is None:
            order.append(name)
            waiting.pop()
        else:
            seen.add(fresh)
            waiting.append((fresh, iter(after[fresh])))
    return order[::-1]


def _module(
    name: str, kind: str, values: Mapping[str, Any], settings: Mapping[str, Any]
) -> nn.Module:
    """The module of one node."""
    if kind in ("Input", "Output"):
        return nn.Identity()
    try:
        if kind in ("LIF", "CubaLIF", "IF", "LI", "CubaLI", "I"):
            return NirNeuron(kind, values, **settings)
        return NirLayer(kind, values)
    except (KeyError, TypeError, ValueError, RuntimeError) as problem:
        raise FileProblem(
            f"Node {name!r} of the NIR graph, a {kind}, cannot be built: {problem}. Export it "
            "again with nir 1.0.8."
        ) from problem
