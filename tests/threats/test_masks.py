"""Masks without a branch are ``torch.where``, to the bit."""

from __future__ import annotations

import pytest
import torch

from spikeproof.threats.masks import either, kept

SPECIAL = [0.0, -0.0, 1.5, -2.0, torch.inf, -torch.inf, torch.nan, 1e-45, 3e38]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_masks_are_where_for_every_value_and_type(dtype: torch.dtype) -> None:
    values = torch.tensor(SPECIAL, dtype=dtype).repeat(len(SPECIAL), 1)
    others = values.T.contiguous()
    for where in (torch.rand(values.shape) < 0.5, torch.eye(len(SPECIAL)) > 0, values != values):
        bits = {2: torch.int16, 4: torch.int32, 8: torch.int64}[values.element_size()]
        expected = torch.where(where, values, torch.zeros_like(values)).view(bits)
        assert torch.equal(kept(values, where).view(bits), expected)
        expected = torch.where(where, values, others).view(bits)
        assert torch.equal(either(where, values, others).view(bits), expected)


def test_a_transposed_view_is_masked_like_any_other() -> None:
    values = torch.randn(4, 6).T
    where = values > 0
    assert torch.equal(kept(values, where), torch.where(where, values, 0.0))
