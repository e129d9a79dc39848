"""`python -m zimage_eval predict`: how well a prompt will be drawn, from its words alone."""

from pathlib import Path

from zimage_eval.benchmarks.prompts.features import FEATURES
from zimage_eval.benchmarks.prompts.predictor import Prediction, predict, read_predictor

_MOST_REASONS = 5


def describe_prediction(path: Path, text: str) -> str:
    """Score, interval and reasons, as they are printed.

    Args:
        path: of the predictor.
        text: the prompt.

    Raises:
        ValueError: there is no predictor, or on held-out prompts it was no better than the number
            of words or a bag of them.
    """
    predictor = read_predictor(path)
    if not predictor.beats_baselines:
        raise ValueError(
            f"{path}: not offered: on held-out prompts the predictor was not shown to beat both "
            "the number of words and a bag of words (metrics/prompt_quality.json); "
            "zimage_eval.benchmarks.prompts.predictor.predict reads it all the same"
        )
    found = predict(predictor, text)
    lines = [
        f"alignment {found.score:.2f}, {predictor.confidence:.0%} interval {found.low:.2f} to "
        f"{found.high:.2f} ({predictor.model}, {predictor.num_prompts} prompts)"
    ]
    return "\n".join([*lines, *_reasons(found)])


def _reasons(found: Prediction) -> list[str]:
    lines = [f"  {share:+.2f}  {_in_words(name)}" for name, share in found.reasons[:_MOST_REASONS]]
    if found.unknown_words:
        lines.append(f"  not among the prompts it learned from: {', '.join(found.unknown_words)}")
    return lines


def _in_words(name: str) -> str:
    return f"the word {name.removeprefix('word:')!r}" if name not in FEATURES else FEATURES[name]
