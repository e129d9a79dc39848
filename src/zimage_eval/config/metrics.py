"""What is measured of one picture: name, unit, better end, margin and inputs of each metric.

These are words and numbers alone; `metrics/catalogue.py` binds functions to the names, so who only
names a metric needs no network and does not rerun when the arithmetic changes.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from zimage_eval.config.kinds import FACT_KINDS, TOKEN_CLASSES
from zimage_eval.config.model_spec import JudgeName

Reads = Literal[
    "fact_results",
    "image",
    "image_pair",
    "image_pairs",
    "seed_pairs",
    "image_texts",
    "embedding",
    "embedding_pair",
    "num_forwards",
]
"""The input of a metric.

`image_pair` and `embedding_pair` are a variant's and the baseline's of the same prompt, phase and
seed. The three in the plural are lists for a network: pairs with the baseline, pairs of two seeds
of one variant and prompt, pictures with their prompts' texts.
"""
Better = Literal["higher", "lower"]
ImageNetwork = Literal["alexnet", "vgg16", "clip", "ocr", "vlm"]
"""Weights that metrics of a picture are computed with."""
SHIPPED_NETWORK: ImageNetwork = "alexnet"
"""The one whose weights are in the repository; models/<model>.yaml declares the others."""


@dataclass(frozen=True, kw_only=True)
class MetricDefinition:
    """One number about a picture; its name is its key in `METRICS`."""

    function: str
    """Who computes it: module and function inside `zimage_eval`."""
    version: int
    """Raised by hand whenever an edit of the code can change its numbers."""
    reads: Reads
    unit: str
    """Empty for a pure number."""
    better: Better | None
    """None where neither end is good in itself."""
    decimals: int
    """Number of decimals that the report shows."""
    margin: float | None
    """Smallest difference that matters, in its unit or, compared as a ratio, a share; or None."""
    mode: str
    """Settings with which another implementation gets the same number."""
    library: str | None = None
    """The PyPI package whose number it is; None where it is computed here."""
    network: ImageNetwork | None = None
    """The weights that it is computed with, if any."""
    contrast: Literal["difference", "log"] = "difference"
    """Log: two variants are compared by the ratio of their values, above 0, through the logarithm;
    for values so skewed that the mean of their differences hangs on a few prompts."""
    min_prompts: int = 8
    """Fewer give a claim no word."""
    min_side: int = 1
    """Pixels of the shorter side of the smallest picture that has the number."""
    leads_figures: bool = False
    """Figures show the first such metric that a study has."""
    in_main_table: bool = False
    """Whether it is a column of the report's main table of a study; else of the details."""
    in_confirm: bool = False
    """Whether the results hold its contrast at confirm size."""

    @property
    def is_paired(self) -> bool:
        """Whether it compares with the baseline; the baseline itself then has no number."""
        return self.reads in ("image_pair", "image_pairs", "embedding_pair")

    @property
    def is_judged(self) -> bool:
        """Whether it is a share of a few facts, whose differences between variants are often 0."""
        return self.reads == "fact_results"


_SHARE_OF_FACTS = MetricDefinition(
    function="metrics.alignment.alignment",
    version=1,
    reads="fact_results",
    unit="share of facts",
    better="higher",
    decimals=2,
    margin=0.1,
    mode="mean over facts",
)
_LPIPS = MetricDefinition(
    function="metrics.lpips.lpips_distances",
    version=1,
    reads="image_pairs",
    unit="",
    better=None,
    decimals=3,
    margin=0.05,
    mode="v0.1 alex, [-1, 1], to the baseline",
    library="lpips",
    network="alexnet",
    min_side=31,  # what smaller pictures leave of themselves is lost in the pooling
)
_OF_PICTURE_AND_TEXT = MetricDefinition(
    function="metrics.text_rendering.scores.text_word_accuracy",
    version=1,
    reads="image_texts",
    unit="share of words",
    better="higher",
    decimals=3,
    margin=0.05,
    mode="quoted words that are read anywhere, confidence 0.9 and above, case ignored",
    library="rapidocr",
    network="ocr",
)
_OF_EMBEDDINGS = MetricDefinition(
    function="metrics.embedding.norm",
    version=1,
    reads="embedding",
    unit="",
    better=None,
    decimals=3,
    margin=None,
    mode="Euclidean, mean over tokens",
)
PER_TOKEN_CLASS: Mapping[str, MetricDefinition] = {
    "embedding_norm": _OF_EMBEDDINGS,
    "embedding_variance": replace(
        _OF_EMBEDDINGS,
        function="metrics.embedding.variance",
        mode="over tokens, mean over channels",
    ),
    "embedding_sparsity": replace(
        _OF_EMBEDDINGS, function="metrics.embedding.sparsity", mode="Hoyer, mean over tokens"
    ),
    "effective_rank": replace(
        _OF_EMBEDDINGS,
        function="metrics.embedding.effective_rank",
        mode="entropy of centered singular values",
    ),
    "cosine_drift": replace(
        _OF_EMBEDDINGS,
        function="metrics.embedding.cosine_drift",
        reads="embedding_pair",
        margin=0.01,
        mode="1 - mean cosine, tokens both share",
    ),
    "cka": replace(
        _OF_EMBEDDINGS,
        function="metrics.embedding.linear_cka",
        reads="embedding_pair",
        margin=0.05,
        mode="linear, unbiased HSIC, tokens both share",
    ),
}
"""Metrics of prompt embeddings: each is one for every class of tokens, as `cka_content`."""

