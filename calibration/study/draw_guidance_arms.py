"""Draw a base at many guidance scales, and its turbo.

`python -m calibration.study.draw_guidance_arms` writes calibration/guidance_arms/<model>.parquet.
Which scale was distilled into a turbo shows in how its pictures are distributed. That takes some
ten thousand pictures, too many for two CPU cores in every run, so they are drawn once and kept as
compact features, which the stage `baked_guidance` reads. Each model is drawn with the settings that
it recommends. The planted answers are read for one purpose, to choose prompts that equal no
training caption. No two arms share noise, since a turbo may have been trained on its teacher's.
"""

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from calibration.data.scene_prompts import ScenePrompt, make_target_prompts
from calibration.data.truths import load_truths
from calibration.evaluation.evaluate import ImageModel, SamplingSettings, generate, load_image_model
from calibration.study.study_folders import ROOT
from zimage_eval.benchmarks.guidance.arms import TURBO, TURBO_AGAIN, arm_name, write_arms
from zimage_eval.config.kinds import FACT_KINDS
from zimage_eval.config.model_spec import load_model_spec
from zimage_eval.config.settings import Settings
from zimage_eval.metrics.alignment import alignment, alignment_of_kind
from zimage_eval.metrics.image import LUMA_REC_601, saturation
from zimage_eval.metrics.networks.backbones import load_backbone
from zimage_eval.model.devices import pick_device
from zimage_eval.model.folder import weights_digest
from zimage_eval.prompts.facts import Facts
from zimage_eval.prompts.scenes.checking import check_facts, detect_scene
from zimage_eval.prompts.scenes.layout import CATEGORIES
from zimage_eval.prompts.scenes.world import (
    BACKGROUNDS,
    COLORS,
    FILLS,
    MAX_OBJECTS,
    NAMES,
    SIZES,
    STYLES,
)

SCALES: Final = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0)
NUM_NOISES: Final = 2
NUM_COMPONENTS: Final = 48
"""Directions that a backbone's features are kept in."""
_FIRST_SEED: Final = 50_000_003
"""Far from the noise that anything else is measured with."""
_CHUNK: Final = 256


class GuidanceArm(NamedTuple):
    """One model under one scale."""

    name: str
    model: str
    guidance_scale: float | None
    """Of the base; None for the turbo as it is recommended."""


class Description(NamedTuple):
    """What the checker and the pixels say of a picture."""

    numbers: dict[str, float | None]
    shown: list[int]


def list_arms(turbo: str, base: str, scales: Sequence[float]) -> list[GuidanceArm]:
    """The turbo twice, and the base under each scale."""
    drawn = [GuidanceArm(TURBO, turbo, None), GuidanceArm(TURBO_AGAIN, turbo, None)]
    return drawn + [GuidanceArm(arm_name(scale), base, scale) for scale in scales]


def sampling_settings(settings: Settings, guidance_scale: float | None) -> SamplingSettings:
    """A model's recommended settings, under another scale if one is given."""
    encoder, sampler = settings.encoder, settings.sampler
    return SamplingSettings(
        num_inference_steps=sampler.num_inference_steps,
        shift=sampler.shift,
        guidance_scale=sampler.guidance_scale if guidance_scale is None else guidance_scale,
        hidden_layer=encoder.hidden_layer,
        think_block=encoder.think_block,
        chat_template=encoder.chat_template,
        rope_theta=settings.rope.rope_theta,
        height=settings.image.height,
        width=settings.image.width,
    )


def count_shown(image: NDArray[np.uint8]) -> list[int]:
    """How often a picture shows each value of each attribute, said or not.

    Background, style and number of objects are one of their values; names, colors, sizes and fills
    are counted over objects. What the checker can't tell counts as its last value.
    """
    scene = detect_scene(image)
    counts: list[int] = []
    for value, values in ((scene.background, tuple(BACKGROUNDS)), (scene.style, STYLES)):
        counts += [int(value == option) for option in (*values, None)]
    counts += [int(min(len(scene.objects), MAX_OBJECTS + 1) == n) for n in range(MAX_OBJECTS + 2)]
    attributes = {"name": NAMES, "color": tuple(COLORS), "size": tuple(SIZES), "fill": FILLS}
    for attribute, values in attributes.items():
        shown = [getattr(item, attribute) for item in scene.objects]
        counts += [shown.count(option) for option in (*values, None)]
    return counts


def describe(image: NDArray[np.uint8], facts: Facts) -> Description:
    """Alignment, facts by kind, saturation, contrast (spread of luma, gray levels), attributes."""
    results = check_facts(image, facts)
    numbers: dict[str, float | None] = {
        "alignment": alignment(results),
        "saturation": saturation(image),
        "contrast": float((image @ LUMA_REC_601).std()),
    }
    numbers |= {f"fact_{kind}": alignment_of_kind(results, kind) for kind in FACT_KINDS}
    return Description(numbers, count_shown(image))


def describe_all(
    images: Tensor, prompts: Sequence[ScenePrompt], executor: Executor
) -> list[Future[list[Description]]]:
    """Each prompt's picture, described side by side while the next arm is drawn."""
    pictures = images.numpy()
    return [
        executor.submit(_describe_part, pictures[start : start + 64], prompts[start : start + 64])
        for start in range(0, len(prompts), 64)
    ]


