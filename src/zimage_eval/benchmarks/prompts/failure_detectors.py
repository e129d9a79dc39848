"""Whether a prompt's embeddings tell that it will fail, on prompts that were held out."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf

from zimage_eval.benchmarks.prompts.trial_tables import JudgedTrial
from zimage_eval.benchmarks.shared.content_vectors import (
    CaptionNorm,
    Floats,
    content,
    num_split_words,
    pooled,
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
MOSTLY: Final = 0.5
"""A prompt fails when fewer than this share of its seeds show every fact."""
_NUM_RESAMPLES: Final = 2_000
_NUM_SHUFFLES: Final = 20


def fails(judged: Sequence[JudgedTrial]) -> NDArray[np.bool_]:
    """`(prompts,)` whether most seeds of a prompt miss a fact."""
    return np.array([one.success_rate < MOSTLY for one in judged])


def detector_scores(
    judged: Sequence[JudgedTrial],
    encoded: Sequence[TextEmbeddings],
    norm: CaptionNorm,
    params: Failures,
) -> dict[str, Floats]:
    """`(prompts,)` of each detector, higher for "will fail"; none has seen the prompt's own fold.

    Mahalanobis distances and single statistics see no failure; `statistics`, `embedding` and the
    baselines are linear models of failing.
    """
    texts = [one.trial.text for one in judged]
    failed = fails(judged)
    parts = folds([one.trial.trial_id for one in judged], params.num_folds, params.seed)
    measured = embedding_statistics(encoded, norm)
    means = pooled(encoded, norm)
    of_mean, of_token = held_out_distances(encoded, norm, ~failed, parts)
    learned = {
        "length": num_words(texts),
        "bag_of_words": bag_of_words(texts),
        "statistics": measured,
        "embedding": means,
    }
    target = failed.astype(np.float64)
    scores = {"mahalanobis_of_mean": of_mean, "mahalanobis_of_farthest_token": of_token}
    # A fold with many failures leaves fewer to learn from; without that, chance would be below 1/2.
    known = held_out_values(np.zeros((len(texts), 0)), target, parts)
    scores |= {
        name: held_out_values(inputs, target, parts) - known for name, inputs in learned.items()
    }
    columns = {name: measured[:, index] for index, name in enumerate(STATISTICS)}
    # A low norm and few filled dimensions are said to be the bad sign.
    for name in ("norm", "least_norm", "effective_rank"):
        columns[name] = -columns[name]
    return scores | columns


def chance_row(
    judged: Sequence[JudgedTrial],
    encoded: Sequence[TextEmbeddings],
    norm: CaptionNorm,
    params: Failures,
) -> dict[str, float | None]:
    """The area of the detector `embedding` when each prompt has another's embeddings, many times.

    A linear model of noise lies a little under 1/2 on held-out prompts: what a fold lacks, the
    others have too much of.
    """
    failed, means = fails(judged), pooled(encoded, norm)
    parts = folds([one.trial.trial_id for one in judged], params.num_folds, params.seed)
    target = failed.astype(np.float64)
    known = held_out_values(np.zeros((len(judged), 0)), target, parts)
    rng = np.random.default_rng(params.seed)
    areas = []
    for _ in range(_NUM_SHUFFLES):
        other = means[rng.permutation(len(judged))]
        area = area_under_curve(held_out_values(other, target, parts) - known, failed)
        areas.append(np.nan if area is None else area)
    low, middle, high = np.quantile(areas, [0.025, 0.5, 0.975])
    if not np.isfinite(middle):
        return {"auc": None, "auc_low": None, "auc_high": None}
    return {"auc": float(middle), "auc_low": float(low), "auc_high": float(high)}


def detector_rows(
    scores: Mapping[str, Floats], failed: NDArray[np.bool_], seed: int
) -> dict[str, dict[str, float | None]]:
    """The area under each detector's curve, and what it gains over the baselines."""
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
            own, base = areas[name], areas[baseline]
            key = f"gain_over_{baseline}"
            row[key] = None if own is None or base is None else own - base
            gains = drawn[:, names.index(name)] - drawn[:, names.index(baseline)]
            row |= _interval(key, gains)
        rows[f"detector={name}"] = row
    return rows


