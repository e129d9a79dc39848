"""A finished study without a model: drawn scenes with mistakes, in the files that stages leave."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from PIL import Image

from tests.support.projects.as_written import as_written
from tests.support.projects.default_settings import DEFAULTS
from tests.support.projects.measuring_settings import MEASURING
from tests.support.repository import ROOT
from zimage_eval.config.model_spec import load_model_spec
from zimage_eval.config.params import Params, load_params
from zimage_eval.config.settings import value_name
from zimage_eval.config.variants import Variant, expand_study, expand_variants, write_studies
from zimage_eval.config.variants import phase_variants as variants_of_phase
from zimage_eval.model.environment import write_environment
from zimage_eval.output.png import pixels_digest
from zimage_eval.output.tables import IMAGES, PROMPTS, embeddings_schema, write_table
from zimage_eval.prompts.facts import Facts, ObjectFact, RelationFact
from zimage_eval.prompts.scenes.drawing import draw_scenes
from zimage_eval.prompts.scenes.world import BACKGROUNDS, COLORS, SHAPES, Scene, SceneObject
from zimage_eval.prompts.sets import prompt_seeds
from zimage_eval.text.wordings import write_wordings

CATEGORIES = ("composition", "count", "object", "relation")
HIDDEN_SIZE = 16

MODEL_YAML = """
title: drawn (no model)
prompt_sets: {{main: scenes}}
judge: {judge}
{measuring}
batch_size: 4
dtype: {{text_encoder: float32, transformer: float32, vae: float32}}
defaults: {defaults}
planning: {{seconds_per_forward: 0.01, seconds_per_image: 0.01, alignment_sd: 0.25}}
"""

PARAMS_YAML = """
model: drawn
phases:
  screen: {{num_prompts: {screen}, num_seeds: 1}}
  confirm: {{num_prompts: {confirm}, num_seeds: 2}}
studies:
{studies}
"""

STUDIES_YAML = """
  baseline:
    {question: "How well do they do?", prompts: main, vary: {}, variants: {}, confirm: null}
  hidden_layer:
    question: Which hidden layer conditions best?
    prompts: main
    vary: {encoder: {hidden_layer: [-1, -2, -3, -9]}}
    variants: {}
    confirm: hidden_layer=-1
"""

ErrorRate = Callable[[Variant], float]
"""How often an object of a variant's pictures comes out wrong, in [0, 1]."""
Failure = Callable[[Variant, str], str | None]
"""Why an image of a variant and prompt id failed, or None."""


def write_project(
    folder: Path,
    studies: str = STUDIES_YAML,
    judge: str = "scenes",
    num_prompts: Mapping[str, int] | None = None,
    error_rate: ErrorRate = lambda variant: 0.05 if variant.is_baseline else 0.3,
    failure: Failure = lambda variant, prompt_id: None,
) -> Params:
    """Everything that stands before `compute_scores`, for every study of `studies`."""
    sizes = dict(num_prompts or {"screen": 16, "confirm": 16})
    (folder / "models" / "drawn").mkdir(parents=True)
    measuring = "\n".join(f"{key}: {json.dumps(value)}" for key, value in MEASURING.items())
    (folder / "models" / "drawn.yaml").write_text(
        MODEL_YAML.format(judge=judge, measuring=measuring, defaults=json.dumps(DEFAULTS))
    )
    (folder / "models" / "lpips-alexnet").symlink_to(ROOT / "models" / "lpips-alexnet")
    (folder / "models" / "drawn" / "model_index.json").write_text("{}")
    (folder / "params.yaml").write_text(PARAMS_YAML.format(studies=studies, **sizes))
    params = load_params(folder / "params.yaml")
    spec = load_model_spec(folder / "models" / "drawn.yaml")
    scenes: dict[str, Scene] = {}
    prompts: dict[str, list[dict[str, Any]]] = {"screen": [], "confirm": []}
    for phase, rows in prompts.items():
        for index in range(sizes[phase]):
            category = CATEGORIES[index % 4]
            prompt_id = f"{category}-{phase}-{index // 4:03}"
            scene, text, facts = make_prompt(category, prompt_id)
            scenes[prompt_id] = scene
            num_seeds = 1 if phase == "screen" else 2
            rows.append(
                {
                    "prompt_id": prompt_id,
                    "category": category,
                    "text": text,
                    "facts": facts.model_dump_json(),
                    "seeds": list(prompt_seeds(prompt_id, num_seeds)),
                }
            )
        table = pa.Table.from_pylist(rows, schema=PROMPTS.columns)
        write_table(folder / f"data/prompts/main/{phase}.parquet", PROMPTS, table)
    expanded = {
        key: expand_study(study, params.model, expand_variants(study, spec.defaults))
        for key, study in params.studies.items()
    }
    write_studies(folder / "data/studies", expanded)
    environments = folder / "data/environment"
    write_environment(environments / "extract_embeddings.json")
    for key, study in params.studies.items():
        write_environment(environments / f"generate_images/{key}.json")
        variants = expanded[key].variants
        texts = [row["text"] for rows in prompts.values() for row in rows]
        write_wordings(folder / f"data/wordings/{key}.parquet", as_written(texts, variants))
        write_embeddings_of(folder / f"data/embeddings/{key}.parquet", prompts, variants)
        images = []
        for phase, rows in prompts.items():
            for variant in variants_of_phase(variants, phase, study.confirm):  # type: ignore[arg-type]
                for row in rows:
                    images += draw_images_of(
                        folder / f"data/images/{key}", variant, phase, row,
                        scenes[row["prompt_id"]], error_rate(variant), failure,
                    )  # fmt: skip
        table = pa.Table.from_pylist(images, schema=IMAGES.columns)
        write_table(folder / f"data/images/{key}/images.parquet", IMAGES, table)
    return params


