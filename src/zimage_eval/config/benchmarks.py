"""The entry `benchmarks` of params.yaml: the parameters of each benchmark as a frozen type."""

from typing import Annotated, Literal, TypeVar

from pydantic import Field

from zimage_eval.config.frozen import Frozen
from zimage_eval.config.measuring import FolderReference, PinnedFile
from zimage_eval.config.model_spec import Dtype
from zimage_eval.config.setting_groups import Count, Float

Listed = Field(strict=False, min_length=1)
"""A YAML list with an entry or more, which becomes a tuple."""
Counts = Annotated[tuple[Count, ...], Listed]
Dtypes = Annotated[tuple[Dtype, ...], Listed]
Positive = Annotated[Float, Field(gt=0)]
Factors = Annotated[tuple[Positive, ...], Listed]
WordList = Annotated[tuple[str, ...], Listed]
Relation = Literal["left_of", "right_of", "above", "below"]
Part = Literal["text_encoder", "transformer", "vae"]
CompileArm = Literal[
    "regional",
    "regional max-autotune-no-cudagraphs",
    "whole",
    "whole reduce-overhead",
    "whole max-autotune",
]
"""What is compiled, each repeated block or the whole transformer, and a mode of torch.compile."""
DistanceName = Literal[
    "kid_given_prompt_alexnet",
    "kid_given_prompt_vae",
    "kid_alexnet",
    "kid_vae",
    "fd_alexnet",
    "fd_vae",
    "frequencies_given_prompt",
    "frequencies",
]
"""`frequencies` is the squared distance between the frequencies of each attribute's values."""
Entry = TypeVar("Entry")


class TokenLimitParams(Frozen):
    """Limits of a model: the tokens of a caption and the pixels of an image."""

    lengths: Counts
    """Lengths of captions, in tokens before padding, that are tried on the model's rotary table."""
    table_length: Count
    """Rows of an enlarged rotary table."""
    equal_lengths: Counts
    """Lengths of captions whose outputs under both tables are compared bit by bit."""
    long_lengths: Counts
    """Lengths of captions that are tried on the enlarged table."""
    autoencoder_factors: Counts
    """Pixels for each latent: the longest side is stated for these beside the model's own."""


class PaddingParams(Frozen):
    """Effects of padding on embeddings and pictures."""

    num_prompts: Count
    """Number of prompts, taken evenly from the screened ones."""
    length: Count
    """Number of tokens to which each prompt is padded for the text encoder."""
    dtypes: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    """Number formats of the text encoder, the most precise first."""
    extra_pads: Counts
    """Numbers of attended pads that a caption gets beyond those that round it up."""


class ConditioningParams(Frozen):
    """How the transformer uses a caption: which changes of the embeddings reach it."""

    num_prompts: Count
    """Number of prompts, taken evenly from the screened ones."""
    num_probe_prompts: Count
    """Number of prompts on which the position probe is fitted and tested."""
    dtype: Dtype
    """Number format of the transformer; a precise one is needed to show exact equality."""
    scales: Factors
    """Factors on embeddings, or on a channel of them."""
    rope_thetas: Factors
    """Bases (theta): their wavelengths are stated, and refined captions are probed under each."""


class ScheduleRecipe(Frozen):
    """A recommended schedule."""

    shift: Positive
    num_inference_steps: Count
    guidance_scale: Annotated[Float, Field(ge=0)]


class SchedulesParams(Frozen):
    """Noise levels and number of transformer evaluations of schedules."""

    recipes: dict[str, ScheduleRecipe]
    """Recommended schedules by name; the schedules of all studies are added."""


class EmbeddingCacheParams(Frozen):
    """Whether embeddings from a table equal newly computed ones."""

    num_texts: Count
    """Number of encodings, taken evenly from each study's table."""
    num_images: Count
    """Number of pictures that are drawn from both."""
    dtypes: Dtypes
    """Number formats of the text encoder."""


