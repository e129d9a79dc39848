"""Scores of pictures from the store; no network is loaded where it holds all of them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.metrics.catalogue import load_metric_networks, metrics_with
from zimage_eval.metrics.judges.judges import load_judge
from zimage_eval.metrics.networks.files import sha256_of
from zimage_eval.metrics.networks.lpips_trunks import alexnet_file
from zimage_eval.metrics.scores import (
    Instruments,
    PictureScores,
    PictureTask,
    StudyImages,
    score_portion,
)
from zimage_eval.output.store import Store
from zimage_eval.output.stored.entry_keys import computed_by, entry_key


def measured_by(spec: ModelSpec, alexnet: Path) -> dict[str, object]:
    """The judge, networks and metrics of a model and all code behind them, as facts of a key.

    Raises:
        ValueError: the weights in the folder `alexnet` are missing, or are others.
    """
    return {
        "alexnet": sha256_of([alexnet_file(alexnet)]),
        "hand_labels": spec.hand_labels.sha256 if spec.hand_labels else None,
        "judge": spec.judge,
        "metrics": sorted(metrics_with(spec.networks)),
        "networks": {name: file.sha256 for name, file in spec.networks.items()},
        **computed_by(__name__),
    }


def load_instruments(spec: ModelSpec, alexnet: Path) -> Instruments:
    """The judge and the networks of a model's metrics.

    Raises:
        ValueError: weights or hand labels are missing, or differ from the declared ones.
    """
    import torch

    from zimage_eval.model.devices import pick_device

    # More threads gain nothing on small pictures, and on shared cores they wait for seconds.
    torch.set_num_threads(1)
    device, metrics = pick_device(), metrics_with(spec.networks)
    networks = load_metric_networks(metrics, alexnet, spec.networks, device)
    return Instruments(load_judge(spec, device), networks)


class StoredScores:
    """Scores portions, and asks the store first."""

    def __init__(self, store: Store, measured: Mapping[str, object]) -> None:
        """Use a store of scores, and what `measured_by` says."""
        self.store = store
        self.measured = measured

    def __call__(self, tasks: Sequence[PictureTask], study: StudyImages) -> list[PictureScores]:
        """The scores of a portion, in its order.

        Raises:
            ValueError: a picture is missing, damaged or has other pixels than its row lists.
        """
        if self.store.root is None:
            return score_portion(tasks, study)
        key = self._key(tasks, study)
        for entry in self.store.load([key], json.loads) or ():
            checked_files = set(entry["files"])
            for task in tasks:
                task.picture.check(checked_files)
            return [PictureScores(*scores) for scores in entry["pictures"]]
        scores = score_portion(tasks, study)
        files = [task.picture.file_digest for task in tasks]
        entry = {"files": files, "pictures": scores}
        self.store.save([key], [json.dumps(entry, sort_keys=True).encode()])
        return scores

    def _key(self, tasks: Sequence[PictureTask], study: StudyImages) -> str:
        is_labeled = self.measured["judge"] == "hand_labels"  # people label files, not pixels
        prompts = list(dict.fromkeys(task.image[2] for task in tasks))

        def facts_of(task: PictureTask) -> list[Any]:
            return [
                prompts.index(task.image[2]),
                task.picture.pixels,
                task.picture.file_digest if is_labeled else None,
                task.baseline.pixels if task.baseline else None,
                task.text,
                task.facts,
                task.swapped_facts,
                task.num_forwards,
                study.embeddings.digest(task.encoding),
                study.embeddings.digest(task.baseline_encoding),
            ]

        return entry_key(
            kind=self.store.kind.name,
            measured=self.measured,
            pictures=[facts_of(task) for task in tasks],
        )