def _describe_part(
    pictures: NDArray[np.uint8], prompts: Sequence[ScenePrompt]
) -> list[Description]:
    return [
        describe(picture, prompt.facts) for picture, prompt in zip(pictures, prompts, strict=True)
    ]


def compress(features: NDArray[np.float32], num_components: int) -> NDArray[np.float64]:
    """The features in fewer directions, so that a kernel of x·y / num_features hardly changes.

    Args:
        features: `(num_images, num_features)` of all arms together.
        num_components: to keep of those along which they are largest; all if there are fewer.
    """
    values = features.astype(np.float64)
    _, directions = np.linalg.eigh(values.T @ values)
    kept = directions[:, ::-1][:, :num_components]
    scaled: NDArray[np.float64] = values @ kept * np.sqrt(kept.shape[1] / values.shape[1])
    return scaled


def draw_arms(
    arms: Sequence[GuidanceArm],
    prompts: Sequence[ScenePrompt],
    ids: Sequence[tuple[str, str]],
    models: Path,
    executor: Executor,
) -> tuple[list[dict[str, Any]], dict[str, NDArray[np.floating]]]:
    """Rows and vectors for `write_arms`.

    Args:
        arms: what to draw with.
        prompts: what to draw.
        ids: id and category of each prompt.
        models: folder with a settings file and a weights folder for each model.
        executor: looks at pictures in other processes.
    """
    device = pick_device()
    specs = {arm.model: load_model_spec(models / f"{arm.model}.yaml") for arm in arms}
    loaded = {name: load_image_model(models / name, device) for name in specs}
    digests = {name: weights_digest(models / name, ("transformer",)) for name in specs}
    backbones = {
        "alexnet": load_backbone("alexnet", ROOT / "models" / "lpips-alexnet", device),
        "vae": load_backbone("vae", models / arms[0].model / "vae", device),
    }
    features: dict[str, list[NDArray[np.float32]]] = {name: [] for name in backbones}
    rows: list[dict[str, Any]] = []
    pending: list[Future[list[Description]]] = []
    for number, (arm, noise) in enumerate((arm, n) for arm in arms for n in range(NUM_NOISES)):
        started = time.monotonic()
        settings = sampling_settings(specs[arm.model].defaults, arm.guidance_scale)
        images = _draw(loaded[arm.model], prompts, settings, number)
        pending += describe_all(images, prompts, executor)
        for name, backbone in backbones.items():
            parts = images.permute(0, 3, 1, 2).contiguous().split(_CHUNK)
            features[name] += [backbone.features(part) for part in parts]
        rows += [
            {
                "arm": arm.name,
                "prompt_id": prompt_id,
                "category": category,
                "noise": noise,
                "weights": digests[arm.model],
                "guidance_scale": arm.guidance_scale,
            }
            for prompt_id, category in ids
        ]
        print(f"{arm.name}, noise {noise}: {time.monotonic() - started:.1f} s", flush=True)
    descriptions = [description for part in pending for description in part.result()]
    for row, description in zip(rows, descriptions, strict=True):
        row |= description.numbers
    vectors: dict[str, NDArray[np.floating]] = {
        name: compress(np.concatenate(parts), NUM_COMPONENTS) for name, parts in features.items()
    }
    return rows, vectors | {
        "shown": np.array([description.shown for description in descriptions], dtype=np.float32)
    }


def _draw(
    model: ImageModel, prompts: Sequence[ScenePrompt], settings: SamplingSettings, number: int
) -> Tensor:
    seed = _FIRST_SEED + number * len(prompts)
    return generate(model, [prompt.text for prompt in prompts], settings, seed)


def main() -> None:
    """Read the arguments, draw, write the table."""
    parser = argparse.ArgumentParser(
        prog="python -m calibration.study.draw_guidance_arms", description=__doc__
    )
    parser.add_argument("--model", required=True, help="the turbo; its base is MODEL-base")
    parser.add_argument("--truths", type=Path, required=True, help="the family's planted answers")
    parser.add_argument("--models", type=Path, default=ROOT / "models", help="holds both models")
    parser.add_argument("--out", type=Path, help="default: calibration/guidance_arms/MODEL.parquet")
    parser.add_argument("--num-prompts", type=int, default=1000, help="default: %(default)s")
    parser.add_argument(
        "--scales", type=float, nargs="+", default=list(SCALES), help="guidance scales of the base"
    )
    arguments = parser.parse_args()
    started = time.monotonic()
    out = arguments.out or ROOT / "calibration" / "guidance_arms" / f"{arguments.model}.parquet"
    prompts = make_target_prompts(load_truths(arguments.truths), arguments.num_prompts)
    num_each = len(prompts) // len(CATEGORIES)  # they stand together
    categories = [CATEGORIES[index // num_each] for index in range(len(prompts))]
    ids = [(f"{category}-{i:04d}", category) for i, category in enumerate(categories)]
    arms = list_arms(arguments.model, f"{arguments.model}-base", arguments.scales)
    torch.set_grad_enabled(False)
    with ProcessPoolExecutor() as executor:
        rows, vectors = draw_arms(arms, prompts, ids, arguments.models, executor)
    write_arms(out, rows, vectors)
    seconds = time.monotonic() - started
    print(f"{out}: {len(rows)} pictures, {out.stat().st_size} bytes, {seconds:.0f} s")


if __name__ == "__main__":
    main()