class Trials(Frozen):
    """Prompts that are drawn to see which fail: those of the studies, and new ones about scenes."""

    num_seeds: Count
    """Seeds of each prompt; several show whether the prompt fails or only a seed."""
    relation_words: dict[Relation, WordList]
    """Phrasings of each relation, all with the same pairs of objects."""
    num_object_pairs: Count
    """Number of pairs of objects for each of those phrasings."""
    num_objects: Counts
    """Numbers of different objects in one picture."""
    prompts_per_number: Count
    """Number of prompts for each of those numbers."""
    seed: int
    """Seed of the new prompts."""


class EmbeddingSpace(Frozen):
    """Analyses of the text encoder's vectors, without pictures."""

    prompts_per_category: Count
    """Number of prompts of each category of the model's prompt set; all, if there are fewer."""
    num_folds: Annotated[int, Field(ge=2)]
    """Parts of the prompts, each predicted from the others."""
    num_permutations: Count
    """Number of shufflings of the labels that clusters are compared with."""
    least_per_class: Annotated[int, Field(ge=2)]
    """Number of prompts that a fact's value must have to be predicted."""
    seed: int
    """Seed of folds, clusters, permutations and the map."""


class Attribute(Frozen):
    """An attribute that a prompt may state of its whole picture or of its objects."""

    kind: Literal["style", "background", "fill"]
    """Kind of fact."""
    value: str
    words: str
    """Words put after a prompt that is no caption of a scene."""


class StyleVectors(Frozen):
    """Directions that are added to embeddings in place of words."""

    attributes: dict[str, Attribute]
    num_fitted: Count
    """Number of prompts from which the directions are computed."""
    num_held_out: Count
    """Number of other prompts, to which they are added."""
    strengths: Factors
    """Lengths of the added vectors. A vector on the words is in units of the mean length of a
    word's vector; one on the tokens after them, of the difference that the words make there."""
    seed: int
    """Seed of the random directions."""


class PromptQuality(Frozen):
    """Which features of a prompt predict its pictures' alignment."""

    num_folds: Annotated[int, Field(ge=2)]
    """Parts of the prompts, each predicted from the others."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    """Level of the interval around a prediction."""
    seed: int
    """Seed of the folds."""


class Failures(Frozen):
    """Why prompts fail, whether their embeddings predict it, and what helps."""

    num_folds: Annotated[int, Field(ge=2)]
    """Parts of the prompts, each predicted from the others."""
    num_retried: Count
    """Number of failed prompts that are drawn again: in other words, fewer words, other seeds."""
    num_scaled: Count
    """Number of prompts that are drawn with embeddings of other norms."""
    scales: Factors
    """Factors on those norms."""
    seed: int
    """Seed of folds, wordings, and the choice of retried prompts."""


class NoiseScales(Frozen):
    """Floor and ceiling of distances between pictures, and the place of every variant."""

    batch_size: Count
    """Number of images denoised together for the floor; it differs from the model's."""
    dtype: Dtype
    """Number format of transformer and autoencoder for one more arm, placed like a variant."""
    margin: Annotated[float, Field(gt=0, lt=0.5)]
    """Share of the scale from floor to ceiling that counts as being at one of its ends."""
    min_coverage: Annotated[float, Field(gt=0, le=1)]
    """Share of the prompts that must have all three distances."""


class VaeRoundtrip(Frozen):
    """Pictures encoded and decoded by the autoencoder, in the size of the model's own images."""

    photographs: FolderReference | None
    """A folder of photographs; null takes those that come with installed packages."""
    num_scenes: Count
    """Number of drawn scenes."""
    text_sizes: Counts
    """Font sizes in px; each counts as a separate kind of content."""
    num_texts: Count
    """Number of pictures of text of each size."""
    num_samples: Count
    """Number of samples of the posterior for each picture."""
    num_tiled: Count
    """Number of photographs, and of scenes, that are decoded in tiles."""
    tiled_scale: Annotated[int, Field(ge=2)]
    """Side of those pictures, in tiles of the autoencoder."""
    decoders: dict[str, PinnedFile]
    """Other decoders of the same latents, by name: diffusers folders of an AutoencoderTiny (TAEF1)
    or AutoencoderKL."""