METRICS: Mapping[str, MetricDefinition] = {
    "alignment": replace(_SHARE_OF_FACTS, leads_figures=True, in_main_table=True, in_confirm=True),
    "all_facts": replace(
        _SHARE_OF_FACTS,
        function="metrics.alignment.all_facts",
        unit="share of images",
        mode="1 if every fact holds",
        in_main_table=True,
        in_confirm=True,
    ),
    "alignment_geometric": replace(
        _SHARE_OF_FACTS,
        function="metrics.alignment.alignment_geometric",
        unit="probability",
        mode="geometric mean over facts (Soft-TIFA)",
        network="vlm",
    ),
    **{
        f"fact_{kind}": replace(
            _SHARE_OF_FACTS,
            function="metrics.alignment.alignment_of_kind",
            mode=f"mean over facts of {kind}",
        )
        for kind in FACT_KINDS
    },
    "clip_score": MetricDefinition(
        function="metrics.clip_score.clip_score",
        version=1,
        reads="image_texts",
        unit="",
        better="higher",
        decimals=3,
        margin=0.05,
        mode="2.5 max(cosine, 0), prefix 'A photo depicts', none beyond 77 tokens",
        library="transformers",
        network="clip",
        leads_figures=True,
        in_main_table=True,
    ),
    "clip_coverage": MetricDefinition(
        function="metrics.clip_score.clip_coverage",
        version=1,
        reads="image_texts",
        unit="share of images",
        better=None,
        decimals=2,
        margin=None,
        mode="prompts that clip_score can read whole",
        library="transformers",
        network="clip",
    ),
    "vqa_score": replace(
        _OF_PICTURE_AND_TEXT,
        function="metrics.judges.vlm.vqa_score",
        unit="probability",
        mode="yes over yes and no, first token, 'Does this figure show \"...\"?'",
        library="transformers",
        network="vlm",
        in_main_table=True,
    ),
    "text_word_accuracy": replace(_OF_PICTURE_AND_TEXT, in_main_table=True),
    "text_ned": replace(
        _OF_PICTURE_AND_TEXT,
        function="metrics.text_rendering.scores.text_ned",
        unit="similarity",
        mode="1 - edit distance over longer length, confidence 0.9 and above, no case, no spaces",
    ),
    "text_cer": replace(
        _OF_PICTURE_AND_TEXT,
        function="metrics.text_rendering.scores.text_cer",
        unit="share of characters",
        better="lower",
        mode="edit distance over quoted length, confidence 0.9 and above, no case, no spaces",
    ),
    "lpips": replace(_LPIPS, leads_figures=True, in_main_table=True, in_confirm=True),
    "lpips_vgg": replace(
        _LPIPS, mode="v0.1 vgg, [-1, 1], to the baseline", network="vgg16", min_side=16
    ),
    "dists": MetricDefinition(
        function="metrics.dists.dists",
        version=1,
        reads="image_pairs",
        unit="",
        better=None,
        decimals=3,
        margin=0.05,
        mode="[0, 1], own size, to the baseline",
        library="torchmetrics",
        network="vgg16",
        in_main_table=True,
    ),
    "psnr": MetricDefinition(
        function="metrics.image.psnr",
        version=1,
        reads="image_pair",
        unit="dB",
        better=None,
        decimals=1,
        margin=1.0,
        mode="uint8, peak 255, all channels, none if identical",
        library="scikit-image",
        in_main_table=True,
    ),
    "ssim": MetricDefinition(
        function="metrics.image.ssim",
        version=1,
        reads="image_pair",
        unit="",
        better=None,
        decimals=3,
        margin=0.02,
        mode="Wang: Gaussian window 11, sigma 1.5, population covariance, RGB mean, border cut",
        library="scikit-image",
        min_side=11,  # its window
        in_main_table=True,
    ),
    "identical": MetricDefinition(
        function="metrics.image.identical",
        version=1,
        reads="image_pair",
        unit="share of images",
        better=None,
        decimals=2,
        margin=0.1,
        mode="every channel value equal",
    ),
    "seed_diversity": replace(
        _LPIPS,
        reads="seed_pairs",
        mode="LPIPS v0.1 alex between the seeds of a prompt, mean over pairs",
    ),
    "sharpness": MetricDefinition(
        function="metrics.image.sharpness",
        version=1,
        reads="image",
        unit="gray levels squared",
        better=None,
        decimals=0,
        margin=0.15,
        contrast="log",
        min_prompts=128,  # with 64, one word in ten would be wrong, with 128 one in twenty
        mode="variance of the Laplacian",
        leads_figures=True,
    ),
    "edge_density": MetricDefinition(
        function="metrics.image.edge_density",
        version=1,
        reads="image",
        unit="share of pixels",
        better=None,
        decimals=3,
        margin=0.02,
        mode="Sobel, over 16 levels a pixel",
    ),
    "high_frequency_share": MetricDefinition(
        function="metrics.image.high_frequency_share",
        version=1,
        reads="image",
        unit="share of variance",
        better=None,
        decimals=4,
        margin=0.01,
        mode="DCT-II of luma, 0.25 cycles a pixel and above",
    ),
    "saturation": MetricDefinition(
        function="metrics.image.saturation",
        version=1,
        reads="image",
        unit="share",
        better=None,
        decimals=3,
        margin=0.05,
        mode="HSV, mean over pixels",
    ),
    "clipped_share": MetricDefinition(
        function="metrics.image.clipped_share",
        version=1,
        reads="image",
        unit="share of values",
        better=None,
        decimals=3,
        margin=0.02,
        mode="channel values 0 or 255",
    ),
    **{
        f"{name}_{token_class}": definition
        for token_class in TOKEN_CLASSES
        for name, definition in PER_TOKEN_CLASS.items()
    },
    "num_forwards": MetricDefinition(
        function="metrics.image.num_forwards",
        version=1,
        reads="num_forwards",
        unit="forwards per image",
        better="lower",
        decimals=0,
        margin=1.0,
        mode="transformer runs",
        in_main_table=True,
    ),
}
"""All metrics of one picture by name, in the order of columns and of `leads_figures`."""


