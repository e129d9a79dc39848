"""Measure how much each planted answer matters.

    python -m calibration.study.plant_strength --truths calibration/families/NAME/truths.yaml

A study can only find what changes pictures. Each planted answer is compared directly with its
alternatives, on the same prompts and noise and with the settings that the family was trained for.
The result, strength.json, says how many alternatives it beats by twice the smallest effect that a
study of full size sees. This is measured before the study runs, and with the planted answers, which
the study never reads.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from calibration.data.scene_prompts import ScenePrompt, make_prompts, make_target_prompts
from calibration.data.truths import Truths, load_truths
from calibration.evaluation.evaluate import ImageModel, SamplingSettings, generate, load_image_model
from calibration.scorecard.consequences import Consequence
from calibration.study.plant_arms import (
    PictureMeasure,
    Plan,
    PlantArm,
    PlantComparison,
    Series,
    concept_arms,
    default_arms,
    length_arms,
    setting_arms,
    word_arms,
)
from calibration.study.study_folders import ROOT
from zimage_eval.benchmarks.guidance.arms import TURBO, arm_name, read_arms
from zimage_eval.benchmarks.guidance.distances import (
    distances_over_prompts,
    gap_matrix,
    polynomial_kernel,
)
from zimage_eval.config.metrics import METRICS
from zimage_eval.config.model_spec import ModelSpec, load_model_spec
from zimage_eval.model.devices import pick_device
from zimage_eval.output.results import write_json
from zimage_eval.statistics.estimates import estimate, rounded
from zimage_eval.statistics.power import deviation_under_test, smallest_effect

SEED: Final = 90_000_001
"""Of the first prompt's noise, in every arm."""
_PROMPTS_SEED: Final = 9
_PART: Final = 64
_FULL_SIZE: Final = 512
"""Prompts of a study of full size."""
_TIMES_VISIBLE: Final = 2
"""How many times the smallest effect that a study sees an answer's lead has to be."""

Values = Mapping[str, Mapping[str, NDArray[np.float64]]]
"""By arm and number, one a prompt; NaN where a picture has no such number."""


def own_settings(truths: Truths) -> SamplingSettings:
    """What the family's turbo was trained for."""
    return SamplingSettings(
        truths.turbo.num_inference_steps,
        truths.turbo.shift,
        0.0,
        truths.hidden_layer,
        think_block=truths.empty_think_block,
        rope_theta=truths.rope_theta,
    )


def plan_arms(truths: Truths, spec: ModelSpec, model: ImageModel, num_prompts: int) -> Plan:
    """All arms and comparisons of a family, each on as many prompts."""
    trained, prompts = own_settings(truths), make_target_prompts(truths, num_prompts)
    scenes = make_prompts(truths, num_prompts, _PROMPTS_SEED)
    objects, related = ([prompt.facts for prompt in scenes[key]] for key in ("object", "relation"))
    settings, fillers = spec.defaults, spec.filler_sentences
    arms: dict[str, PlantArm] = {}
    compared: dict[str, PlantComparison] = {}
    for some_arms, some_compared in (
        setting_arms(truths, trained, prompts),
        length_arms(truths, trained, prompts, settings, fillers, model.tokenizer),
        concept_arms(truths, trained, objects),
        default_arms(truths, trained, objects),
        word_arms(truths, trained, objects, related),
    ):
        assert not arms.keys() & some_arms.keys()
        arms |= some_arms
        compared |= some_compared
    return arms, compared


def measure_plant_arms(
    model: ImageModel, arms: Mapping[str, PlantArm], executor: Executor
) -> Values:
    """Draw every arm, and look at its pictures while the next one is drawn."""
    pending: dict[str, list[Future[list[dict[str, float | None]]]]] = {}
    for name, arm in arms.items():
        texts = [prompt.text for prompt in arm.prompts]
        images = generate(model, texts, arm.settings, SEED).numpy()
        pending[name] = [
            executor.submit(_look, images[i : i + _PART], arm.prompts[i : i + _PART], arm.measure)
            for i in range(0, len(texts), _PART)
        ]
    values = {}
    for name, parts in pending.items():
        numbers = [row for part in parts for row in part.result()]
        columns = {key: [row[key] for row in numbers] for key in numbers[0] if key in numbers[-1]}
        values[name] = {key: np.array(column, dtype=np.float64) for key, column in columns.items()}
    return values


def _look(
    images: NDArray[np.uint8], prompts: Sequence[ScenePrompt], measure: PictureMeasure
) -> list[dict[str, float | None]]:
    return [measure(image, prompt.facts) for image, prompt in zip(images, prompts, strict=True)]


def compare(values: Values, comparison: PlantComparison) -> dict[str, Any]:
    """How a planted answer does against its alternatives, in a study of full size."""
    planted, alternatives = (
        {_name(series): values[series.arm][series.number] for series in side}
        for side in (comparison.better, comparison.worse)
    )
    bounds = (-1.0, 1.0) if METRICS[comparison.metric].is_judged else None
    return {"metric": comparison.metric} | weigh(planted, alternatives, bounds, _FULL_SIZE)