def _interval(name: str, drawn: Floats) -> dict[str, float | None]:
    low, high = np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (None, None)
    return {f"{name}_low": low, f"{name}_high": high}


def detector_observations(
    scores: Mapping[str, Floats], judged: Sequence[JudgedTrial]
) -> list[Measurement]:
    """How high each prompt stands in each detector, as a share of the prompts, signed by outcome.

    `rank_if_right` is the share of the prompts of the other outcome that stand on the right side of
    it; its mean over failed prompts is the area under the curve, and so it is over the others.
    """
    failed = fails(judged)
    found = []
    for name in (*BASELINES, *ANOMALIES):
        values = scores[name]
        for index, one in enumerate(judged):
            rivals = values[failed != failed[index]]
            if not len(rivals):
                continue
            sign = 1 if failed[index] else -1
            wins = (sign * (values[index] - rivals) > 0).mean()
            ties = (values[index] == rivals).mean()
            category = "failed" if failed[index] else "succeeded"
            found.append(
                Measurement(
                    f"detector={name}",
                    one.trial.trial_id,
                    0,
                    category,
                    "rank_if_right",
                    float(wins + ties / 2),
                )
            )
    return found


STATISTICS: Final[dict[str, str]] = {
    "norm": "mean length of a token's vector, before the norm",
    "least_norm": "length of the shortest of them",
    "variance": "variance over tokens, after the norm",
    "outlier_tokens": "length of the longest over that of the median token",
    "effective_rank": "dimensions that the tokens fill, over their number",
    "largest_channel": "share of the largest channel in the squared values, after the norm",
    "split_words": "words that the vocabulary lacks as a whole",
}


def embedding_statistics(entries: Sequence[TextEmbeddings], norm: CaptionNorm) -> Floats:
    """`(texts, statistics)` in the order of `STATISTICS`."""
    return np.array([_statistics_of(entry, norm) for entry in entries], dtype=np.float64)


def _statistics_of(entry: TextEmbeddings, norm: CaptionNorm) -> list[float]:
    raw, seen = content(entry, None), content(entry, norm)
    lengths = np.linalg.norm(raw, axis=1)
    energy = (seen**2).sum(axis=0)
    filled = (effective_rank_of(seen) if len(seen) > 1 else None) or 1.0
    return [
        float(lengths.mean()),
        float(lengths.min()),
        float(seen.var(axis=0).mean()),
        float(lengths.max() / np.median(lengths)),
        filled / len(seen),
        float(energy.max() / energy.sum()),
        float(num_split_words(entry)),
    ]


def held_out_distances(
    entries: Sequence[TextEmbeddings],
    norm: CaptionNorm,
    succeeded: NDArray[np.bool_],
    parts: Sequence[NDArray[np.intp]],
) -> tuple[Floats, Floats]:
    """Mahalanobis distances from the prompts of the other parts that succeeded: no failure is seen.

    Of a text's mean vector, and of its farthest token from all tokens; covariances are shrunk
    (Ledoit and Wolf 2004).

    Args:
        entries: encoded texts.
        norm: what the transformer does to them first.
        succeeded: `(texts,)`.
        parts: from `held_out.folds`.

    Returns:
        Two arrays `(texts,)`.
    """
    means = pooled(entries, norm)
    tokens = [content(entry, norm) for entry in entries]
    of_mean, of_token = np.empty(len(entries)), np.empty(len(entries))
    for test in parts:
        train = np.setdiff1d(np.flatnonzero(succeeded), test)
        by_mean = LedoitWolf().fit(means[train])
        by_token = LedoitWolf().fit(np.concatenate([tokens[index] for index in train]))
        of_mean[test] = by_mean.mahalanobis(means[test])
        of_token[test] = [by_token.mahalanobis(tokens[index]).max() for index in test]
    return of_mean, of_token
