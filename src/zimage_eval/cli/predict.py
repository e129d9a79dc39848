"""`python -m zimage_eval predict`: alignment predicted from a prompt's words."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zimage_eval.cli.door import Door

if TYPE_CHECKING:
    from zimage_eval.benchmarks.prompts.predictor import Prediction

_MOST_REASONS = 5


def run_predict(
    context: typer.Context,
    prompt: Annotated[str, typer.Argument(help="The text of the prompt.")],
) -> None:
    """Predict alignment from the prompt's words."""
    door: Door = context.obj
    print(describe_prediction(door.folder / "reports" / "prompt_predictor.json", prompt))


def describe_prediction(path: Path, text: str) -> str:
    """Score, interval and reasons, as they are printed.

    Args:
        path: of the predictor.
        text: the prompt.

    Raises:
        ValueError: there is no predictor, or on held-out prompts it was no better than the number
            of words or a bag of them.
    """
    from zimage_eval.benchmarks.prompts.predictor import predict, read_predictor

    predictor = read_predictor(path)
    if not predictor.beats_baselines:
        raise ValueError(
            f"{path}: not offered: on held-out prompts the predictor was not shown to beat both "
            "the number of words and a bag of words (metrics/prompt_quality.json); "
            "zimage_eval.benchmarks.prompts.predictor.predict reads it all the same"
        )
    prediction = predict(predictor, text)
    line = (
        f"alignment {prediction.score:.2f}, {predictor.confidence:.0%} interval "
        f"{prediction.low:.2f} to {prediction.high:.2f} ({predictor.model}, "
        f"{predictor.num_prompts} prompts)"
    )
    return "\n".join([line, *_reasons(prediction)])


def _reasons(prediction: "Prediction") -> list[str]:
    lines = [
        f"  {share:+.2f}  {_in_words(name)}" for name, share in prediction.reasons[:_MOST_REASONS]
    ]
    if prediction.unknown_words:
        words = ", ".join(prediction.unknown_words)
        lines.append(f"  not among the prompts it learned from: {words}")
    return lines


def _in_words(name: str) -> str:
    from zimage_eval.benchmarks.prompts.features import FEATURES

    return f"the word {name.removeprefix('word:')!r}" if name not in FEATURES else FEATURES[name]
