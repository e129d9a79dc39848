"""Find combinations of a name and an attribute that a model never draws, though it draws both.

A cell of the grid (name x attribute) may fail because its name is hard or its attribute is hard. A
gap is a cell that fails more often than both together explain: an interaction.

The log odds of a cell are a mean plus an effect of its name plus an effect of its attribute, with
normal priors. How much names differ, and how much attributes differ, is learned from the grid: each
width of a prior is weighted by its marginal likelihood (Laplace's approximation). If attributes
(colors, say) hardly differ, a cell is then mainly compared with the other cells of its name, and a
few pictures suffice.
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
"""Prior standard deviation of the mean log odds: allows any share from 0.001 to 0.999."""
_EFFECT_DEVIATIONS: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Prior standard deviations that the effects of names, and those of attributes, may have."""
_LEAST_WEIGHT: Final = 0.01
"""Pairs of deviations with less than this share of the likeliest pair's weight are left out."""
_MAX_STEPS: Final = 60


class Gap(NamedTuple):
    """A cell of the grid."""

    cell: ConceptPair
    num_images: int
    """Number of judged images."""
    share: float | None
    """Share of the judged images that show the combination; None if there are none."""
    expected: float | None
    """The share expected from the name and the attribute, given all other cells; None if the name
    or the attribute is never drawn."""
    p_value: float | None
    """One-sided chance of so few images or fewer, adjusted for the number of cells (Holm)."""


class _Prior(NamedTuple):
    """A choice of how much the effects vary, with its weight."""

    precision: Floats
    """Precision of the mean, of each name's effect and of each attribute's effect."""
    mode: Floats
    """Mode of the effects, fitted to all cells."""
    weight: float


def find_gaps(outcomes: Mapping[ConceptPair, Sequence[bool]]) -> list[Gap]:
    """Compare each cell with what all other cells make expect; in the order of `outcomes`.

    The effects are fitted without the cell itself (the mode of the posterior). The chance of so few
    pictures is binomial, averaged over the normal approximation of the posterior of the cell's log
    odds and over the priors, so that the uncertainty of a small grid is part of it. The probability
    of exactly the observed number counts half (Lancaster 1961); otherwise tests of a few pictures
    would have far less than their level. A name that no picture shows says nothing about
    attributes, nor does such an attribute about names; their cells are left out of the fit.

    Args:
        outcomes: for each cell, whether each of its judged pictures shows the combination.
    """
    drawn = [{cell[side] for cell, results in outcomes.items() if any(results)} for side in (0, 1)]
    judged_cells = [
        cell for cell in outcomes if outcomes[cell] and cell[0] in drawn[0] and cell[1] in drawn[1]
    ]
    judgements = _judge_cells(judged_cells, outcomes) if len(judged_cells) > 1 else {}
    adjusted = dict(
        zip(judgements, holm([chance for _, chance in judgements.values()]), strict=True)
    )
    return [
        Gap(
            cell=cell,
            num_images=len(results),
            share=sum(results) / len(results) if results else None,
            expected=judgements[cell][0] if cell in judgements else None,
            p_value=adjusted.get(cell),
        )
        for cell, results in outcomes.items()
    ]


def _judge_cells(
    cells: Sequence[ConceptPair], outcomes: Mapping[ConceptPair, Sequence[bool]]
) -> dict[ConceptPair, tuple[float, float]]:
    """By cell: its expected share, and the chance of so few pictures or fewer."""
    sizes = np.array([len(outcomes[cell]) for cell in cells], dtype=np.float64)
    counts = np.array([sum(outcomes[cell]) for cell in cells], dtype=np.float64)
    design = _design(cells)
    priors = _likely_priors(design, counts, sizes, len({name for name, _ in cells}))
    places, weights = hermegauss(31)
    weights = weights / weights.sum()
    judgements = {}
    for index, row in enumerate(design):
        other_sizes = sizes.copy()
        other_sizes[index] = 0
        expected, chance = 0.0, 0.0
        for prior in priors:
            effects, curvature = _fit(design, counts, other_sizes, prior.precision, prior.mode)
            odds = row @ effects + places * np.sqrt(row @ np.linalg.solve(curvature, row))
            drawn = stats.binom(sizes[index], expit(odds))
            few = drawn.cdf(counts[index]) - drawn.pmf(counts[index]) / 2
            expected += prior.weight * float(weights @ expit(odds))
            chance += prior.weight * float(weights @ few)
        judgements[cells[index]] = expected, min(1.0, chance)
    return judgements


def _design(cells: Sequence[ConceptPair]) -> Floats:
    """The design matrix: a row per cell; columns for the mean, the names and the attributes."""
    names = list(dict.fromkeys(name for name, _ in cells))
    attributes = list(dict.fromkeys(attribute for _, attribute in cells))
    design = np.zeros((len(cells), 1 + len(names) + len(attributes)))
    for row, (name, attribute) in zip(design, cells, strict=True):
        row[[0, 1 + names.index(name), 1 + len(names) + attributes.index(attribute)]] = 1
    return design


def _likely_priors(design: Floats, counts: Floats, sizes: Floats, num_names: int) -> list[_Prior]:
    """The priors under which the grid is likely, with weights that add up to 1."""
    fits, heights = [], []
    for of_names, of_attributes in product(_EFFECT_DEVIATIONS, repeat=2):
        deviations = np.full(design.shape[1], of_attributes)
        deviations[0], deviations[1 : 1 + num_names] = _MEAN_DEVIATION, of_names
        precision = deviations**-2.0
        effects, curvature = _fit(design, counts, sizes, precision, np.zeros(design.shape[1]))
        volume = np.log(precision).sum() - np.linalg.slogdet(curvature)[1]
        fits.append((precision, effects))
        heights.append(_log_posterior(effects, design, counts, sizes, precision) + volume / 2)
    weights = softmax(heights)
    weights = np.where(weights < _LEAST_WEIGHT * weights.max(), 0.0, weights)
    weights = weights / weights.sum()
    return [
        _Prior(*fit, weight) for fit, weight in zip(fits, weights.tolist(), strict=True) if weight
    ]


def _log_posterior(
    effects: Floats, design: Floats, counts: Floats, sizes: Floats, precision: Floats
) -> float:
    """Log posterior, up to a constant; cells of size 0 don't count."""
    odds = design @ effects
    likelihood = np.where(sizes > 0, counts * odds, 0.0) - sizes * np.logaddexp(0, odds)
    return float(likelihood.sum() - precision @ effects**2 / 2)


def _fit(
    design: Floats, counts: Floats, sizes: Floats, precision: Floats, start: Floats
) -> tuple[Floats, Floats]:
    """Mode and curvature of the effects, by Newton's steps; a step is halved until it leads up."""
    data = design, counts, sizes, precision
    effects = start
    for _ in range(_MAX_STEPS):
        shares = expit(design @ effects)
        slope = design.T @ np.where(sizes > 0, counts - sizes * shares, 0.0) - precision * effects
        curvature = design.T * (sizes * shares * (1 - shares)) @ design + np.diag(precision)
        step = np.linalg.solve(curvature, slope)
        height = _log_posterior(effects, *data)
        while _log_posterior(effects + step, *data) < height and np.abs(step).max() > 1e-10:
            step /= 2
        effects = effects + step
        if np.abs(step).max() < 1e-9:
            break
    return effects, curvature
