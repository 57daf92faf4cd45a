"""Random changes of training items, drawn per item and epoch: their registry, and applying them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

from torch import Tensor

from spikeproof.base import Registry, Seeds, SettingError
from spikeproof.data import Domain, Views
from spikeproof.train.augment.audio import Gain, Noise, ShiftAudio
from spikeproof.train.augment.events import DropEvents, JitterTime, ShiftEvents
from spikeproof.train.augment.images import Cutout, Flip, ShiftImage

__all__ = ["AUGMENTATIONS", "Augmentation", "augmented", "check_augmentations"]


class Augmentation(Protocol):
    """One random change: frozen settings, called with legal items and one key for each.

    Where it has a method ``check(domain)``, that refuses settings that make no sense on the items.
    """

    kind: ClassVar[str]

    def __call__(self, x: Tensor, domain: Domain, *, seeds: Seeds) -> Tensor:
        """Legal items, the shape of ``x``."""
        ...


AUGMENTATIONS: Registry[Augmentation] = Registry(
    "augmentation",
    {
        "cutout": Cutout,
        "drop-events": DropEvents,
        "flip": Flip,
        "gain": Gain,
        "jitter-time": JitterTime,
        "noise": Noise,
        "shift-audio": ShiftAudio,
        "shift-events": ShiftEvents,
        "shift-image": ShiftImage,
    },
    group="spikeproof.augmentations",
    of=Augmentation,
)


def augmented(
    x: Tensor, domain: Domain | Views, changes: Sequence[Augmentation], *, seeds: Seeds
) -> Tensor:
    """Apply changes in turn, each to the views it is made for.

    Args:
        x: Legal items, ``(N, *shape)``.
        domain: Of the items; of packed items, a change alters the views of its kind.
        changes: What is done, in this order.
        seeds: One key per item.
    Returns:
        Legal items, the shape of ``x``.
    Example:
        >>> import torch
        >>> from spikeproof.base import seeds
        >>> domain = Domain(kind="image", shape=(1, 1, 3))
        >>> x = torch.tensor([[[[0.0, 0.5, 1.0]]]]).expand(4, 1, 1, 3)
        >>> both = augmented(x, domain, (Flip(),), seeds=seeds(0, n=4))
        >>> sorted({tuple(row) for row in both.flatten(1).tolist()})
        [(0.0, 0.5, 1.0), (1.0, 0.5, 0.0)]
    """
    for number, change in enumerate(changes):
        keys = seeds.child("augment", number, change.kind)
        if isinstance(domain, Domain):
            x = change(x, domain, seeds=keys)
            continue
        views = domain.unpack(x)
        for name, part in domain.parts:
            if part.kind == change.kind:
                views[name] = change(views[name], part, seeds=keys.child(name))
        x = domain.pack(views)
    return x


def check_augmentations(domain: Domain | Views, changes: Sequence[Augmentation]) -> None:
    """Raise SettingError unless each change has something to act on and fits it."""
    parts: Mapping[str, Any] = dict(domain.parts) if isinstance(domain, Views) else {"x": domain}
    kinds = sorted({part.kind for part in parts.values()})
    for change in changes:
        if change.kind not in kinds:
            raise SettingError(
                f"{type(change).__name__} changes {change.kind}, and the items are "
                f"{' and '.join(kinds)}; leave it out, or choose one made for them."
            )
        for part in parts.values():
            if part.kind == change.kind and hasattr(change, "check"):
                change.check(part)
