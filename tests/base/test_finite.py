"""Whether numbers are finite: the same answer as torch's, in one walk."""

import math

import pytest
import torch

from spikeproof.base import all_finite

ENDS = [math.nan, math.inf, -math.inf]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("place", [0, 17, 4096])
@pytest.mark.parametrize("end", ENDS)
def test_one_number_that_is_not_finite_is_seen_anywhere(
    end: float, place: int, dtype: torch.dtype
) -> None:
    x = torch.randn(4097, generator=torch.Generator().manual_seed(0)).to(dtype)
    assert all_finite(x)
    x[place] = end
    assert not all_finite(x) and not torch.isfinite(x).all()


def test_whole_numbers_no_numbers_and_the_largest_ones_are_finite() -> None:
    largest = torch.tensor([torch.finfo(torch.float32).max, torch.finfo(torch.float32).min])
    for x in (torch.arange(3), torch.tensor([True]), torch.zeros(0), torch.zeros(2, 0), largest):
        assert all_finite(x)


def test_layout_and_gradient_do_not_matter() -> None:
    x = torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last).requires_grad_(True)
    assert all_finite(x) and all_finite(x[:, 1:, ::2])
    with torch.no_grad():
        x[1, 2, 3, 4] = math.nan
    assert not all_finite(x) and not all_finite(x[:, :, 1::2]) and all_finite(x[:1])
