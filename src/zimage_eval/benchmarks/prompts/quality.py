"""Which features of a prompt correlate with alignment, and how well they predict it elsewhere."""

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


class HeldOutPredictions(NamedTuple):
    """Held-out predictions of each model."""

    alignment: Floats
    """`(prompts,)`: the measured alignment."""
    predicted: Mapping[str, Floats]
    """Name of a model -> `(prompts,)` predicted alignment."""


def predict_held_out(
    judged: Sequence[JudgedTrial], extra: Mapping[str, Floats], params: PromptQuality
) -> HeldOutPredictions:
    """Predict each prompt's alignment from the prompts of the other folds, by each model.

    Args:
        judged: one per prompt, so that no prompt is divided between folds.
        extra: more models: name -> inputs `(prompts, inputs)`.
        params: settings of the benchmark.
    """
    texts = [judged_trial.trial.text for judged_trial in judged]
    alignment = np.array([judged_trial.alignment for judged_trial in judged])
    parts = folds(
        [judged_trial.trial.trial_id for judged_trial in judged], params.num_folds, params.seed
    )
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
    return HeldOutPredictions(
        alignment,
        {name: held_out_values(values, alignment, parts) for name, values in inputs.items()},
    )


def predictor_rows(
    predictions: HeldOutPredictions, judged: Sequence[JudgedTrial]
) -> dict[str, dict[str, float | None]]:
    """The errors of each model's predictions, and its gain over each baseline."""
    is_of_prompt_set = np.array([judged_trial.trial.group == PROMPT_SET for judged_trial in judged])
    errors = {
        name: (values - predictions.alignment) ** 2
        for name, values in predictions.predicted.items()
    }
    rows: dict[str, dict[str, float | None]] = {}
    for name, predicted in predictions.predicted.items():
        row: dict[str, float | None] = {
            "num_prompts": len(judged),
            "r_squared": 1 - errors[name].mean() / predictions.alignment.var(),
            "r_squared_prompt_set": 1
            - errors[name][is_of_prompt_set].mean() / predictions.alignment[is_of_prompt_set].var(),
            "rank_correlation": _correlation(predicted, predictions.alignment),
            "mean_absolute_error": float(np.abs(predicted - predictions.alignment).mean()),
            "squared_error": float(errors[name].mean()),
        }
        for baseline in BASELINES:
            gain = errors[baseline] - errors[name]
            test = mean_test(gain.tolist(), None)
            low, high = test.interval(0.95) if test else (None, None)
            key = f"gain_over_{baseline}"
            row |= {key: float(gain.mean()), f"{key}_low": low, f"{key}_high": high}
        rows[name] = row
    return rows


def beats_baselines(rows: Mapping[str, dict[str, float | None]]) -> bool:
    """Whether the predictor's squared error is below each baseline's, with 95 % confidence."""
    lows = [rows[PREDICTOR][f"gain_over_{baseline}_low"] for baseline in BASELINES]
    return all(low is not None and low > 0 for low in lows)


def feature_rows(judged: Sequence[JudgedTrial], seed: int) -> dict[str, dict[str, float | None]]:
    """Spearman's correlation of each feature with alignment, alone and given all other features.

    Intervals come from resampling prompts. A feature that is equal in all prompts has no row.
    """
    features = feature_matrix([judged_trial.trial.text for judged_trial in judged])
    alignment = np.array([judged_trial.alignment for judged_trial in judged])
    ranks = np.apply_along_axis(stats.rankdata, 0, features)
    rng = np.random.default_rng(seed)
    rows: dict[str, dict[str, float | None]] = {}
    samples = rng.integers(len(judged), size=(_NUM_RESAMPLES, len(judged)))
    for index, name in enumerate(FEATURES):
        column = features[:, index]
        if np.ptp(column) == 0:
            continue
        resampled = [_correlation(column[sample], alignment[sample]) for sample in samples]
        correlations = [value for value in resampled if value is not None]
        other_ranks = np.delete(ranks, index, axis=1)
        low, high = np.quantile(correlations, [0.025, 0.975])
        rows[f"feature={name}"] = {
            "rank_correlation": _correlation(column, alignment),
            "rank_correlation_low": float(low),
            "rank_correlation_high": float(high),
            "partial_rank_correlation": _partial(
                ranks[:, index], stats.rankdata(alignment), other_ranks
            ),
        }
    return rows


def _correlation(first: Floats, second: Floats) -> float | None:
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(np.corrcoef(stats.rankdata(first), stats.rankdata(second))[0, 1])


def _partial(first: Floats, second: Floats, controls: Floats) -> float | None:
    """Pearson's correlation of the residuals of both after a linear model of `controls`."""
    design = np.column_stack([np.ones(len(controls)), controls])
    residuals = [
        values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
        for values in (first, second)
    ]
    # If a feature is a sum of other features, its residuals are only rounding.
    if residuals[0].std() < 1e-6 * first.std() or residuals[1].std() < 1e-6 * second.std():
        return None
    return float(np.corrcoef(*residuals)[0, 1])


def quality_observations(
    predictions: HeldOutPredictions, judged: Sequence[JudgedTrial]
) -> list[Measurement]:
    """The squared error of each model on each prompt."""
    return [
        Measurement(
            variant=name,
            unit=judged_trial.trial.trial_id,
            replicate=0,
            category=judged_trial.trial.group,
            metric="squared_error",
            value=float(error),
        )
        for name, predicted in predictions.predicted.items()
        for judged_trial, error in zip(
            judged, (predicted - predictions.alignment) ** 2, strict=True
        )
    ]
