"""Predict a prompt's alignment from its words, by a linear model that is stored as JSON."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field, TypeAdapter
from sklearn.feature_extraction.text import CountVectorizer

from zimage_eval.benchmarks.prompts.features import FEATURES, feature_matrix, prompt_features
from zimage_eval.config.frozen import Frozen
from zimage_eval.output.results import read_json, write_json
from zimage_eval.statistics.estimates import rounded
from zimage_eval.statistics.held_out import Floats, fit_prompt_ridge, words_of

Numbers = dict[str, float]


class PromptPredictor(Frozen):
    """A linear model of `FEATURES` and of single words, clipped to [0, 1]."""

    model: str
    """The model whose pictures it was fitted on: a name in models/."""
    num_prompts: Annotated[int, Field(ge=1)]
    intercept: float
    """Predicted alignment of the mean prompt."""
    means: Numbers
    """Input -> mean over the fitted prompts; the input of a word is `word:<word>`."""
    effects: Numbers
    """Input -> change of alignment if the input grows by 1."""
    confidence: float
    half_width: Annotated[float, Field(ge=0)]
    """Absolute error that a share `confidence` of held-out prompts did not exceed."""
    beats_baselines: bool
    """Whether its squared error on held-out prompts was smaller than that of length and that of a
    bag of words, each with 95 % confidence."""


class Prediction(NamedTuple):
    """The predicted alignment of a prompt, with its interval and reasons."""

    score: float
    low: float
    high: float
    reasons: tuple[tuple[str, float], ...]
    """Inputs that move the score away from the mean prompt's, and by how much; largest first."""
    unknown_words: tuple[str, ...]
    """Words of the prompt that no fitted prompt contains."""


def predictor_inputs(texts: Sequence[str], vocabulary: Sequence[str]) -> Floats:
    """`(texts, features + words)`: `FEATURES`, then 1 or 0 for each vocabulary word."""
    occurs = CountVectorizer(analyzer=words_of, vocabulary=vocabulary, binary=True)
    return np.hstack([feature_matrix(texts), occurs.transform(texts).toarray()])


def vocabulary_of(texts: Sequence[str]) -> list[str]:
    """Every word of some texts, in alphabetical order."""
    return sorted({word for text in texts for word in words_of(text) if word})


def fit_predictor(
    model: str,
    texts: Sequence[str],
    alignment: Floats,
    errors: Floats,
    confidence: float,
    *,
    beats_baselines: bool,
) -> PromptPredictor:
    """Fit the predictor on all prompts; its interval comes from errors on held-out prompts.

    Args:
        model: name of the model.
        texts: prompts.
        alignment: `(texts,)` in [0, 1].
        errors: `(texts,)`: held-out predictions minus the measured alignment.
        confidence: share of new prompts within the interval (split-conformal, Lei et al. 2018; it
            is approximate, because the errors come from folds).
        beats_baselines: whether it beat the baselines on held-out prompts.
    """
    vocabulary = vocabulary_of(texts)
    inputs = predictor_inputs(texts, vocabulary)
    fitted = fit_prompt_ridge(inputs, alignment)
    scaler, ridge = fitted.steps[0][1], fitted.steps[1][1]
    names = [*FEATURES, *(f"word:{word}" for word in vocabulary)]
    rank = min(math.ceil(confidence * (len(errors) + 1)), len(errors))
    numbers = {
        "means": dict(zip(names, scaler.mean_, strict=True)),
        "effects": dict(zip(names, ridge.coef_ / scaler.scale_, strict=True)),
    }
    return PromptPredictor(
        model=model,
        num_prompts=len(texts),
        intercept=_short(ridge.intercept_),
        confidence=confidence,
        half_width=_short(np.sort(np.abs(errors))[rank - 1]),
        beats_baselines=beats_baselines,
        **{key: {name: _short(v) for name, v in group.items()} for key, group in numbers.items()},
    )


def predict(predictor: PromptPredictor, text: str) -> Prediction:
    """Predict the alignment of a new prompt.

    Raises:
        ValueError: the text holds no words.
    """
    words = words_of(text)
    if not any(words):
        raise ValueError(f"{text!r} holds no words")
    values = prompt_features(text) | {f"word:{word}": 1.0 for word in words}
    shares = {
        name: predictor.effects[name] * (values.get(name, 0.0) - mean)
        for name, mean in predictor.means.items()
    }
    score = min(max(predictor.intercept + sum(shares.values()), 0.0), 1.0)
    ordered = sorted(shares.items(), key=lambda share: -abs(share[1]))
    vocabulary = {
        name.removeprefix("word:") for name in predictor.means if name.startswith("word:")
    }
    return Prediction(
        score=score,
        low=max(score - predictor.half_width, 0.0),
        high=min(score + predictor.half_width, 1.0),
        reasons=tuple((name, share) for name, share in ordered if abs(share) >= 0.005),
        unknown_words=tuple(sorted({word for word in words if word and word not in vocabulary})),
    )


def write_predictor(path: Path, predictor: PromptPredictor) -> None:
    """Write a predictor as JSON with sorted keys."""
    write_json(path, predictor.model_dump())


def read_predictor(path: Path) -> PromptPredictor:
    """Read a predictor that `write_predictor` wrote.

    Raises:
        ValueError: the file is missing or holds no predictor.
    """
    if_missing = "no such predictor; `dvc repro prompt_quality` makes it"
    return read_json(path, TypeAdapter(PromptPredictor), if_missing)


def _short(value: float) -> float:
    short = rounded(float(value))
    assert short is not None
    return float(short)