def seeded(*parts: object) -> np.random.Generator:
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def make_prompt(category: str, prompt_id: str) -> tuple[Scene, str, Facts]:
    rng = seeded(prompt_id)
    names = [SHAPES[i] for i in rng.choice(len(SHAPES), 3, replace=False)]
    colors = [list(COLORS)[i] for i in rng.choice(len(COLORS), 3, replace=False)]
    background = list(BACKGROUNDS)[rng.integers(len(BACKGROUNDS))]
    places = {"object": [(32, 32)], "relation": [(17, 32), (47, 32)]}.get(
        category, [(17, 18), (47, 18), (32, 46)]
    )
    if category == "count":
        names, colors = [names[0]] * 3, [colors[0]] * 3
    objects = tuple(
        SceneObject(name, color, "large", "solid", x, y)
        for name, color, (x, y) in zip(names, colors, places, strict=False)
    )
    scene = Scene(objects, background, "plain", 64, 64)
    said = [f"a {o.color} {o.name}" for o in objects]
    facts = [ObjectFact(name=o.name, color=o.color) for o in objects]
    relations: tuple[RelationFact, ...] = ()
    text = " and ".join(said)
    if category == "relation":
        text, relations = (
            " left of ".join(said),
            (RelationFact(subject=0, relation="left_of", object=1),),
        )
    if category == "count":
        text = f"three {colors[0]} {names[0]}s"
        facts = [ObjectFact(name=names[0], color=colors[0], count=3)]
    stated = Facts(objects=tuple(facts), relations=relations, background=background)
    return scene, f"{text} on a {background} background ({prompt_id})", stated


def draw_images_of(
    folder: Path,
    variant: Variant,
    phase: str,
    prompt: Mapping[str, Any],
    scene: Scene,
    error_rate: float,
    failure: Failure,
) -> list[dict[str, Any]]:
    rows = []
    sampler = variant.settings.sampler
    for seed in prompt["seeds"]:
        file = f"{variant.name}/{prompt['prompt_id']}-{seed}.png"
        error, digest = failure(variant, prompt["prompt_id"]), None
        if error is None:
            mistaken = with_mistakes(scene, error_rate, seeded(variant.settings.canonical(), seed))
            pixels = draw_scenes([mistaken])[0].permute(1, 2, 0).numpy().astype(np.float64)
            noise = seeded(seed).normal(0, 4, pixels.shape) * (1 + 4 * error_rate)
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            noisy = np.clip(pixels + noise, 0, 255).round().astype(np.uint8)
            Image.fromarray(noisy).save(path)
            digest = pixels_digest(torch.from_numpy(noisy).permute(2, 0, 1))
        forwards = sampler.forwards_per_image
        rows.append(
            {
                "variant": variant.name,
                "phase": phase,
                "prompt_id": prompt["prompt_id"],
                "seed": seed,
                "file": None if error else file,
                "num_forwards": None if error else forwards,
                "sigmas": None if error else [1.0, 0.5],
                "batch_size": None if error else 4,
                "pixels": digest,
                "error": error,
            }
        )
    return rows


def with_mistakes(scene: Scene, error_rate: float, rng: np.random.Generator) -> Scene:
    objects = []
    for o in scene.objects:
        draw = rng.random()
        color = list(COLORS)[rng.integers(len(COLORS))]
        name = SHAPES[rng.integers(len(SHAPES))]
        if draw > error_rate:
            objects.append(o)
        elif draw > error_rate * 0.3:
            objects.append(SceneObject(name, color, o.size, o.fill, o.x, o.y))
    return Scene(tuple(objects), scene.background, scene.style, scene.height, scene.width)


def write_embeddings_of(
    path: Path, prompts: Mapping[str, list[dict[str, Any]]], variants: tuple[Variant, ...]
) -> None:
    rows = []
    encoders = {variant.settings.encoder for variant in variants}
    for text in {row["text"] for phase in prompts.values() for row in phase}:
        words = text.split()
        tokens = ["<|im_start|>", "user", "Ċ", *words, "<|im_end|>", "Ċ", "<|im_start|>"]
        base = seeded(text).normal(size=(len(tokens), HIDDEN_SIZE))
        for encoder in encoders:
            assert isinstance(encoder.hidden_layer, int)
            shift = abs(encoder.hidden_layer + 2) * 0.2
            vectors = base + shift * seeded(text, encoder.hidden_layer).normal(size=base.shape)
            rows += [
                {
                    "text": text,
                    "encoder": encoder.canonical(),
                    "hidden_layer": value_name(encoder.hidden_layer),
                    "position": position,
                    "token_id": sum(map(ord, token)),
                    "token": token,
                    "vector": vectors[position].astype(np.float32).tolist(),
                }
                for position, token in enumerate(tokens)
            ]
    schema = embeddings_schema(HIDDEN_SIZE)
    write_table(path, schema, pa.Table.from_pylist(rows, schema=schema.columns))
