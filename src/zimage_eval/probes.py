"""Linear probes: can a fact of a prompt be read off its vectors, on prompts not trained on?"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

NUM_FOLDS: Final = 4
MIN_PER_CLASS: Final = 4
"""Prompts of a class below which it is left out: it would be missing from a fold."""
PROBE_PENALTIES: Final = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Of the ridge, as shares of the mean square of the inputs."""


def frequent(labels: Sequence[str | None]) -> list[int]:
    """Indices of the prompts whose label is known and frequent enough to be probed."""
    counts = Counter(labels)
    return [i for i, label in enumerate(labels) if label and counts[label] >= MIN_PER_CLASS]


def probe(features: NDArray[np.float64], labels: Sequence[str]) -> list[bool]:
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
