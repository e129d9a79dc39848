"""What of a prompt goes with its pictures' alignment, and how well that foretells other prompts."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from scipy import stats

from zimage_eval.benchmarks.prompts.features import FEATURES, feature_matrix
from zimage_eval.benchmarks.prompts.predictor import predictor_inputs, vocabulary_of
from zimage_eval.benchmarks.prompts.trial_tables import JudgedTrial
from zimage_eval.benchmarks.prompts.trials import PROMPT_SET
from zimage_eval.config.benchmarks import PromptQuality
from zimage_eval.output.observations import Measurement
from zimage_eval.statistics.held_out import Floats, bag_of_words, folds, held_out_values, num_words
from zimage_eval.statistics.studentized import mean_test

PREDICTOR: Final = "features_and_words"
BASELINES: Final = ("length", "bag_of_words")
_NUM_RESAMPLES: Final = 1_000


class Foretold(NamedTuple):
    """Held-out predictions of each model."""

    alignment: Floats
    """`(prompts,)`, the truth."""
    predicted: Mapping[str, Floats]
    """`(prompts,)` by name of the model."""


def foretell(
    judged: Sequence[JudgedTrial], extra: Mapping[str, Floats], params: PromptQuality
) -> Foretold:
    """Each prompt's alignment from the prompts of the other folds, by each model.

    Args:
        judged: prompts, one row each: a fold never holds a part of a prompt.
        extra: more models, `(prompts, inputs)` by name.
        params: of the benchmark.
    """
    texts = [one.trial.text for one in judged]
    alignment = np.array([one.alignment for one in judged])
    parts = folds([one.trial.trial_id for one in judged], params.num_folds, params.seed)
    inputs: dict[str, Floats] = {
        "mean": np.zeros((len(texts), 0)),
        "length": num_words(texts),
        "bag_of_words": bag_of_words(texts),
        "features": feature_matrix(texts),
        PREDICTOR: predictor_inputs(texts, vocabulary_of(texts)),
        **extra,
    }
    shuffled = np.random.default_rng(params.seed).permutation(len(texts))
    inputs["shuffled"] = inputs[PREDICTOR][shuffled]
    return Foretold(
        alignment,
        {name: held_out_values(each, alignment, parts) for name, each in inputs.items()},
    )


def predictor_rows(
    found: Foretold, judged: Sequence[JudgedTrial]
) -> dict[str, dict[str, float | None]]:
    """How far each model's predictions are off, and what it gains over each baseline."""
    own = np.array([one.trial.group == PROMPT_SET for one in judged])
    errors = {name: (each - found.alignment) ** 2 for name, each in found.predicted.items()}
    rows: dict[str, dict[str, float | None]] = {}
    for name, predicted in found.predicted.items():
        row: dict[str, float | None] = {
            "num_prompts": len(judged),
            "r_squared": 1 - errors[name].mean() / found.alignment.var(),
            "r_squared_prompt_set": 1 - errors[name][own].mean() / found.alignment[own].var(),
            "rank_correlation": _correlation(predicted, found.alignment),
            "mean_absolute_error": float(np.abs(predicted - found.alignment).mean()),
            "squared_error": float(errors[name].mean()),
        }
        for baseline in BASELINES:
            gain = errors[baseline] - errors[name]
            pivot = mean_test(gain.tolist(), None)
            low, high = pivot.interval(0.95) if pivot else (None, None)
            key = f"gain_over_{baseline}"
            row |= {key: float(gain.mean()), f"{key}_low": low, f"{key}_high": high}
        rows[name] = row
    return rows


def beats_baselines(rows: Mapping[str, dict[str, float | None]]) -> bool:
    """Whether the predictor's squared error is below each baseline's, at 95 %."""
    lows = [rows[PREDICTOR][f"gain_over_{baseline}_low"] for baseline in BASELINES]
    return all(low is not None and low > 0 for low in lows)


def feature_rows(judged: Sequence[JudgedTrial], seed: int) -> dict[str, dict[str, float | None]]:
    """Spearman's correlation of each feature with alignment, alone and given all other features.

    Intervals by resampling prompts. A feature that no two prompts differ in has no correlation.
    """
    features = feature_matrix([one.trial.text for one in judged])
    alignment = np.array([one.alignment for one in judged])
    ranks = np.apply_along_axis(stats.rankdata, 0, features)
    rng = np.random.default_rng(seed)
    rows: dict[str, dict[str, float | None]] = {}
    drawn = rng.integers(len(judged), size=(_NUM_RESAMPLES, len(judged)))
    for index, name in enumerate(FEATURES):
        column = features[:, index]
        if np.ptp(column) == 0:
            continue
        resampled = [_correlation(column[rows_], alignment[rows_]) for rows_ in drawn]
        known = [value for value in resampled if value is not None]
        others = np.delete(ranks, index, axis=1)
        low, high = np.quantile(known, [0.025, 0.975])
        rows[f"feature={name}"] = {
            "rank_correlation": _correlation(column, alignment),
            "rank_correlation_low": float(low),
            "rank_correlation_high": float(high),
            "partial_rank_correlation": _partial(
                ranks[:, index], stats.rankdata(alignment), others
            ),
        }
    return rows


def _correlation(one: Floats, other: Floats) -> float | None:
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(stats.rankdata(one), stats.rankdata(other))[0, 1])


def _partial(one: Floats, other: Floats, given: Floats) -> float | None:
    """Pearson's correlation of what a linear model of `given` leaves of both."""
    design = np.column_stack([np.ones(len(given)), given])
    left = [each - design @ np.linalg.lstsq(design, each, rcond=None)[0] for each in (one, other)]
    # Of a feature that is a sum of others nothing is left but rounding.
    if left[0].std() < 1e-6 * one.std() or left[1].std() < 1e-6 * other.std():
        return None
    return float(np.corrcoef(*left)[0, 1])


def quality_observations(found: Foretold, judged: Sequence[JudgedTrial]) -> list[Measurement]:
    """The squared error of each model on each prompt."""
    return [
        Measurement(name, one.trial.trial_id, 0, one.trial.group, "squared_error", float(error))
        for name, predicted in found.predicted.items()
        for one, error in zip(judged, (predicted - found.alignment) ** 2, strict=True)
    ]
