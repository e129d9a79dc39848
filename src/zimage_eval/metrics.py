"""The metrics of one image by name; a new one is a function in its file and a row here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from zimage_eval.facts import FACT_KINDS
from zimage_eval.metric_alignment import alignment, alignment_of_kind, all_facts
from zimage_eval.metric_embedding import cosine_drift, embedding_norm
from zimage_eval.metric_image import clipped_share, saturation, sharpness
from zimage_eval.metric_lpips import lpips_alex
from zimage_eval.metric_paired import identical, psnr, ssim

Reads = Literal[
    "fact_results",
    "image",
    "image_pair",
    "image_pairs",
    "embedding",
    "embedding_pair",
    "num_forwards",
]
"""What a metric is computed from; a pair is with the baseline of the same prompt, phase and seed,
and `image_pairs` are lists of pairs and the LPIPS network."""


@dataclass(frozen=True)
class Metric:
    """One number about an image."""

    compute: Callable[..., Any]
    """A float, a list of them for `image_pairs`, or None where the number does not exist."""
    reads: Reads
    unit: str
    """Empty for a pure number."""
    better: Literal["higher", "lower"] | None
    """None where neither end is good in itself."""
    decimals: int
    """Decimals that a reader is shown."""

    @property
    def is_paired(self) -> bool:
        """Whether it compares with the baseline, and so does not exist for the baseline."""
        return self.reads in ("image_pair", "image_pairs", "embedding_pair")

    @property
    def is_judged(self) -> bool:
        """Whether it is a share of a few facts: sparse differences, all of them maybe 0."""
        return self.reads == "fact_results"


METRICS: Mapping[str, Metric] = {
    "alignment": Metric(alignment, "fact_results", "share of facts", "higher", 2),
    "all_facts": Metric(all_facts, "fact_results", "share of images", "higher", 2),
    **{
        f"fact_{kind}": Metric(
            partial(alignment_of_kind, kind=kind), "fact_results", "share of facts", "higher", 2
        )
        for kind in FACT_KINDS
    },
    "lpips": Metric(lpips_alex, "image_pairs", "", None, 3),
    "psnr": Metric(psnr, "image_pair", "dB", None, 1),
    "ssim": Metric(ssim, "image_pair", "", None, 3),
    "identical": Metric(identical, "image_pair", "share of images", None, 2),
    "embedding_norm": Metric(embedding_norm, "embedding", "", None, 2),
    "cosine_drift": Metric(cosine_drift, "embedding_pair", "", None, 4),
    "sharpness": Metric(sharpness, "image", "gray levels squared", None, 0),
    "saturation": Metric(saturation, "image", "share", None, 3),
    "clipped_share": Metric(clipped_share, "image", "share of values", None, 3),
    "num_forwards": Metric(float, "num_forwards", "forwards per image", "lower", 0),
}