class PromptBenchmark(Frozen):
    """A benchmark on the prompts of the model's own set."""

    num_prompts: Count
    """Number of prompts of each phase, from the first; all, if there are fewer."""


class Throughput(Frozen):
    """Images for each second by batch size, on the machine that runs it."""

    batch_sizes: Counts
    """The largest is also the number of images drawn with each size; 1 is always added."""
    num_repeats: Count
    """How often the images are drawn."""


class Profile(Frozen):
    """How the time of one image is divided among the parts of the model."""

    num_repeats: Count
    """Number of images that are measured, after a warm-up image."""


class Compile(Frozen):
    """Compile time of `torch.compile`, and the speed that it gains."""

    arms: Annotated[tuple[CompileArm, ...], Field(strict=False)]
    """Arms beside `off`, which is always measured."""
    num_repeats: Count
    """Number of forwards that are measured, after the first one."""


class Quantization(Frozen):
    """Effects of weights with fewer bits."""

    num_bits: Annotated[tuple[Literal[8, 4], ...], Listed]
    parts: Annotated[tuple[Part | Literal["all"], ...], Listed]
    """Part of the model that is quantized; `all` is the three together."""
    group_size: Count
    """Number of inputs that share a scale with 4 bits; with 8 bits all inputs of an output do."""
    num_prompts: Count
    """Number of prompts, an equal share from every category."""
    num_seeds: Count


class ProbeConcepts(Frozen):
    """Which stated attributes pictures lack, and which unstated ones they favor."""

    level: Annotated[float, Field(gt=0, lt=1)]
    """Chance of any false flag, once among the pairs and once among the unstated attributes."""
    margin: Annotated[float, Field(ge=0, lt=0.5)]
    """How far the most frequent value of an attribute may exceed an even share and not matter."""


class BakedGuidance(Frozen):
    """The guidance scale at which a base model's pictures are most like its turbo's."""

    distance: DistanceName
    """The distance whose confidence set is the answer; all are reported."""
    level: Annotated[float, Field(gt=0, lt=1)]
    """Chance that the confidence set lacks the nearest scale."""
    num_groups: Annotated[int, Field(ge=8)]
    """Number of groups of prompts over which the interval of a Fréchet distance is computed."""


class Benchmarks(Frozen):
    """A field for each benchmark, named like its stage: `<name>: <Type> | None = None`."""

    noise_scales: NoiseScales | None = None
    layers: PromptBenchmark | None = None
    refiner: PromptBenchmark | None = None
    vae_roundtrip: VaeRoundtrip | None = None
    conditioning: ConditioningParams | None = None
    embedding_cache: EmbeddingCacheParams | None = None
    padding: PaddingParams | None = None
    schedules: SchedulesParams | None = None
    token_limit: TokenLimitParams | None = None
    throughput: Throughput | None = None
    profile: Profile | None = None
    compile: Compile | None = None
    quantization: Quantization | None = None
    probe_concepts: ProbeConcepts | None = None
    embedding_space: EmbeddingSpace | None = None
    failures: Failures | None = None
    trials: Trials | None = None
    prompt_quality: PromptQuality | None = None
    style_vectors: StyleVectors | None = None
    baked_guidance: BakedGuidance | None = None


def need(entry: Entry | None, name: str) -> Entry:
    """The entry of a benchmark.

    Raises:
        ValueError: params.yaml has no such entry.
    """
    if entry is None:
        raise ValueError(f"params.yaml: benchmarks has no entry {name!r}")
    return entry
