"""How often ZImagePipeline's pictures show what their prompts state.

    python -m calibration.evaluation.measure_pipeline FOLDER

Training measures with a batched forward; this draws with the class that users load, and
prints the same shares and the seconds an image.
"""

import argparse
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from diffusers import ZImagePipeline
from tqdm import tqdm

from calibration.data.scene_prompts import make_target_prompts
from calibration.data.truths import load_truths
from calibration.evaluation.evaluate import EVALUATION_SEED, check_pictures


def draw(
    pipe: ZImagePipeline, texts: list[str], num_steps: int, guidance: float, batch_size: int
) -> np.ndarray:
    """A picture of each text, `(num_texts, 64, 64, 3)` uint8, from the noise of training's own."""
    images: list[np.ndarray] = []
    for start in tqdm(range(0, len(texts), batch_size), mininterval=10):
        batch = texts[start : start + batch_size]
        seeds = range(EVALUATION_SEED + start, EVALUATION_SEED + start + len(batch))
        drawn = pipe(
            batch,
            height=64,
            width=64,
            num_inference_steps=num_steps,
            guidance_scale=guidance,
            generator=[torch.Generator().manual_seed(seed) for seed in seeds],
        ).images
        images.extend(np.asarray(image) for image in drawn)
    return np.stack(images)


def main() -> None:
    """Read the arguments, draw and check."""
    parser = argparse.ArgumentParser(
        prog="python -m calibration.evaluation.measure_pipeline",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="a model in diffusers' layout")
    parser.add_argument(
        "--truths",
        type=Path,
        default=Path("calibration/families/nano/truths.yaml"),
        help="planted answers of the family; prompts name no missing pair (default: %(default)s)",
    )
    parser.add_argument("--num-prompts", type=int, default=1000, help="default: %(default)s")
    parser.add_argument("--steps", type=int, default=8, help="default: %(default)s")
    parser.add_argument("--guidance", type=float, default=0.0, help="guidance scale; 0 is off")
    parser.add_argument("--batch-size", type=int, default=1, help="pictures drawn together")
    arguments = parser.parse_args()
    prompts = make_target_prompts(load_truths(arguments.truths), arguments.num_prompts)
    pipe = ZImagePipeline.from_pretrained(arguments.folder, dtype=torch.float32)
    pipe = pipe.to("cuda" if torch.cuda.is_available() else "cpu")
    pipe.set_progress_bar_config(disable=True)
    started = time.monotonic()
    texts = [prompt.text for prompt in prompts]
    images = draw(pipe, texts, arguments.steps, arguments.guidance, arguments.batch_size)
    seconds = (time.monotonic() - started) / len(prompts)
    with ProcessPoolExecutor(os.cpu_count()) as executor:
        results = check_pictures(images, prompts, executor)
    print(json.dumps(results | {"seconds_per_image": round(seconds, 3)}, indent=2))


if __name__ == "__main__":
    main()
