"""Whether the files that a models/<model>.yaml declares are there, and are those it means."""

from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.metrics.judges.hand_labels import read_hand_labels
from zimage_eval.metrics.networks.files import network_path


def check_measuring(spec: ModelSpec) -> None:
    """Look at every network, the hand labels and a folder of reference pictures.

    Raises:
        ValueError: one is missing, or another than declared.
    """
    for name, file in spec.networks.items():
        network_path(name, file)
    if spec.hand_labels is not None:
        read_hand_labels(spec.hand_labels)
    if spec.distribution.reference.source == "folder":
        from zimage_eval.metrics.sets.reference import folder_pictures

        folder_pictures(spec.distribution.reference)
