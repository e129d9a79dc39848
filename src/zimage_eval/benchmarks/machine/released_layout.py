"""Check that a model runs under every setting: draw one picture per value as a study does."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch

from zimage_eval.benchmarks.machine.loaded_model import LoadedModel
from zimage_eval.benchmarks.machine.results import MachineValue
from zimage_eval.benchmarks.machine.timing import peak_memory_gib, reset_peak_memory, timed
from zimage_eval.config.params import Phase
from zimage_eval.config.settings import KEYS, Key, Settings, override, value_name
from zimage_eval.config.variants import Variant
from zimage_eval.model.devices import start_workers
from zimage_eval.model.folder import IMAGE_PARTS, TEXT_PARTS, check_model
from zimage_eval.output.png import decode_png
from zimage_eval.prompts.sets import Prompt, prompt_rows
from zimage_eval.sampling.batches import divide_request, plan_variant, request_phase
from zimage_eval.sampling.generation import render_batch
from zimage_eval.text.encoding import encode_texts
from zimage_eval.text.needed_encodings import study_encodings
from zimage_eval.text.wordings import study_wordings

FULL_SIZE: Final = "defaults"
NUM_FITTED: Final = 16
REPORTED_EVERY: Final = 10

VALUES: Final[dict[Key, tuple[Any, ...]]] = {
    ("prompt", "own_lead"): (False,),
    ("prompt", "word_order"): ("reversed", "shuffled", "clauses_swapped"),
    ("prompt", "prefix"): ("a crisp picture of",),
    ("prompt", "suffix"): ("in the evening",),
    ("prompt", "filler_tokens"): (48,),
    ("prompt", "filler_counts"): ("caption",),
    ("prompt", "filler_position"): ("after", "both"),
    ("encoder", "hidden_layer"): (0, -1, -3, "raw_last", (-2, -3)),
    ("encoder", "layer_map"): ("moments", "ridge"),
    ("encoder", "chat_template"): (False,),
    ("encoder", "system_prompt"): ("Draw what is asked.",),
    ("encoder", "think_block"): ("", "One object, then its place."),
    ("encoder", "padding_side"): ("left", "none"),
    ("encoder", "max_sequence_length"): (16,),
    ("encoder", "long_prompt"): ("pool", "interpolate", "chunk"),
    ("sampler", "sigma_schedule"): ("karras", "exponential", "beta", "dynamic_shift"),
    ("sampler", "shift"): (1.0,),
    ("sampler", "num_inference_steps"): (1, 3),
    ("sampler", "guidance_scale"): (1.0,),
    ("sampler", "negative_prompt"): ("blurry",),
    ("refiner", "refiner_blend"): (0.0, 0.5, 1.25),
    ("refiner", "dropped_refiner_layers"): ((0,),),
    ("refiner", "refiner_attention"): (False,),
    ("refiner", "refiner_feed_forward"): (False,),
    ("refiner", "refiner_timestep"): (True,),
    ("refiner", "refiner_delta"): ("random", "linear"),
    ("rope", "table_length"): (2048,),
    ("rope", "rope_theta"): (10000.0,),
    ("rope", "rope_theta_scope"): ("caption", "refiner"),
    ("rope", "linear_scaling"): (2.0,),
    ("rope", "ntk_scaling"): (4.0,),
    ("image", "height"): (2,),
    ("image", "width"): (2,),
}
"""Values that change something, by setting. Height and width are multiples of the small side."""
NEEDS: Final[dict[Key, tuple[tuple[Key, Any], ...]]] = {
    ("prompt", "filler_counts"): ((("prompt", "filler_tokens"), 160),),
    ("prompt", "filler_position"): ((("prompt", "filler_tokens"), 48),),
    ("encoder", "layer_map"): ((("encoder", "hidden_layer"), -3),),
    ("encoder", "long_prompt"): ((("encoder", "max_sequence_length"), 20),),
    # With two steps both sigmas are end points, which are equal in all schedules.
    ("sampler", "sigma_schedule"): ((("sampler", "num_inference_steps"), 3),),
    ("sampler", "negative_prompt"): ((("sampler", "guidance_scale"), 1.0),),
    ("rope", "rope_theta_scope"): ((("rope", "rope_theta"), 10000.0),),
}
"""Other settings that a setting needs to have an effect."""
CHANGES_PICTURE: Final[dict[Key, bool | None]] = {
    ("prompt", "own_lead"): None,
    ("rope", "table_length"): False,
    ("encoder", "padding_side"): None,
}
"""Whether a setting changes the picture; True for all others, None for no promise. A longer table
must not change a prompt that fitted before. Another padding side changes the last bits at most, and
a natural prompt has no lead to leave out."""


class SettingCase(NamedTuple):
    """One value of one setting."""

    name: str
    settings: Settings
    reference: Settings | None
    """The settings without the value; None if the case is compared with nothing."""
    changes_picture: bool | None
    """Whether the value must change the picture; None for no promise."""


def setting_cases(defaults: Settings, side: int) -> list[SettingCase]:
    """One case per value, on squares of `side` pixels in two steps; then a case of the defaults."""
    small = override(
        defaults,
        [
            (("sampler", "num_inference_steps"), 2),
            (("sampler", "guidance_scale"), 0.0),
            (("image", "height"), side),
            (("image", "width"), side),
        ],
    )
    cases = [SettingCase("unchanged", small, None, changes_picture=None)]
    for key in KEYS:
        needed = NEEDS.get(key, ())
        for value in VALUES[key]:
            changed = value * side if key[0] == "image" else value
            settings = override(small, [*needed, (key, changed)])
            name = f"{key[1]}={value_name(changed) or 'empty'}"
            promise = CHANGES_PICTURE.get(key, True)
            cases.append(SettingCase(name, settings, override(small, needed), promise))
    return [*cases, SettingCase(FULL_SIZE, defaults, None, changes_picture=None)]


def check_settings(
    folder: Path,
    model: LoadedModel,
    prompts: Sequence[Prompt],
    fillers: Sequence[str],
    side: int,
    loading: dict[str, MachineValue],
    report: Callable[[dict[str, dict[str, MachineValue]]], object],
) -> dict[str, dict[str, MachineValue]]:
    """A row per case: one picture, drawn like the pictures of a study.

    `applies` is 1 if the picture could be drawn with finite pixels and differs from the picture
    without the value (or equals it, if the setting promises that), else 0. A value that the model
    does not support is "not available" with its reason, as in a study.

    Args:
        folder: folder of the model; its limits are read.
        model: the model of that folder.
        prompts: the first one is drawn; layer maps are fitted on the next `NUM_FITTED`.
        fillers: the model's filler sentences.
        side: side of the small pictures in pixels.
        loading: row about the loading of the model; it stays the first row.
        report: called with all rows after every `REPORTED_EVERY` rows and at the end.
    """
    cases = setting_cases(model.defaults, side)
    needed = [settings for case in cases for settings in (case.settings, case.reference)]
    unique = list(dict.fromkeys(settings for settings in needed if settings is not None))
    variants = [
        Variant(f"settings-{number}", settings, is_baseline=number == 0)
        for number, settings in enumerate(unique)
    ]
    limits = check_model(folder, (*TEXT_PARTS, *IMAGE_PARTS), variants)
    texts: dict[Phase, list[str]] = {
        "screen": [prompts[0].text],
        "confirm": [prompt.text for prompt in prompts[1 : NUM_FITTED + 1]],
    }
    wordings = study_wordings(variants, None, texts, model.tokenizer, fillers)
    with start_workers(model.device) as workers:
        encoded = encode_texts(
            study_encodings(variants, None, limits, texts, wordings),
            texts,
            model.tokenizer,
            lambda: model.text_encoder,
            workers,
        )
    embeddings = {key: entry.prompt_embeds.float() for key, entry in encoded.items()}
    requests = request_phase("", "screen", prompt_rows(prompts[:1], 1))
    pictures: dict[Settings, torch.Tensor] = {}
    rows: dict[str, dict[str, MachineValue]] = {"loading": loading}

    def draw(settings: Settings) -> dict[str, MachineValue]:
        variant = Variant("", settings, is_baseline=False)
        [(_, request)] = plan_variant(variant, requests, wordings, embeddings, limits, texts)
        if isinstance(request, str):
            return {"applies": f"not available: {request}"}
        [(_, batch)] = divide_request(request, 1)
        if isinstance(batch, str):
            return {"applies": f"not available: {batch}"}
        reset_peak_memory(model.device)
        images, seconds = timed(partial(render_batch, model.pipe, batch, settings), model.device)
        if images is None:
            raise MemoryError(f"out of memory at batch size 1 on {model.device}")
        [image] = images
        pictures[settings] = decode_png(image.png)
        return {
            "num_forwards": image.num_forwards,
            "caption_tokens": len(batch.prompt_embeds[0]),
            "height": settings.image.height,
            "width": settings.image.width,
            "seconds": seconds,
            "peak_memory_gib": peak_memory_gib(model.device),
        }

    for case in cases:
        try:
            if case.reference is not None and case.reference not in pictures:
                draw(case.reference)
            row = draw(case.settings)
            if case.settings in pictures:
                row |= _compare(case, pictures)
        except Exception as error:  # a failure is a row; the other cases are still drawn
            row = {"applies": 0, "error": " ".join(f"{type(error).__name__}: {error}".split())}
        rows[case.name] = row
        if len(rows) % REPORTED_EVERY == 0 or len(rows) == len(cases):
            report(rows)
    return rows


def _compare(
    case: SettingCase, pictures: Mapping[Settings, torch.Tensor]
) -> dict[str, MachineValue]:
    if case.reference is None:
        return {"applies": 1}
    picture, reference = pictures[case.settings], pictures[case.reference]
    if picture.shape != reference.shape:
        return {"applies": 1}
    difference = int((picture.int() - reference.int()).abs().max())
    return {
        "applies": int(case.changes_picture in (None, difference > 0)),
        "max_difference": difference,
    }
