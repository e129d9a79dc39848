"""Whether a prompt's embeddings predict that its pictures fail, tested on held-out prompts."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf

from zimage_eval.benchmarks.prompts.trial_tables import JudgedTrial
from zimage_eval.benchmarks.shared.content_vectors import (
    CaptionNorm,
    Floats,
    content_embeds,
    mean_vectors,
    num_split_words,
)
from zimage_eval.config.benchmarks import Failures
from zimage_eval.metrics.embedding import effective_rank_of
from zimage_eval.output.observations import Measurement
from zimage_eval.statistics.held_out import (
    area_under_curve,
    bag_of_words,
    folds,
    held_out_values,
    num_words,
    resampled_areas,
)
from zimage_eval.text.embeddings import TextEmbeddings

BASELINES: Final = ("length", "bag_of_words", "split_words")
ANOMALIES: Final = (
    "mahalanobis_of_mean",
    "mahalanobis_of_farthest_token",
    "statistics",
    "embedding",
)
MIN_SUCCESS_RATE: Final = 0.5
"""A prompt fails if a smaller share of its seeds than this shows every fact."""
STATISTICS: Final[dict[str, str]] = {
    "norm": "mean length of a token's vector, before the norm",
    "least_norm": "length of the shortest of them",
    "variance": "variance over tokens, after the norm",
    "outlier_tokens": "length of the longest over that of the median token",
    "effective_rank": "dimensions that the tokens fill, over their number",
    "largest_channel": "share of the largest channel in the squared values, after the norm",
    "split_words": "words that the vocabulary lacks as a whole",
}
_NUM_RESAMPLES: Final = 2_000
_NUM_SHUFFLES: Final = 20


def failed_prompts(judged: Sequence[JudgedTrial]) -> NDArray[np.bool_]:
    """`(prompts,)` bool: whether most seeds of a prompt miss a fact."""
    return np.array([judged_trial.success_rate < MIN_SUCCESS_RATE for judged_trial in judged])


def detector_scores(
    judged: Sequence[JudgedTrial],
    encoded: Sequence[TextEmbeddings],
    norm: CaptionNorm,
    params: Failures,
) -> dict[str, Floats]:
    """Detector -> `(prompts,)` scores, where a higher score predicts failure.

    No detector was fitted on the fold of the prompt that it scores. Mahalanobis distances and
    single statistics never see a failure. `statistics`, `embedding` and the baselines are linear
    models that are fitted to failures.
    """
    texts = [judged_trial.trial.text for judged_trial in judged]
    failed = failed_prompts(judged)
    parts = folds(
        [judged_trial.trial.trial_id for judged_trial in judged], params.num_folds, params.seed
    )
    measured = embedding_statistics(encoded, norm)
    means = mean_vectors(encoded, norm)
    of_mean, of_token = held_out_distances(encoded, norm, ~failed, parts)
    learned = {
        "length": num_words(texts),
        "bag_of_words": bag_of_words(texts),
        "statistics": measured,
        "embedding": means,
    }
    target = failed.astype(np.float64)
    scores = {"mahalanobis_of_mean": of_mean, "mahalanobis_of_farthest_token": of_token}
    # If many failures are held out, few are left to learn from, so that even a constant prediction
    # depends on the fold. Unless it is subtracted, the area of pure chance is below 1/2.
    base_rate = held_out_values(np.zeros((len(texts), 0)), target, parts)
    scores |= {
        name: held_out_values(inputs, target, parts) - base_rate for name, inputs in learned.items()
    }
    columns = {name: measured[:, index] for index, name in enumerate(STATISTICS)}
    # A low norm and few filled dimensions are said to be signs of failure.
    for name in ("norm", "least_norm", "effective_rank"):
        columns[name] = -columns[name]
    return scores | columns


def chance_row(
    judged: Sequence[JudgedTrial],
    encoded: Sequence[TextEmbeddings],
    norm: CaptionNorm,
    params: Failures,
) -> dict[str, float | None]:
    """The area of the detector `embedding` if prompts and embeddings are shuffled, many times.

    On held-out prompts a linear model of noise has an area slightly below 1/2, because failures
    that are missing in a fold are overrepresented in the other folds.
    """
    failed, means = failed_prompts(judged), mean_vectors(encoded, norm)
    parts = folds(
        [judged_trial.trial.trial_id for judged_trial in judged], params.num_folds, params.seed
    )
    target = failed.astype(np.float64)
    base_rate = held_out_values(np.zeros((len(judged), 0)), target, parts)
    rng = np.random.default_rng(params.seed)
    areas = []
    for _ in range(_NUM_SHUFFLES):
        permuted = means[rng.permutation(len(judged))]
        area = area_under_curve(held_out_values(permuted, target, parts) - base_rate, failed)
        areas.append(np.nan if area is None else area)
    low, middle, high = np.quantile(areas, [0.025, 0.5, 0.975])
    if not np.isfinite(middle):
        return {"auc": None, "auc_low": None, "auc_high": None}
    return {"auc": float(middle), "auc_low": float(low), "auc_high": float(high)}


def detector_rows(
    scores: Mapping[str, Floats], failed: NDArray[np.bool_], seed: int
) -> dict[str, dict[str, float | None]]:
    """The area under each detector's ROC curve, and its gain over each baseline."""
    names = list(scores)
    drawn = resampled_areas([scores[name] for name in names], failed, _NUM_RESAMPLES, seed)
    areas = {name: area_under_curve(scores[name], failed) for name in names}
    rows: dict[str, dict[str, float | None]] = {}
    for name in names:
        row: dict[str, float | None] = {
            "auc": areas[name],
            "num_prompts": len(failed),
            "num_failed": int(failed.sum()),
        }
        row |= _interval("auc", drawn[:, names.index(name)])
        for baseline in BASELINES:
            area, baseline_area = areas[name], areas[baseline]
            key = f"gain_over_{baseline}"
            row[key] = None if area is None or baseline_area is None else area - baseline_area
            gains = drawn[:, names.index(name)] - drawn[:, names.index(baseline)]
            row |= _interval(key, gains)
        rows[f"detector={name}"] = row
    return rows


