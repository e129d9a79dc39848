"""How much each planted answer matters: `python -m calibration.study.plant_strength --truths FILE`.

A study can only find what has a consequence. Each answer is held directly against its alternatives,
on the same prompts and noise, with the settings that a family was trained for; the table says how
many of them it beats by twice what a study of full size sees. It is measured before the study runs
and uses the planted answers, which the study never does.
"""

import argparse
import json
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
    Arm,
    Comparison,
    Measure,
    Plan,
    Series,
    concept_arms,
    default_arms,
    length_arms,
    setting_arms,
    word_arms,
)
from zimage_eval.benchmarks.guidance.arms import TURBO, arm_name, read_arms
from zimage_eval.benchmarks.guidance.distances import (
    distances_over_prompts,
    gap_matrix,
    polynomial_kernel,
)
from zimage_eval.config.model_spec import ModelSpec, load_model_spec
from zimage_eval.metrics.catalogue import METRICS
from zimage_eval.model.devices import pick_device
from zimage_eval.statistics.estimates import estimate, rounded
from zimage_eval.statistics.power import deviation_under_test, smallest_effect

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "calibration"
"""Holds `plant_strength-<family>.json`: families are measured on different machines."""
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
    own, prompts = own_settings(truths), make_target_prompts(truths, num_prompts)
    scenes = make_prompts(truths, num_prompts, _PROMPTS_SEED)
    objects, related = ([each.facts for each in scenes[key]] for key in ("object", "relation"))
    settings, fillers = spec.defaults, spec.filler_sentences
    arms: dict[str, Arm] = {}
    compared: dict[str, Comparison] = {}
    for some_arms, some_compared in (
        setting_arms(truths, own, prompts),
        length_arms(truths, own, prompts, settings, fillers, model.tokenizer),
        concept_arms(truths, own, objects),
        default_arms(truths, own, objects),
        word_arms(truths, own, objects, related),
    ):
        assert not arms.keys() & some_arms.keys()
        arms |= some_arms
        compared |= some_compared
    return arms, compared


def measure_arms(model: ImageModel, arms: Mapping[str, Arm], executor: Executor) -> Values:
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
        found = [one for part in parts for one in part.result()]
        columns = {key: [one[key] for one in found] for key in found[0] if key in found[-1]}
        values[name] = {key: np.array(column, dtype=np.float64) for key, column in columns.items()}
    return values


def _look(
    images: NDArray[np.uint8], prompts: Sequence[ScenePrompt], measure: Measure
) -> list[dict[str, float | None]]:
    return [measure(image, prompt.facts) for image, prompt in zip(images, prompts, strict=True)]


def compare(values: Values, comparison: Comparison) -> dict[str, Any]:
    """How a planted answer does against its alternatives, in a study of full size."""
    planted, others = (
        {_name(one): values[one.arm][one.number] for one in series}
        for series in (comparison.better, comparison.worse)
    )
    bounds = (-1.0, 1.0) if METRICS[comparison.metric].is_judged else None
    return {"metric": comparison.metric} | weigh(planted, others, bounds, _FULL_SIZE)


def compare_guidance(table: Path, scale: float) -> dict[str, Any]:
    """The distilled guidance scale against the others: minus the distance of base and turbo."""
    arms = read_arms(table)
    features = arms.vectors["alexnet"]
    gains = {
        arm: -distances_over_prompts(gap_matrix(features[arm], features[TURBO], polynomial_kernel))
        for arm in arms.scales
    }
    own = arm_name(scale)
    if own not in gains:
        raise ValueError(f"{table}: no arm {own}, the planted scale; there are {sorted(gains)}")
    found = weigh({own: gains.pop(own)}, gains, None, len(features[TURBO]))
    return {"metric": "minus kid_alexnet"} | found


def weigh(
    planted: Mapping[str, NDArray[np.float64]],
    others: Mapping[str, NDArray[np.float64]],
    bounds: tuple[float, float] | None,
    num_prompts: int,
) -> dict[str, Any]:
    """The planted answer at its worst against its best alternative, and all of these.

    Differences are paired by prompt and noise. An alternative is beaten by at least twice the
    smallest effect that a study sees, of the spread that these differences have. `has_consequence`
    says that half of the alternatives are: what a finding has to leave out.

    Args:
        planted: a number of every prompt, higher is better, of each planted answer; NaN for none.
        others: the same of each alternative.
        bounds: of a difference; None for none.
        num_prompts: of the study.
    """
    means = {name: float(np.nanmean(each)) for name, each in {**planted, **others}.items()}
    worst, best = min(planted, key=lambda n: means[n]), max(others, key=lambda n: means[n])
    found, thresholds = {}, {}
    for name, each in others.items():
        differences = [d for d in (planted[worst] - each).tolist() if d == d]
        found[name] = estimate(differences, bounds)
        spread = deviation_under_test(
            float(np.std(differences, ddof=1)), num_prompts, is_judged=bounds is not None
        )
        thresholds[name] = _TIMES_VISIBLE * smallest_effect(spread, num_prompts)
    beaten = [name for name, one in found.items() if (one.mean or 0.0) > thresholds[name]]
    smallest = found[best]
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
        "has_consequence": Consequence(len(beaten), len(others)).is_enough,
        "num_alternatives": len(others),
        "num_alternatives_beaten": len(beaten),
        "alternatives": {name: rounded(means[name]) for name in others},
    }


def write_strengths(path: Path, family: str, strengths: Mapping[str, Mapping[str, Any]]) -> None:
    """Put a family's rows into the file, beside those of other families, if there are any."""
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    content[family] = strengths
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _name(one: Series) -> str:
    return one.arm if one.number in ("alignment", "sharpness") else f"{one.arm}: {one.number}"


def main() -> None:
    """Read the arguments, draw, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--truths", type=Path, required=True, help="the family's planted answers")
    parser.add_argument(
        "--models", type=Path, default=ROOT / "models", help="of the turbo and its yaml"
    )
    parser.add_argument("--num-prompts", type=int, default=1000)
    parser.add_argument("--out", type=Path, help="default: plant_strength-<family>.json here")
    arguments = parser.parse_args()
    started = time.monotonic()
    truths = load_truths(arguments.truths)
    spec = load_model_spec(arguments.models / f"{truths.name}.yaml")
    torch.set_grad_enabled(False)
    model = load_image_model(arguments.models / truths.name, pick_device())
    arms, compared = plan_arms(truths, spec, model, arguments.num_prompts)
    print(f"{len(arms)} arms planned: {time.monotonic() - started:.0f} s", flush=True)
    with ProcessPoolExecutor() as executor:
        values = measure_arms(model, arms, executor)
    strengths = {truth: compare(values, each) for truth, each in compared.items()}
    table = ROOT / "calibration" / "guidance_arms" / f"{truths.name}.parquet"
    if table.is_file():
        strengths["guidance_scale"] = compare_guidance(table, truths.guidance_scale)
    out = arguments.out or FOLDER / f"plant_strength-{truths.name}.json"
    write_strengths(out, truths.name, strengths)
    for truth, row in strengths.items():
        said = "matters" if row["has_consequence"] else "no consequence"
        print(f"{truth}: {row['difference']} over {row['best_alternative']}: {said}")
    print(f"{out}: {len(arms)} arms, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
