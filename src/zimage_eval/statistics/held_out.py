"""Ridge models over prompts, cross-validated: each prompt is predicted from other prompts only.

The penalty is chosen inside the training part by leave-one-out (Golub, Heath and Wahba 1979). All
of it is in closed form, so it is the same on every machine but for rounding.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import RidgeClassifierCV, RidgeCV
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from zimage_eval.statistics.estimates import Floats

PENALTIES: Final = np.logspace(-1, 4, 11)
NUM_FOLDS: Final = 4
MIN_PER_CLASS: Final = 4
"""A class with fewer prompts is left out: some fold would not have it."""
PROBE_PENALTIES: Final = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Ridge penalties that the probe tries, as shares of the mean square of the centered inputs."""


def folds(groups: Sequence[str], num_folds: int, seed: int) -> list[NDArray[np.intp]]:
    """Row indices of each of `num_folds` parts; the rows of a group are all in the same part.

    Args:
        groups: name of each row's group, such as its prompt id.
        num_folds: number of parts.
        seed: shuffles the groups.

    Raises:
        ValueError: there are fewer groups than parts.
    """
    if len(set(groups)) < num_folds:
        raise ValueError(f"{len(set(groups))} prompts can't be split into {num_folds} parts")
    splitter = GroupKFold(num_folds, shuffle=True, random_state=seed)
    return [test for _, test in splitter.split(np.zeros(len(groups)), groups=groups)]


def held_out_values(features: Floats, target: Floats, parts: Sequence[NDArray[np.intp]]) -> Floats:
    """`(num_rows,)` predictions of a number, each by a ridge fitted on the other parts' rows.

    Args:
        features: `(num_rows, num_features)`; without features the other parts' mean is predicted.
        target: `(num_rows,)`.
        parts: from `folds`.
    """
    predicted = np.empty(len(target))
    for test in parts:
        train = np.setdiff1d(np.arange(len(target)), test)
        if features.shape[1]:
            predicted[test] = fit_prompt_ridge(features[train], target[train]).predict(
                features[test]
            )
        else:
            predicted[test] = target[train].mean()
    return predicted


def fit_prompt_ridge(features: Floats, target: Floats) -> Pipeline:
    """A fitted ridge regression on standardized features; its last step holds the coefficients.

    Args:
        features: `(num_rows, num_features)`.
        target: `(num_rows,)`.
    """
    return make_pipeline(StandardScaler(), RidgeCV(PENALTIES)).fit(features, target)


def held_out_classes(
    features: Floats, labels: NDArray[np.str_], parts: Sequence[NDArray[np.intp]]
) -> NDArray[np.str_]:
    """`(num_rows,)` predicted classes, each by a ridge fitted on the other parts' rows.

    Args:
        features: `(num_rows, num_features)`; without features the most frequent class of the other
            parts is predicted.
        labels: `(num_rows,)`.
        parts: from `folds`.
    """
    predicted = np.empty_like(labels)
    for test in parts:
        train = np.setdiff1d(np.arange(len(labels)), test)
        if features.shape[1]:
            model = make_pipeline(StandardScaler(), RidgeClassifierCV(PENALTIES))
            predicted[test] = model.fit(features[train], labels[train]).predict(features[test])
        else:
            values, counts = np.unique(labels[train], return_counts=True)
            predicted[test] = values[counts.argmax()]
    return predicted


def area_under_curve(scores: Floats, positive: NDArray[np.bool_]) -> float | None:
    """Probability that a positive row scores higher than a negative one; ties count half.

    Args:
        scores: `(num_rows,)`.
        positive: `(num_rows,)`.

    Returns:
        The area under the ROC curve, in [0, 1]; None if all rows are of one kind.
    """
    if positive.all() or not positive.any():
        return None
    return float(roc_auc_score(positive, scores))


def resampled_areas(
    scores: Sequence[Floats], positive: NDArray[np.bool_], num_resamples: int, seed: int
) -> Floats:
    """`(num_kept, num_scores)` areas under the ROC curve over bootstrap resamples of the rows.

    All scores get the same resamples. Those in which all rows are of one kind are left out.

    Args:
        scores: several scores, `(num_rows,)` each.
        positive: `(num_rows,)`.
        num_resamples: how many are drawn, those left out included.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    size = len(positive)
    drawn = [rng.integers(size, size=size) for _ in range(num_resamples)]
    counts = np.array([np.bincount(rows, minlength=size) for rows in drawn], dtype=np.float64)
    counts = counts.reshape(num_resamples, size)
    of_positive, of_negative = counts[:, positive], counts[:, ~positive]
    num_pairs = of_positive.sum(axis=1) * of_negative.sum(axis=1)
    has_both = num_pairs > 0
    areas = np.empty((int(has_both.sum()), len(scores)))
    for column, values in zip(areas.T, scores, strict=True):
        # each pair counts as often as both of its rows were drawn: `roc_auc_score` would take
        # minutes for thousands of resamples
        wins = (1 + np.sign(values[positive][:, None] - values[~positive])) / 2
        num_wins = ((of_positive @ wins) * of_negative).sum(axis=1)
        column[:] = num_wins[has_both] / num_pairs[has_both]
    return areas


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case and without punctuation."""
    return ["".join(c for c in word if c.isalnum() or c == "-") for word in text.lower().split()]


def bag_of_words(texts: Sequence[str]) -> Floats:
    """`(num_texts, num_words)` counts of every word that occurs in any text, in word order."""
    counter = CountVectorizer(analyzer=words_of, dtype=np.float64)
    counts: Floats = counter.fit_transform(texts).toarray()
    return counts


def num_words(texts: Sequence[str]) -> Floats:
    """`(num_texts, 1)` numbers of words: the feature that shows what length alone predicts."""
    return np.array([[float(len(words_of(text)))] for text in texts])


def probe_held_out(features: NDArray[np.float64], labels: Sequence[str]) -> list[bool]:
    """Whether a probe fitted on the other folds' prompts predicts each prompt's label.

    The probe is a ridge regression on one-hot labels; the largest output is the prediction. The
    penalty is the one with the least squared error when each training prompt is left out in turn.
    The prompts of a label are dealt to the folds in turn, so that every fold has every label.

    Args:
        features: `(num_prompts, num_features)`.
        labels: one a prompt, each at least as often as there are folds.
    """
    classes = np.array(labels)
    fold_of = pd.Series(classes).groupby(classes).cumcount().to_numpy() % NUM_FOLDS
    is_correct = np.zeros(len(classes), dtype=bool)
    for fold in range(NUM_FOLDS):
        train, test = fold_of != fold, fold_of == fold
        mean_square = features[train].var(axis=0).sum()
        probe = RidgeClassifierCV(np.multiply(PROBE_PENALTIES, mean_square))
        probe.fit(features[train], classes[train])
        is_correct[test] = probe.predict(features[test]) == classes[test]
    return is_correct.tolist()


def majority_share(labels: Sequence[str]) -> float:
    """Share of the prompts that have the most frequent label: the accuracy of a constant guess."""
    return max(Counter(labels).values()) / len(labels)
