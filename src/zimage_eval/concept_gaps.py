"""Which combinations of a name and an attribute a model never draws, though it draws both.

A cell of the grid may fail because its name is hard, or its attribute; what is looked for is that
it fails more often than both together explain: an interaction.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray
from scipy import stats

from zimage_eval.multiplicity import holm

Cell = tuple[str, str]
"""Name, attribute."""

_MEAN_DEVIATION: Final = 4.0
"""Prior standard deviation of the log odds of the mean: any share from 0.001 to 0.999."""
_EFFECT_DEVIATION: Final = 1.5
"""Prior standard deviation of a name's or attribute's effect on the log odds, which without a prior
is infinite where all pictures hold."""
_MAX_STEPS: Final = 60


class Gap(NamedTuple):
    """A cell of the grid."""

    cell: Cell
    num_images: int
    """Judged ones."""
    share: float | None
    """Of them, those that show the combination; None if there are none."""
    expected: float | None
    """The share that its name and its attribute make expect, from all other cells."""
    p_value: float | None
    """Of so few or fewer, one-sided, adjusted for the number of cells (Holm)."""


def find_gaps(held: Mapping[Cell, Sequence[bool]]) -> list[Gap]:
    """Each cell beside what the others make expect, in the order given.

    The log odds of a cell are a mean, an effect of its name and one of its attribute, with normal
    priors, fitted without the cell itself (the mode of the posterior). The chance of so few is
    binomial, averaged over the normal approximation of the posterior of the cell's log odds:
    nothing stands out against what a small grid can't tell.

    Args:
        held: for each cell, whether each of its judged pictures shows the combination.
    """
    cells = list(held)
    sizes = np.array([len(held[cell]) for cell in cells], dtype=np.float64)
    counts = np.array([sum(held[cell]) for cell in cells], dtype=np.float64)
    design, precision = _design(cells)
    expected: list[float | None] = []
    chances: list[float | None] = []
    for index, row in enumerate(design):
        others = sizes.copy()
        others[index] = 0
        if not sizes[index] or not others.any():
            expected.append(None)
            chances.append(None)
            continue
        effects, covariance = _fit(design, counts, others, precision)
        places, weights = hermegauss(31)
        odds = row @ effects + places * np.sqrt(row @ covariance @ row)
        shares = 1 / (1 + np.exp(-odds))
        weights = weights / weights.sum()
        expected.append(float(weights @ shares))
        chances.append(float(weights @ stats.binom.cdf(counts[index], sizes[index], shares)))
    asked = [index for index, chance in enumerate(chances) if chance is not None]
    adjusted = dict(zip(asked, holm([chances[i] for i in asked]), strict=True))  # type: ignore[misc]
    return [
        Gap(
            cell,
            int(sizes[index]),
            float(counts[index] / sizes[index]) if sizes[index] else None,
            expected[index],
            adjusted.get(index),
        )
        for index, cell in enumerate(cells)
    ]


def _design(cells: Sequence[Cell]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A row a cell: mean, names, attributes; and the prior precision of each of these effects."""
    names = list(dict.fromkeys(name for name, _ in cells))
    attributes = list(dict.fromkeys(attribute for _, attribute in cells))
    design = np.zeros((len(cells), 1 + len(names) + len(attributes)))
    for row, (name, attribute) in zip(design, cells, strict=True):
        row[[0, 1 + names.index(name), 1 + len(names) + attributes.index(attribute)]] = 1
    deviations = np.full(design.shape[1], _EFFECT_DEVIATION)
    deviations[0] = _MEAN_DEVIATION
    return design, deviations**-2.0


def _fit(
    design: NDArray[np.float64],
    counts: NDArray[np.float64],
    sizes: NDArray[np.float64],
    precision: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mode and covariance of the effects: Newton's steps, halved while they don't lead up."""

    def height(effects: NDArray[np.float64]) -> float:
        odds = design @ effects
        likelihood = np.where(sizes > 0, counts * odds, 0.0) - sizes * np.logaddexp(0, odds)
        return float(likelihood.sum() - precision @ effects**2 / 2)

    effects = np.zeros(design.shape[1])
    for _ in range(_MAX_STEPS):
        shares = 1 / (1 + np.exp(-(design @ effects)))
        slope = design.T @ np.where(sizes > 0, counts - sizes * shares, 0.0) - precision * effects
        curvature = design.T * (sizes * shares * (1 - shares)) @ design + np.diag(precision)
        step = np.linalg.solve(curvature, slope)
        while height(effects + step) < height(effects) and np.abs(step).max() > 1e-10:
            step /= 2
        effects = effects + step
        if np.abs(step).max() < 1e-9:
            break
    return effects, np.asarray(np.linalg.inv(curvature), dtype=np.float64)