def detector_observations(
    scores: Mapping[str, Floats], judged: Sequence[JudgedTrial]
) -> list[Measurement]:
    """How well each detector ranks each prompt.

    `rank_if_right` is the share of the prompts with the other outcome that the detector ranks on
    the right side of this prompt; ties count half. Its mean over failed prompts is the area under
    the curve, and so is its mean over the other prompts.
    """
    failed = failed_prompts(judged)
    measurements = []
    for name in (*BASELINES, *ANOMALIES):
        values = scores[name]
        for index, judged_trial in enumerate(judged):
            rivals = values[failed != failed[index]]
            if not len(rivals):
                continue
            sign = 1 if failed[index] else -1
            wins = (sign * (values[index] - rivals) > 0).mean()
            ties = (values[index] == rivals).mean()
            category = "failed" if failed[index] else "succeeded"
            measurements.append(
                Measurement(
                    variant=f"detector={name}",
                    unit=judged_trial.trial.trial_id,
                    replicate=0,
                    category=category,
                    metric="rank_if_right",
                    value=float(wins + ties / 2),
                )
            )
    return measurements


def embedding_statistics(entries: Sequence[TextEmbeddings], norm: CaptionNorm) -> Floats:
    """`(texts, statistics)` in the order of `STATISTICS`."""
    return np.array([_statistics_of(entry, norm) for entry in entries], dtype=np.float64)


def held_out_distances(
    entries: Sequence[TextEmbeddings],
    norm: CaptionNorm,
    succeeded: NDArray[np.bool_],
    parts: Sequence[NDArray[np.intp]],
) -> tuple[Floats, Floats]:
    """Mahalanobis distances of each text from the successful prompts of the other folds.

    One distance is that of the text's mean vector from the mean vectors of prompts. The other is
    that of the text's farthest token from the tokens of prompts. Covariances are shrunk (Ledoit and
    Wolf 2004). No failed prompt is used to fit them.

    Args:
        entries: encoded texts.
        norm: the transformer's first norm.
        succeeded: `(texts,)`.
        parts: folds from `held_out.folds`.

    Returns:
        Two arrays `(texts,)`: distances of mean vectors, distances of farthest tokens.
    """
    means = mean_vectors(entries, norm)
    tokens = [content_embeds(entry, norm) for entry in entries]
    of_mean, of_token = np.empty(len(entries)), np.empty(len(entries))
    for test in parts:
        train = np.setdiff1d(np.flatnonzero(succeeded), test)
        by_mean = LedoitWolf().fit(means[train])
        by_token = LedoitWolf().fit(np.concatenate([tokens[index] for index in train]))
        of_mean[test] = by_mean.mahalanobis(means[test])
        of_token[test] = [by_token.mahalanobis(tokens[index]).max() for index in test]
    return of_mean, of_token


def _interval(name: str, drawn: Floats) -> dict[str, float | None]:
    low, high = np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (None, None)
    return {f"{name}_low": low, f"{name}_high": high}


def _statistics_of(entry: TextEmbeddings, norm: CaptionNorm) -> list[float]:
    raw, normed = content_embeds(entry, None), content_embeds(entry, norm)
    lengths = np.linalg.norm(raw, axis=1)
    energy = (normed**2).sum(axis=0)
    filled = (effective_rank_of(normed) if len(normed) > 1 else None) or 1.0
    return [
        float(lengths.mean()),
        float(lengths.min()),
        float(normed.var(axis=0).mean()),
        float(lengths.max() / np.median(lengths)),
        filled / len(normed),
        float(energy.max() / energy.sum()),
        float(num_split_words(entry)),
    ]