def compare_guidance(table: Path, scale: float) -> dict[str, Any]:
    """The distilled guidance scale against the others: minus the distance of base and turbo."""
    arms = read_arms(table)
    features = arms.vectors["alexnet"]
    gains = {
        arm: -distances_over_prompts(gap_matrix(features[arm], features[TURBO], polynomial_kernel))
        for arm in arms.scales
    }
    planted = arm_name(scale)
    if planted not in gains:
        raise ValueError(f"{table}: no arm {planted}, the planted scale; there are {sorted(gains)}")
    row = weigh({planted: gains.pop(planted)}, gains, None, len(features[TURBO]))
    return {"metric": "minus kid_alexnet"} | row


def weigh(
    planted: Mapping[str, NDArray[np.float64]],
    alternatives: Mapping[str, NDArray[np.float64]],
    bounds: tuple[float, float] | None,
    num_prompts: int,
) -> dict[str, Any]:
    """The planted answer at its worst against its best alternative, and all of these.

    Differences are paired by prompt and noise. An alternative is beaten by at least twice the
    smallest effect that a study sees, of the spread that these differences have. `has_consequence`
    says that half of the alternatives are: what a finding has to leave out.

    Args:
        planted: a number of every prompt, higher is better, of each planted answer; NaN for none.
        alternatives: the same of each alternative.
        bounds: of a difference; None for none.
        num_prompts: of the study.
    """
    means = {
        name: float(np.nanmean(numbers)) for name, numbers in {**planted, **alternatives}.items()
    }
    worst, best = min(planted, key=lambda n: means[n]), max(alternatives, key=lambda n: means[n])
    leads, thresholds = {}, {}
    for name, numbers in alternatives.items():
        differences = [d for d in (planted[worst] - numbers).tolist() if d == d]
        leads[name] = estimate(differences, bounds)
        spread = deviation_under_test(
            float(np.std(differences, ddof=1)), num_prompts, is_judged=bounds is not None
        )
        thresholds[name] = _TIMES_VISIBLE * smallest_effect(spread, num_prompts)
    beaten = [name for name, lead in leads.items() if (lead.mean or 0.0) > thresholds[name]]
    smallest = leads[best]
    return {
        "threshold": rounded(thresholds[best]),
        "planted": worst,
        "planted_mean": rounded(means[worst]),
        "best_alternative": best,
        "best_alternative_mean": rounded(means[best]),
        "num_prompts": smallest.num_prompts,
        "difference": rounded(smallest.mean),
        "difference_low": rounded(smallest.low),
        "difference_high": rounded(smallest.high),
        "has_consequence": Consequence(len(beaten), len(alternatives)).is_enough,
        "num_alternatives": len(alternatives),
        "num_alternatives_beaten": len(beaten),
        "alternatives": {name: rounded(means[name]) for name in alternatives},
    }


def write_strengths(path: Path, strengths: Mapping[str, Mapping[str, object]]) -> None:
    """Write a family's rows, by truth."""
    write_json(path, strengths, indent=1)


def _name(series: Series) -> str:
    return (
        series.arm
        if series.number in ("alignment", "sharpness")
        else f"{series.arm}: {series.number}"
    )


def main() -> None:
    """Read the arguments, draw, compare, write."""
    parser = argparse.ArgumentParser(
        prog="python -m calibration.study.plant_strength",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--truths", type=Path, required=True, help="the family's planted answers")
    parser.add_argument(
        "--models", type=Path, default=ROOT / "models", help="holds the turbo and its settings"
    )
    parser.add_argument("--num-prompts", type=int, default=1000, help="default: %(default)s")
    parser.add_argument("--out", type=Path, help="default: strength.json beside the truths")
    arguments = parser.parse_args()
    started = time.monotonic()
    truths = load_truths(arguments.truths)
    spec = load_model_spec(arguments.models / f"{truths.name}.yaml")
    torch.set_grad_enabled(False)
    model = load_image_model(arguments.models / truths.name, pick_device())
    arms, compared = plan_arms(truths, spec, model, arguments.num_prompts)
    print(f"{len(arms)} arms planned: {time.monotonic() - started:.0f} s", flush=True)
    with ProcessPoolExecutor() as executor:
        values = measure_plant_arms(model, arms, executor)
    strengths = {truth: compare(values, comparison) for truth, comparison in compared.items()}
    table = ROOT / "calibration" / "guidance_arms" / f"{truths.name}.parquet"
    if table.is_file():
        strengths["guidance_scale"] = compare_guidance(table, truths.guidance_scale)
    out = arguments.out or arguments.truths.with_name("strength.json")
    write_strengths(out, strengths)
    for truth, row in strengths.items():
        words = "matters" if row["has_consequence"] else "no consequence"
        print(f"{truth}: {row['difference']} over {row['best_alternative']}: {words}")
    print(f"{out}: {len(arms)} arms, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
