"""Condensed embeddings against closed forms."""

import pytest
import torch

from zimage_eval.text.encoding import condense, nearest_tokens


def ramp(num_tokens: int) -> torch.Tensor:
    """Vectors that grow by (1, -2) a token."""
    return torch.arange(num_tokens, dtype=torch.float64)[:, None] * torch.tensor([1.0, -2.0])


def test_interpolation_of_a_ramp_is_a_ramp_with_the_same_ends() -> None:
    found = condense(ramp(31), 16, "interpolate")
    places = torch.linspace(0, 30, 16)
    assert torch.allclose(found, places[:, None] * torch.tensor([1.0, -2.0]), atol=1e-5)


def test_pooling_averages_neighbours() -> None:
    pairs = ramp(32).reshape(16, 2, 2).mean(1).float()
    assert torch.equal(condense(ramp(32), 16, "pool"), pairs)
    uneven = condense(ramp(3), 2, "pool")  # the middle one counts in both
    assert torch.equal(uneven[:, 0], torch.tensor([0.5, 1.5]))


@pytest.mark.parametrize("how", ["pool", "interpolate"])
@pytest.mark.parametrize("num_tokens", [17, 32, 100])
def test_constant_vectors_stay_and_the_type_becomes_float32(how: str, num_tokens: int) -> None:
    same = torch.full((num_tokens, 3), 1.5, dtype=torch.bfloat16)
    found = condense(same, 16, how)  # type: ignore[arg-type]
    assert found.dtype == torch.float32 and found.is_contiguous()
    assert torch.equal(found, torch.full((16, 3), 1.5))


def test_nearest_tokens_go_from_the_first_to_the_last() -> None:
    assert nearest_tokens(5, 3).tolist() == [0, 2, 4]
    assert nearest_tokens(40, 16)[[0, -1]].tolist() == [0, 39]
