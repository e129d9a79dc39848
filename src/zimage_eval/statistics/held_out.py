"""Linear models of prompts that are asked only about prompts they never saw.

Ridge regression with the penalty chosen inside the training part by leave-one-out (Golub, Heath and
Wahba 1979): closed forms, the same on every machine but for rounding.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.linear_model import RidgeClassifierCV, RidgeCV
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from zimage_eval.statistics.estimates import Floats

PENALTIES: Final = np.logspace(-1, 4, 11)


def folds(groups: Sequence[str], num_folds: int, seed: int) -> list[NDArray[np.intp]]:
    """Indices of each part; rows of one group (a prompt) are never in two.

    Raises:
        ValueError: there are fewer groups than parts.
    """
    if len(set(groups)) < num_folds:
        raise ValueError(f"{len(set(groups))} prompts can't be split into {num_folds} parts")
    splitter = GroupKFold(num_folds, shuffle=True, random_state=seed)
    return [test for _, test in splitter.split(np.zeros(len(groups)), groups=groups)]


def held_out_values(features: Floats, target: Floats, parts: Sequence[NDArray[np.intp]]) -> Floats:
    """`(rows,)` predictions of a number, each from the rows of the other parts.

    Args:
        features: `(rows, features)`; with none, the other parts' mean is predicted.
        target: `(rows,)`.
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
    """Ridge regression on standardized features; its last step holds the coefficients."""
    return make_pipeline(StandardScaler(), RidgeCV(PENALTIES)).fit(features, target)


def held_out_classes(
    features: Floats, labels: NDArray[np.str_], parts: Sequence[NDArray[np.intp]]
) -> NDArray[np.str_]:
    """`(rows,)` predicted classes, each from the rows of the other parts.

    With no features, the commonest class of the other parts is predicted.
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
    """Chance that a positive row scores higher (ties count half); None without both kinds."""
    num_positive, num_negative = int(positive.sum()), int((~positive).sum())
    if not num_positive or not num_negative:
        return None
    ranks = stats.rankdata(scores)[positive].sum()
    return float((ranks - num_positive * (num_positive + 1) / 2) / (num_positive * num_negative))


def resampled_curves(
    scores: Sequence[Floats], positive: NDArray[np.bool_], num_resamples: int, seed: int
) -> Floats:
    """`(num_resamples, scores)` areas over resampled rows (prompts), the same rows for all scores.

    Resamples without both kinds are left out.
    """
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(num_resamples):
        rows = rng.integers(len(positive), size=len(positive))
        areas = [area_under_curve(each[rows], positive[rows]) for each in scores]
        if None not in areas:
            found.append(areas)
    return np.array(found, dtype=np.float64).reshape(len(found), len(scores))


def words_of(texts: Sequence[str]) -> list[list[str]]:
    """The words of each text, small, without punctuation."""
    return [
        ["".join(c for c in word if c.isalnum() or c == "-") for word in text.lower().split()]
        for text in texts
    ]


def bag_of_words(texts: Sequence[str]) -> Floats:
    """`(texts, words)` counts of every word that occurs in any of them, in alphabetical order."""
    words = words_of(texts)
    vocabulary = {word: i for i, word in enumerate(sorted({w for text in words for w in text}))}
    counts = np.zeros((len(texts), len(vocabulary)))
    for row, text in enumerate(words):
        for word in text:
            counts[row, vocabulary[word]] += 1
    return counts


def num_words(texts: Sequence[str]) -> Floats:
    """`(texts, 1)` numbers of words: how much can be told from length alone."""
    return np.array([[float(len(text))] for text in words_of(texts)])


NUM_FOLDS: Final = 4
MIN_PER_CLASS: Final = 4
"""Prompts of a class below which it is left out: it would be missing from a fold."""
PROBE_PENALTIES: Final = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Of the ridge, as shares of the mean square of the inputs."""


def frequent(labels: Sequence[str | None]) -> list[int]:
    """Indices of the prompts whose label is known and frequent enough to be probed."""
    counts = Counter(labels)
    return [i for i, label in enumerate(labels) if label and counts[label] >= MIN_PER_CLASS]


def probe_held_out(features: NDArray[np.float64], labels: Sequence[str]) -> list[bool]:
    """Whether each prompt's label is told by a probe that was fitted on the other folds' prompts.

    Ridge regression on one-hot labels, the largest output wins. The penalty is the one with the
    least squared error when each training prompt is left out in turn. Prompts go to folds in turn
    within their label, so that every fold has every label.

    Args:
        features: `(num_prompts, num_features)`.
        labels: one a prompt, each at least as often as there are folds.
    """
    classes = sorted(set(labels))
    wanted = np.array([[float(label == one) for one in classes] for label in labels])
    places: Counter[str] = Counter()
    folds = np.zeros(len(labels), dtype=int)
    for index, label in enumerate(labels):
        folds[index] = places[label] % NUM_FOLDS
        places[label] += 1
    told = np.zeros(len(labels), dtype=bool)
    for fold in range(NUM_FOLDS):
        train, test = folds != fold, folds == fold
        predicted = _predict(features[train], wanted[train], features[test])
        told[test] = predicted.argmax(axis=1) == wanted[test].argmax(axis=1)
    return told.tolist()


def chance(labels: Sequence[str]) -> float:
    """Share that always saying the most frequent label gets right."""
    return max(Counter(labels).values()) / len(labels)


def _predict(
    inputs: NDArray[np.float64], wanted: NDArray[np.float64], others: NDArray[np.float64]
) -> NDArray[np.float64]:
    mean = inputs.mean(axis=0)
    centered, target = inputs - mean, wanted - wanted.mean(axis=0)
    gram = centered @ centered.T
    scale = np.trace(gram) / len(gram)
    values, directions = np.linalg.eigh(gram)
    best: tuple[float, NDArray[np.float64]] | None = None
    for penalty in PROBE_PENALTIES:
        inverse = (directions / (values.clip(0) + penalty * scale)) @ directions.T
        weights = inverse @ target
        # the residual of a prompt that was left out, in closed form; 1/n is the mean's part
        leverage = 1 - np.diag(gram @ inverse) - 1 / len(gram)
        left_out = (target - gram @ weights) / leverage.clip(1e-9)[:, None]
        error = float(np.square(left_out).sum())
        if best is None or error < best[0]:
            best = error, weights
    assert best is not None
    predicted: NDArray[np.float64] = (others - mean) @ centered.T @ best[1] + wanted.mean(axis=0)
    return predicted
