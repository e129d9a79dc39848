"""A compared model of another family, drawn by its own pipeline of diffusers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zimage_eval.benchmarks.comparison.models import ComparedModel, OtherPipeline
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.model.folder import IMAGE_PARTS, TEXT_PARTS, check_parts
from zimage_eval.model.memory import (
    GIB,
    check_memory,
    count_file_parameters,
    device_bytes,
    read_json_object,
)
from zimage_eval.output.png import encode_png, pixels_digest
from zimage_eval.sampling.batches import ImageRequest
from zimage_eval.sampling.generation import GeneratedImage, error_in_words, image_row, write_image


def unavailable(folder: Path, model: ComparedModel, device: torch.device) -> str | None:
    """Why a model can't be drawn with here, by the files in its folder; None if it can.

    Either files are missing, or the weights alone are more than the device's memory.
    """
    if isinstance(model, ModelSpec):
        parts = (*TEXT_PARTS, *IMAGE_PARTS)
        try:
            check_parts(folder, parts)
            check_memory(folder, model.dtype, parts, device)
        except ValueError as error:
            return str(error)
        return None
    return _missing_files(folder, model) or _too_large(folder, model, device)


def _missing_files(folder: Path, model: OtherPipeline) -> str | None:
    index_file = folder / "model_index.json"
    where = f"put or link the model's diffusers folder at {folder}"
    if not index_file.is_file():
        return f"{index_file}: no such file; {where}"
    index = read_json_object(index_file)
    if index["_class_name"] != model.pipeline:
        return f"{index_file}: is a {index['_class_name']}, not the {model.pipeline} asked for"
    parts = [name for name, entry in index.items() if isinstance(entry, list) and entry[1]]
    missing = sorted(name for name in parts if not any((folder / name).glob("*.json")))
    missing += [f"weights of {name}" for name in _networks(folder) if not _files(folder / name)]
    return f"{folder}: holds no {', '.join(missing)}; {where}" if missing else None


def _too_large(folder: Path, model: OtherPipeline, device: torch.device) -> str | None:
    number = sum(
        count_file_parameters(file) for name in _networks(folder) for file in _files(folder / name)
    )
    needed, there = number * getattr(torch, model.dtype).itemsize, device_bytes(device)
    if needed <= there:
        return None
    return (
        f"{folder}: its weights need {needed / GIB:.1f} GiB; "
        f"this machine's {device.type} has {there / GIB:.1f} GiB"
    )


def _networks(folder: Path) -> list[str]:
    """Parts that have weights; tokenizers and schedulers call their settings otherwise."""
    return sorted(file.parent.name for file in folder.glob("*/config.json"))


def _files(folder: Path) -> list[Path]:
    """The files that from_pretrained opens: copies in other formats lie beside some of them."""
    return [file for file in sorted(folder.glob("*.safetensors")) if ".fp16" not in file.name]


def load_pipeline(folder: Path, model: OtherPipeline, device: torch.device) -> Any:  # noqa: ANN401
    """The whole pipeline in its number format, on the device."""
    import diffusers

    pipe = getattr(diffusers, model.pipeline).from_pretrained(
        folder, dtype=getattr(torch, model.dtype), local_files_only=True
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe.to(device)


def draw_requests(
    pipe: Any,  # noqa: ANN401 - diffusers is untyped
    model: OtherPipeline,
    requests: Sequence[ImageRequest],
    folder: Path,
) -> list[dict[str, Any]]:
    """Write the images of one batch into a folder; returns their rows of an IMAGES table.

    An image that is not finite is a row that says so; any other error is raised.

    Noise is each image's own, from its seed on the CPU, in the number format of the pipeline.
    """
    evaluated: list[int] = []

    def count(_: object, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        evaluated.append(len(args[0] if args else named["hidden_states"]))

    asked = model.recommended
    hook = pipe.transformer.register_forward_pre_hook(count, with_kwargs=True)
    try:
        made = pipe(
            prompt=[request.text for request in requests],
            num_inference_steps=asked.num_inference_steps,
            guidance_scale=asked.guidance_scale,
            max_sequence_length=asked.max_sequence_length,
            height=asked.image.height,
            width=asked.image.width,
            generator=[torch.Generator("cpu").manual_seed(request.seed) for request in requests],
            output_type="pt",
        ).images
    finally:
        hook.remove()
    num_forwards, sigmas = sum(evaluated) // len(requests), pipe.scheduler.sigmas.tolist()
    rows = []
    for request, image in zip(requests, made, strict=True):
        try:
            pixels = _to_uint8(image)
        except FloatingPointError as error:
            rows.append(image_row(request, None, error_in_words(error)))
            continue
        png = encode_png(pixels, {})
        write_image(folder / request.file, png)
        record = GeneratedImage(png, num_forwards, sigmas, len(requests), pixels_digest(pixels))
        rows.append(image_row(request, record, None))
    return rows


def _to_uint8(image: Tensor) -> Tensor:
    """`(3, height, width)` in [0, 1] of any number format -> uint8, rounded.

    Raises:
        FloatingPointError: the image is not finite.
    """
    if not image.isfinite().all():
        raise FloatingPointError("the image is not finite")
    return (image.float().cpu() * 255).round().clamp(0, 255).to(torch.uint8)
