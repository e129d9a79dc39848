"""The cost of the released transformer against the closed formula of its matrix products."""

import pytest

from zimage_eval.benchmarks.conditioning.released_size import measure_released_size

DIM, CAPTION_DIM, NUM_TOKENS, NUM_PATCHES = 3840, 2560, 64, 64 * 64
FEED_FORWARD = int(DIM / 3 * 8)


def block_flops(tokens: int) -> int:
    """Products of weights with tokens, and of tokens with tokens."""
    weights = 4 * DIM * DIM + 3 * DIM * FEED_FORWARD
    return 2 * weights * tokens + 4 * tokens * tokens * DIM


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, float | None]]:
    return measure_released_size([256.0, 1e6])


def test_the_refiner_costs_what_two_blocks_over_the_caption_cost(
    rows: dict[str, dict[str, float | None]],
) -> None:
    refiner = rows["released,part=context_refiner"]
    assert refiner["flops"] == 2 * block_flops(NUM_TOKENS)
    total = sum(row.get("flops") or 0 for row in rows.values())
    assert refiner["share_of_flops"] == pytest.approx(refiner["flops"] / total)
    assert 0.0008 < (refiner["share_of_flops"] or 0) < 0.00085


def test_the_layers_cost_what_thirty_modulated_blocks_cost(
    rows: dict[str, dict[str, float | None]],
) -> None:
    modulation = 30 * 2 * 256 * 4 * DIM
    expected = 30 * block_flops(NUM_TOKENS + NUM_PATCHES) + modulation
    assert rows["released,part=layers"]["flops"] == expected


def test_the_longest_wavelength_follows_from_theta(
    rows: dict[str, dict[str, float | None]],
) -> None:
    assert rows["released,theta=256"]["longest"] == pytest.approx(1137.4, abs=0.1)
    assert rows["released,theta=1e+06"]["longest"] == pytest.approx(
        6.2832e6 / 1e6 ** (1 / 16), 1e-3
    )
