"""Kinds of hooks; each registers itself, and the room's ``__init__`` imports them all."""

from __future__ import annotations

from spikeproof.base import Registry
from spikeproof.train.hooks.hook import Hook

__all__ = ["HOOKS"]

HOOKS: Registry[Hook] = Registry("hook", group="spikeproof.hooks", of=Hook)
