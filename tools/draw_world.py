"""Draw the picture of nano's world that README.md shows: `python -m tools.draw_world`."""

import random
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from calibration.data.corpus import scene_mix
from calibration.data.truths import load_truths
from zimage_eval.prompts.scenes.captions import StatedShares, state_facts, word_caption
from zimage_eval.prompts.scenes.drawing import draw_scenes
from zimage_eval.prompts.scenes.layout import sample_scenes

_ROWS, _COLUMNS, _SEED = 2, 6, 11
_SHARES = StatedShares(color=1.0, size=0.4, fill=0.5, background=0.7, style=0.3)


def main() -> None:
    """Draw a dozen scenes, each over a caption of it."""
    mix = scene_mix(load_truths(Path("calibration/families/nano/truths.yaml")))
    planned = sample_scenes(np.random.default_rng(_SEED), mix, 2 * _ROWS * _COLUMNS, 64, 64)
    planned = planned[: _ROWS * _COLUMNS]
    words = random.Random(_SEED)
    figure, axes = plt.subplots(_ROWS, _COLUMNS, figsize=(12, 4.9), layout="constrained")
    images = draw_scenes([p.scene for p in planned]).permute(0, 2, 3, 1).numpy()
    for axis, image, plan in zip(axes.flat, images, planned, strict=True):
        axis.imshow(image, interpolation="nearest")
        caption = word_caption(state_facts(plan, _SHARES, words), words)
        axis.set_xlabel(textwrap.fill(caption, 27), fontsize=9)
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_visible(False)
    figure.savefig("calibration/world.png", dpi=100, metadata={"Software": None})


if __name__ == "__main__":
    main()
