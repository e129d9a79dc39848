"""Ridge models over prompts, cross-validated: each prompt is predicted from other prompts only.

The penalty is chosen inside the training part by leave-one-out (Golub, Heath and Wahba 1979). All
of it is in closed form, so it is the same on every machine but for rounding.
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
NUM_FOLDS: Final = 4
MIN_PER_CLASS: Final = 4
"""A class with fewer prompts is left out: some fold would not have it."""
PROBE_PENALTIES: Final = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Ridge penalties that the probe tries, as shares of the mean square of the inputs."""


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
    num_positive, num_negative = int(positive.sum()), int((~positive).sum())
    if not num_positive or not num_negative:
        return None
    ranks = stats.rankdata(scores)[positive].sum()
    return float((ranks - num_positive * (num_positive + 1) / 2) / (num_positive * num_negative))


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
    resamples = []
    for _ in range(num_resamples):
        rows = rng.integers(len(positive), size=len(positive))
        areas = [area_under_curve(values[rows], positive[rows]) for values in scores]
        if None not in areas:
            resamples.append(areas)
    return np.array(resamples, dtype=np.float64).reshape(len(resamples), len(scores))


def words_of(texts: Sequence[str]) -> list[list[str]]:
    """The words of each text, in lower case and without punctuation."""
    return [
        ["".join(c for c in word if c.isalnum() or c == "-") for word in text.lower().split()]
        for text in texts
    ]


def bag_of_words(texts: Sequence[str]) -> Floats:
    """`(num_texts, num_words)` counts of every word that occurs in any text, in word order."""
    words = words_of(texts)
    vocabulary = {word: i for i, word in enumerate(sorted({w for text in words for w in text}))}
    counts = np.zeros((len(texts), len(vocabulary)))
    for row, text in enumerate(words):
        for word in text:
            counts[row, vocabulary[word]] += 1
    return counts


def num_words(texts: Sequence[str]) -> Floats:
    """`(num_texts, 1)` numbers of words: the feature that shows what length alone predicts."""
    return np.array([[float(len(text))] for text in words_of(texts)])


def frequent_label_indices(labels: Sequence[str | None]) -> list[int]:
    """Indices of the prompts that have a label which at least `MIN_PER_CLASS` prompts have."""
    counts = Counter(labels)
    return [i for i, label in enumerate(labels) if label and counts[label] >= MIN_PER_CLASS]


def probe_held_out(features: NDArray[np.float64], labels: Sequence[str]) -> list[bool]:
    """Whether a probe fitted on the other folds' prompts predicts each prompt's label.

    The probe is a ridge regression on one-hot labels; the largest output is the prediction. The
    penalty is the one with the least squared error when each training prompt is left out in turn.
    The prompts of a label are dealt to the folds in turn, so that every fold has every label.

    Args:
        features: `(num_prompts, num_features)`.
        labels: one a prompt, each at least as often as there are folds.
    """
    classes = sorted(set(labels))
    one_hot = np.array([[float(label == name) for name in classes] for label in labels])
    label_counts: Counter[str] = Counter()
    fold_of = np.zeros(len(labels), dtype=int)
    for index, label in enumerate(labels):
        fold_of[index] = label_counts[label] % NUM_FOLDS
        label_counts[label] += 1
    is_correct = np.zeros(len(labels), dtype=bool)
    for fold in range(NUM_FOLDS):
        train, test = fold_of != fold, fold_of == fold
        predicted = _predict(features[train], one_hot[train], features[test])
        is_correct[test] = predicted.argmax(axis=1) == one_hot[test].argmax(axis=1)
    return is_correct.tolist()


def majority_share(labels: Sequence[str]) -> float:
    """Share of the prompts that have the most frequent label: the accuracy of a constant guess."""
    return max(Counter(labels).values()) / len(labels)


def _predict(
    inputs: NDArray[np.float64], targets: NDArray[np.float64], new_inputs: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Outputs of a ridge fitted on `inputs` and `targets`, for `new_inputs`."""
    mean = inputs.mean(axis=0)
    centered, centered_targets = inputs - mean, targets - targets.mean(axis=0)
    gram = centered @ centered.T
    scale = np.trace(gram) / len(gram)
    values, directions = np.linalg.eigh(gram)
    best: tuple[float, NDArray[np.float64]] | None = None
    for penalty in PROBE_PENALTIES:
        inverse = (directions / (values.clip(0) + penalty * scale)) @ directions.T
        weights = inverse @ centered_targets
        # the residual of a prompt that was left out, in closed form; 1/n is the mean's part
        leverage = 1 - np.diag(gram @ inverse) - 1 / len(gram)
        residuals = (centered_targets - gram @ weights) / leverage.clip(1e-9)[:, None]
        error = float(np.square(residuals).sum())
        if best is None or error < best[0]:
            best = error, weights
    assert best is not None
    projected = (new_inputs - mean) @ centered.T
    predicted: NDArray[np.float64] = projected @ best[1] + targets.mean(axis=0)
    return predicted
