"""The distances of the baseline drawn again, from the store or measured.

No other study decides them, so that a further variant to be placed asks for no network.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from zimage_eval.benchmarks.noise.arms import BASELINE, NoiseArm
from zimage_eval.config.variants import Variant
from zimage_eval.metrics.networks.files import sha256_of
from zimage_eval.metrics.networks.lpips_trunks import alexnet_file
from zimage_eval.model.folder import IMAGE_PARTS, check_model, weights_digest
from zimage_eval.output.entry_keys import computed_by, entry_key
from zimage_eval.output.observations import Measurement
from zimage_eval.output.project import Project
from zimage_eval.output.store import ImageStore, Store, load_or_compute


class BaselineTables(NamedTuple):
    """Files of the study whose baseline is drawn."""

    wordings: Path
    embeddings: Path


def stored_distances(
    project: Project,
    arms: Sequence[NoiseArm],
    tables: BaselineTables,
    store: Store,
    images: ImageStore,
) -> list[Measurement]:
    """Every metric that compares two pictures, for every arm but the baseline and every prompt.

    Args:
        project: of the model.
        arms: ways to draw, the baseline first.
        tables: that `extract_embeddings` wrote.
        store: of results.
        images: the image store.

    Raises:
        ValueError: weights are missing, or the model can't draw its own defaults.
    """
    spec = project.spec
    prompts = project.prompt_rows("main", "screen")
    facts = {
        "kind": "noise scales",
        "alexnet": sha256_of([alexnet_file(project.lpips_folder)]),
        "arms": [
            [arm.name, arm.batch_size, arm.dtype.model_dump(), arm.has_other_seed] for arm in arms
        ],
        "defaults": spec.defaults.model_dump(),
        "networks": {name: file.sha256 for name, file in spec.networks.items()},
        "prompts": prompts,
        "tables": [hashlib.sha256(path.read_bytes()).hexdigest() for path in tables],
        "weights": weights_digest(project.model_folder, IMAGE_PARTS),
        **computed_by(__name__),
    }
    measure = partial(_measure, project, arms, tables, prompts, images)
    return [Measurement(*row) for row in load_or_compute(store, entry_key(**facts), measure)]


def _measure(
    project: Project,
    arms: Sequence[NoiseArm],
    tables: BaselineTables,
    prompts: Sequence[Mapping[str, Any]],
    store: ImageStore,
) -> list[Measurement]:
    import torch

    from zimage_eval.benchmarks.noise.redrawn import SharedInputs, distances, draw_arm
    from zimage_eval.metrics.catalogue import load_metric_networks, metrics_with
    from zimage_eval.model.devices import pick_device
    from zimage_eval.sampling.painter import open_painter
    from zimage_eval.text.embeddings import read_embeddings
    from zimage_eval.text.wordings import read_wordings

    torch.set_num_threads(1)  # so that last bits don't depend on the number of cores
    spec, folder = project.spec, project.model_folder
    baseline = Variant(BASELINE, spec.defaults, is_baseline=True)
    drawing = SharedInputs(
        baseline,
        prompts,
        read_wordings(tables.wordings),
        read_embeddings(tables.embeddings),
        check_model(folder, IMAGE_PARTS, [baseline]),
    )
    metrics = metrics_with(spec.networks)
    networks = load_metric_networks(metrics, project.lpips_folder, spec.networks, pick_device())
    categories = {prompt["prompt_id"]: prompt["category"] for prompt in prompts}
    observations = []
    for arm in arms:
        with open_painter(folder, arm.dtype, arm.batch_size, store) as painter:
            pictures = draw_arm(arm, drawing, painter)
        if arm.name == BASELINE:
            reference = pictures
        else:
            observations += distances(arm.name, pictures, reference, categories, metrics, networks)
    return observations
