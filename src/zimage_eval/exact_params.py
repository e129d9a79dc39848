"""`benchmarks:` of params.yaml for what can be decided exactly: by code, without a judge."""

from typing import Annotated

from pydantic import Field

from zimage_eval.frozen import Frozen
from zimage_eval.model_spec import Dtype
from zimage_eval.setting_groups import Count, Float

Counts = Annotated[tuple[Count, ...], Field(strict=False, min_length=1)]
Dtypes = Annotated[tuple[Dtype, ...], Field(strict=False, min_length=1)]
Factors = Annotated[tuple[Annotated[Float, Field(gt=0)], ...], Field(strict=False, min_length=1)]


class TokenLimitParams(Frozen):
    """How many tokens a caption, and how many pixels an image may have."""

    lengths: Counts
    """Captions that are tried on the model's own table, in tokens before padding."""
    table_length: Count
    """Rows of the enlarged table."""
    equal_lengths: Counts
    """Captions whose outputs under both tables are compared bit by bit."""
    long_lengths: Counts
    """Captions that are tried on the enlarged table."""
    autoencoder_factors: Counts
    """Pixels a latent, for which the longest side is stated beside the model's own."""


class PaddingParams(Frozen):
    """What padding does to embeddings and to pictures."""

    num_prompts: Count
    """Prompts, evenly from the screened ones."""
    length: Count
    """Tokens that each prompt is padded to for the text encoder."""
    dtypes: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    """Number formats of the text encoder, the most precise first."""
    extra_pads: Counts
    """Attended pads a caption is given beyond those that round it up."""


class ConditioningParams(Frozen):
    """What reaches the transformer's caption, and what the transformer makes of it."""

    num_prompts: Count
    """Prompts, evenly from the screened ones."""
    num_probe_prompts: Count
    """Prompts that the position probe is fitted and held out on."""
    dtype: Dtype
    """Number format of the transformer; exact statements need a precise one."""
    scales: Factors
    """What embeddings, or a channel of them, are multiplied by."""
    rope_thetas: Factors
    """Bases whose wavelengths are stated, and refined captions are probed under."""


class Recipe(Frozen):
    """A schedule as somebody recommends it."""

    shift: Annotated[Float, Field(gt=0)]
    num_inference_steps: Count
    guidance_scale: Annotated[Float, Field(ge=0)]


class SchedulesParams(Frozen):
    """Noise levels and transformer evaluations of a call."""

    recipes: dict[str, Recipe]
    """By a name; beside these, every schedule of every study is looked at."""


class EmbeddingCacheParams(Frozen):
    """Embeddings from a table against embeddings made anew."""

    num_texts: Count
    """Encodings taken evenly from each study's table."""
    num_images: Count
    """Pictures drawn from both."""
    dtypes: Dtypes
    """Number formats of the text encoder."""
