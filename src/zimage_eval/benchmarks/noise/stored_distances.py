"""The distances of the baseline drawn again, from the store or measured.

No other study decides them, so that a further variant to be placed asks for no network.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from zimage_eval.benchmarks.noise.arms import BASELINE, NoiseArm
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.config.variants import Variant
from zimage_eval.metrics.networks.files import sha256_of
from zimage_eval.metrics.networks.lpips_trunks import alexnet_file
from zimage_eval.model.folder import IMAGE_PARTS, check_model, weights_digest
from zimage_eval.output.observations import Measurement
from zimage_eval.output.store import ImageStore, Store, load_or_compute
from zimage_eval.output.stored.entry_keys import computed_by, entry_key

if TYPE_CHECKING:  # a name of types decides nothing
    from zimage_eval.prompts.sets import PromptRow


class BaselineInputs(NamedTuple):
    """What the baseline is drawn and compared with."""

    folder: Path
    """Of the model's weights."""
    lpips_folder: Path
    prompts: "Sequence[PromptRow]"
    """Rows of the prompt table of the screening phase."""
    wordings: Path
    """Table that `extract_embeddings` wrote."""
    embeddings: Path
    """The same."""


def stored_distances(
    spec: ModelSpec,
    inputs: BaselineInputs,
    arms: Sequence[NoiseArm],
    store: Store,
    images: ImageStore,
) -> list[Measurement]:
    """Every metric that compares two pictures, for every arm but the baseline and every prompt.

    Args:
        spec: settings of the model.
        inputs: of the model.
        arms: ways to draw, the baseline first.
        store: of results.
        images: the image store.

    Raises:
        ValueError: weights are missing, or the model can't draw its own defaults.
    """
    facts = {
        "kind": "noise scales",
        "alexnet": sha256_of([alexnet_file(inputs.lpips_folder)]),
        "arms": [
            [arm.name, arm.batch_size, arm.dtype.model_dump(), arm.has_other_seed] for arm in arms
        ],
        "defaults": spec.defaults.model_dump(),
        "engine": spec.engine,
        "networks": {name: file.sha256 for name, file in spec.networks.items()},
        "prompts": list(inputs.prompts),
        "tables": [
            hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (inputs.wordings, inputs.embeddings)
        ],
        "weights": weights_digest(inputs.folder, IMAGE_PARTS),
        **computed_by(__name__),
    }
    rows = load_or_compute(store, entry_key(**facts), lambda: _measure(spec, inputs, arms, images))
    return [Measurement(*row) for row in rows]


def _measure(
    spec: ModelSpec, inputs: BaselineInputs, arms: Sequence[NoiseArm], store: ImageStore
) -> list[Measurement]:
    import torch

    from zimage_eval.benchmarks.noise.redrawn import SharedInputs, distances, draw_arm
    from zimage_eval.metrics.catalogue import load_metric_networks, metrics_with
    from zimage_eval.model.devices import pick_device
    from zimage_eval.sampling.painter import open_painter
    from zimage_eval.text.embeddings import read_embeddings
    from zimage_eval.text.wordings import read_wordings

    torch.set_num_threads(1)  # so that last bits don't depend on the number of cores
    folder, prompts = inputs.folder, inputs.prompts
    baseline = Variant(BASELINE, spec.defaults, is_baseline=True)
    drawing = SharedInputs(
        baseline,
        prompts,
        read_wordings(inputs.wordings),
        read_embeddings(inputs.embeddings),
        check_model(folder, IMAGE_PARTS, [baseline]),
    )
    metrics = metrics_with(spec.networks)
    networks = load_metric_networks(metrics, inputs.lpips_folder, spec.networks, pick_device())
    categories = {prompt["prompt_id"]: prompt["category"] for prompt in prompts}
    observations = []
    for arm in arms:
        with open_painter(folder, arm.dtype, arm.batch_size, store, spec.engine) as painter:
            pictures = draw_arm(arm, drawing, painter)
        if arm.name == BASELINE:
            reference = pictures
        else:
            observations += distances(arm.name, pictures, reference, categories, metrics, networks)
    return observations
