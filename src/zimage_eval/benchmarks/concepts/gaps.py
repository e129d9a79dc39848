"""Which combinations of a name and an attribute a model never draws, though it draws both.

A cell of the grid may fail because its name is hard, or its attribute; what is looked for is that
it fails more often than both together explain: an interaction.

The log odds of a cell are a mean, an effect of its name and one of its attribute, with normal
priors. How much names differ, and how much attributes do, is learned from the grid itself: each
width of a prior counts by its marginal likelihood (Laplace's approximation). Where colors hardly
differ, a pair is then held against its name's other colors, and few pictures tell.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Final, NamedTuple

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy import stats
from scipy.special import expit, softmax

from zimage_eval.statistics.estimates import Floats
from zimage_eval.statistics.multiplicity import holm

ConceptPair = tuple[str, str]
"""Name, attribute."""

_MEAN_DEVIATION: Final = 4.0
"""Prior standard deviation of the log odds of the mean: any share from 0.001 to 0.999."""
_EFFECT_DEVIATIONS: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Prior standard deviations that the effects of names, and those of attributes, may have."""
_LEAST_WEIGHT: Final = 0.01
"""Of the likeliest pair of deviations; less likely ones are left out."""
_MAX_STEPS: Final = 60


class Gap(NamedTuple):
    """A cell of the grid."""

    cell: ConceptPair
    num_images: int
    """Judged ones."""
    share: float | None
    """Of them, those that show the combination; None if there are none."""
    expected: float | None
    """The share that its name and its attribute make expect, from all other cells; None where
    nothing is expected, because the name or the attribute is never drawn."""
    p_value: float | None
    """Of so few or fewer, one-sided, adjusted for the number of cells (Holm)."""


class _Prior(NamedTuple):
    """How much the effects vary, and how likely that is."""

    precision: Floats
    """Of the mean, the names' effects and the attributes' effects."""
    mode: Floats
    """Of the effects, fitted to all cells."""
    weight: float


def find_gaps(held: Mapping[ConceptPair, Sequence[bool]]) -> list[Gap]:
    """Each cell beside what the others make expect, in the order given.

    The effects are fitted without the cell itself (the mode of the posterior). The chance of so few
    is binomial, averaged over the normal approximation of the posterior of the cell's log odds, and
    over the priors: nothing stands out against what a small grid can't tell. Exactly as many count
    half (Lancaster 1961), or few pictures would be held to a fraction of the level. A name that no
    picture shows says nothing about attributes, nor an attribute about names; their cells are left
    out.

    Args:
        held: for each cell, whether each of its judged pictures shows the combination.
    """
    drawn = [{cell[side] for cell, each in held.items() if any(each)} for side in (0, 1)]
    known = [cell for cell in held if held[cell] and cell[0] in drawn[0] and cell[1] in drawn[1]]
    found = _judge_cells(known, held) if len(known) > 1 else {}
    adjusted = dict(zip(found, holm([chance for _, chance in found.values()]), strict=True))
    return [
        Gap(
            cell,
            len(each),
            sum(each) / len(each) if each else None,
            found[cell][0] if cell in found else None,
            adjusted.get(cell),
        )
        for cell, each in held.items()
    ]


def _judge_cells(
    cells: Sequence[ConceptPair], held: Mapping[ConceptPair, Sequence[bool]]
) -> dict[ConceptPair, tuple[float, float]]:
    """Expected share and chance of so few or fewer, by cell."""
    sizes = np.array([len(held[cell]) for cell in cells], dtype=np.float64)
    counts = np.array([sum(held[cell]) for cell in cells], dtype=np.float64)
    design = _design(cells)
    priors = _likely_priors(design, counts, sizes, len({name for name, _ in cells}))
    places, weights = hermegauss(31)
    weights = weights / weights.sum()
    found = {}
    for index, row in enumerate(design):
        others = sizes.copy()
        others[index] = 0
        expected, chance = 0.0, 0.0
        for prior in priors:
            effects, curvature = _fit(design, counts, others, prior.precision, prior.mode)
            odds = row @ effects + places * np.sqrt(row @ np.linalg.solve(curvature, row))
            drawn = stats.binom(sizes[index], expit(odds))
            few = drawn.cdf(counts[index]) - drawn.pmf(counts[index]) / 2
            expected += prior.weight * float(weights @ expit(odds))
            chance += prior.weight * float(weights @ few)
        found[cells[index]] = expected, min(1.0, chance)
    return found


def _design(cells: Sequence[ConceptPair]) -> Floats:
    """A row a cell: mean, names, attributes."""
    names = list(dict.fromkeys(name for name, _ in cells))
    attributes = list(dict.fromkeys(attribute for _, attribute in cells))
    design = np.zeros((len(cells), 1 + len(names) + len(attributes)))
    for row, (name, attribute) in zip(design, cells, strict=True):
        row[[0, 1 + names.index(name), 1 + len(names) + attributes.index(attribute)]] = 1
    return design


def _likely_priors(design: Floats, counts: Floats, sizes: Floats, num_names: int) -> list[_Prior]:
    """The priors that make the grid likely, with weights that add up to 1."""
    fits, heights = [], []
    for of_names, of_attributes in product(_EFFECT_DEVIATIONS, repeat=2):
        deviations = np.full(design.shape[1], of_attributes)
        deviations[0], deviations[1 : 1 + num_names] = _MEAN_DEVIATION, of_names
        precision = deviations**-2.0
        effects, curvature = _fit(design, counts, sizes, precision, np.zeros(design.shape[1]))
        volume = np.log(precision).sum() - np.linalg.slogdet(curvature)[1]
        fits.append((precision, effects))
        heights.append(_height(effects, design, counts, sizes, precision) + volume / 2)
    weights = softmax(heights)
    weights = np.where(weights < _LEAST_WEIGHT * weights.max(), 0.0, weights)
    weights = weights / weights.sum()
    return [
        _Prior(*fit, weight) for fit, weight in zip(fits, weights.tolist(), strict=True) if weight
    ]


def _height(
    effects: Floats, design: Floats, counts: Floats, sizes: Floats, precision: Floats
) -> float:
    """Log posterior, up to a constant; cells of size 0 don't count."""
    odds = design @ effects
    likelihood = np.where(sizes > 0, counts * odds, 0.0) - sizes * np.logaddexp(0, odds)
    return float(likelihood.sum() - precision @ effects**2 / 2)


def _fit(
    design: Floats, counts: Floats, sizes: Floats, precision: Floats, start: Floats
) -> tuple[Floats, Floats]:
    """Mode and curvature of the effects: Newton's steps, halved while they don't lead up."""
    known = design, counts, sizes, precision
    effects = start
    for _ in range(_MAX_STEPS):
        shares = expit(design @ effects)
        slope = design.T @ np.where(sizes > 0, counts - sizes * shares, 0.0) - precision * effects
        curvature = design.T * (sizes * shares * (1 - shares)) @ design + np.diag(precision)
        step = np.linalg.solve(curvature, slope)
        height = _height(effects, *known)
        while _height(effects + step, *known) < height and np.abs(step).max() > 1e-10:
            step /= 2
        effects = effects + step
        if np.abs(step).max() < 1e-9:
            break
    return effects, curvature