def available_metrics(networks: Collection[str]) -> dict[str, MetricDefinition]:
    """The metrics that a score table has: those without a network, or with one that is there.

    Args:
        networks: names of the networks whose weights are declared in models/<model>.yaml.
    """
    return {
        name: metric
        for name, metric in METRICS.items()
        if metric.network in (None, SHIPPED_NETWORK, *networks)
    }


@dataclass(frozen=True)
class JudgeDefinition:
    """Who tells which facts hold in a picture: what alignment's signature says of it."""

    function: str
    """Who decides: module and function inside `zimage_eval`."""
    version: int
    """Raised by hand whenever an edit of the code can change a judgement."""
    weights: tuple[str, ...] = ()
    """Declared files that it decides with."""


JUDGES: Mapping[JudgeName, JudgeDefinition] = {
    "scenes": JudgeDefinition("prompts.scenes.checking.check_facts", 1),
    "detector": JudgeDefinition("metrics.judges.detector.judge_natural", 2, ("detector", "clip")),
    "vlm": JudgeDefinition("metrics.judges.vlm.judge_by_questions", 1, ("vlm",)),
    "hand_labels": JudgeDefinition(
        "metrics.judges.hand_labels.read_hand_labels", 1, ("hand_labels",)
    ),
    "none": JudgeDefinition("metrics.judges.judges.no_judge", 1),
}
