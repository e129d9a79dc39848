"""`benchmarks:` of params.yaml: what each benchmark measures, one type a benchmark."""

from typing import Annotated, Literal, TypeVar

from pydantic import Field

from zimage_eval.config.frozen import Frozen
from zimage_eval.config.measuring import FolderReference, PinnedFile
from zimage_eval.config.model_spec import Dtype
from zimage_eval.config.setting_groups import Count, Float

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


class ScheduleRecipe(Frozen):
    """A schedule as somebody recommends it."""

    shift: Annotated[Float, Field(gt=0)]
    num_inference_steps: Count
    guidance_scale: Annotated[Float, Field(ge=0)]


class SchedulesParams(Frozen):
    """Noise levels and transformer evaluations of a call."""

    recipes: dict[str, ScheduleRecipe]
    """By a name; beside these, every schedule of every study is looked at."""


class EmbeddingCacheParams(Frozen):
    """Embeddings from a table against embeddings made anew."""

    num_texts: Count
    """Encodings taken evenly from each study's table."""
    num_images: Count
    """Pictures drawn from both."""
    dtypes: Dtypes
    """Number formats of the text encoder."""


Entry = TypeVar("Entry")
Positive = Annotated[Float, Field(gt=0)]
Relation = Literal["left_of", "right_of", "above", "below"]
WordList = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]


class Trials(Frozen):
    """Prompts that are drawn to see which fail: the studies' own and, of scenes, made ones."""

    num_seeds: Count
    """Of each prompt: with several, a prompt that fails is told from a seed that does."""
    relation_words: dict[Relation, WordList]
    """Ways to say each relation, all on the same pairs of objects."""
    num_object_pairs: Count
    """Pairs of objects that each of those words is said of."""
    num_objects: Counts
    """Numbers of different objects in one picture."""
    prompts_per_number: Count
    """Prompts of each of those numbers."""
    seed: int
    """Of the made prompts."""


class EmbeddingSpace(Frozen):
    """What is read from the text encoder's vectors, with no picture."""

    prompts_per_category: Count
    """The first of each category of the model's prompt set; all, if there are fewer."""
    num_folds: Annotated[int, Field(ge=2)]
    """Parts of the prompts, each predicted from the others."""
    num_permutations: Count
    """Shuffled labels that clusters are compared with."""
    least_per_class: Annotated[int, Field(ge=2)]
    """Prompts that a value of a fact must have to be predicted."""
    seed: int
    """Of folds, clusters, permutations and the map."""


class Attribute(Frozen):
    """Something that a prompt may say of its whole picture or of its objects."""

    kind: Literal["style", "background", "fill"]
    """Kind of fact."""
    value: str
    words: str
    """What is put after a prompt that is no caption of a scene."""


class StyleVectors(Frozen):
    """Directions that are added to embeddings in place of words."""

    attributes: dict[str, Attribute]
    num_fitted: Count
    """Prompts that the directions come from."""
    num_held_out: Count
    """Other prompts, that they are added to."""
    strengths: Annotated[tuple[Positive, ...], Field(strict=False, min_length=1)]
    """Lengths that are added: of a vector over the words, in units of a word's mean length; of
    one over the tokens after them, in units of the difference that the words make there."""
    seed: int
    """Of the random directions."""


class PromptQuality(Frozen):
    """Which features of a prompt predict its pictures' alignment."""

    num_folds: Annotated[int, Field(ge=2)]
    """Parts of the prompts, each predicted from the others."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    """Of the interval around a prediction."""
    seed: int
    """Of the folds."""


class Failures(Frozen):
    """Why prompts fail, whether their embeddings tell, and what helps."""

    num_folds: Annotated[int, Field(ge=2)]
    """Parts of the prompts, each predicted from the others."""
    num_retried: Count
    """Failed prompts that are tried again in other words, fewer words and with other seeds."""
    num_scaled: Count
    """Prompts whose embeddings are drawn at other norms."""
    scales: Annotated[tuple[Positive, ...], Field(strict=False, min_length=1)]
    """Factors on those norms."""
    seed: int
    """Of folds, wordings, and which prompts are retried."""


class NoiseScales(Frozen):
    """Floor and ceiling of distances between pictures, and where every variant lies."""

    batch_size: Count
    """Images denoised together for the floor; another number than the model's."""
    dtype: Dtype
    """Number format of transformer and autoencoder of a further arm, placed like a variant."""
    margin: Annotated[float, Field(gt=0, lt=0.5)]
    """Share of the scale from floor to ceiling that counts as being at one of its ends."""
    min_coverage: Annotated[float, Field(gt=0, le=1)]
    """Share of the prompts that must have all three distances."""


class VaeRoundtrip(Frozen):
    """Pictures through the autoencoder and back; their side is that of the model's own images."""

    photographs: FolderReference | None
    """A folder to take instead of the photographs that come with the packages."""
    num_scenes: Count
    """Drawn scenes."""
    text_sizes: Annotated[tuple[Count, ...], Field(strict=False, min_length=1)]
    """Font sizes in px; each is a kind of content of its own."""
    num_texts: Count
    """Pictures of text of each size."""
    num_samples: Count
    """Samples of the posterior for each picture."""
    num_tiled: Count
    """Photographs, and as many scenes, that are decoded in tiles."""
    tiled_scale: Annotated[int, Field(ge=2)]
    """Side of those pictures, in tiles of the autoencoder."""
    decoders: dict[str, PinnedFile]
    """Other decoders of the same latents, by name: diffusers folders of an AutoencoderTiny (TAEF1)
    or AutoencoderKL."""


class PromptBenchmark(Frozen):
    """What is measured on the prompts of the model's own set."""

    num_prompts: Count
    """The first of each phase; all, if there are fewer."""


Listed = Field(strict=False, min_length=1)
"""A list of YAML, held as a tuple."""
Part = Literal["text_encoder", "transformer", "vae"]


CompileArm = Literal[
    "regional",
    "regional max-autotune-no-cudagraphs",
    "whole",
    "whole reduce-overhead",
    "whole max-autotune",
]
"""Each repeated block or the whole transformer, and torch.compile's mode if not the default one."""


class Throughput(Frozen):
    """Images a second by batch size, on the machine that runs it."""

    batch_sizes: Annotated[tuple[Count, ...], Listed]
    """The largest is also the number of images that each size makes; 1 is always among them."""
    num_repeats: Count
    """How often they are made."""


class Profile(Frozen):
    """Where the seconds of one image go."""

    num_repeats: Count
    """Images that are measured, after one that is not."""


class Compile(Frozen):
    """What `torch.compile` costs at first and gains from then on."""

    arms: Annotated[tuple[CompileArm, ...], Field(strict=False)]
    """Beside `off`, which is always measured."""
    num_repeats: Count
    """Forwards that are measured, after the first one."""


class Quantization(Frozen):
    """What weights of fewer bits change."""

    num_bits: Annotated[tuple[Literal[8, 4], ...], Listed]
    parts: Annotated[tuple[Part | Literal["all"], ...], Listed]
    """Which part of the model has them; `all` is the three together."""
    group_size: Count
    """Inputs that share a scale with 4 bits; with 8 bits it is all of an output's."""
    num_prompts: Count
    """An equal share from every category."""
    num_seeds: Count


class ProbeConcepts(Frozen):
    """What `concept_probe`'s pictures lack and have unasked."""

    level: Annotated[float, Field(gt=0, lt=1)]
    """Chance of any false flag, among the pairs and again among the unsaid attributes."""
    margin: Annotated[float, Field(ge=0, lt=0.5)]
    """How far beyond an even share the commonest value of an attribute may be and not matter."""


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
"""`frequencies` is the squared distance of how often a picture shows each attribute's values."""


class BakedGuidance(Frozen):
    """Under which guidance scale a base draws most as its turbo does."""

    distance: DistanceName
    """The one whose confidence set is the answer; all are reported."""
    level: Annotated[float, Field(gt=0, lt=1)]
    """Chance that the set lacks the nearest scale."""
    num_groups: Annotated[int, Field(ge=8)]
    """Of prompts, which a Fréchet distance's interval is over."""


class Benchmarks(Frozen):
    """One field a benchmark, under the name of its stage: `<name>: <Type> | None = None`."""

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
    """The entry of a benchmark; a ValueError if params.yaml leaves it out."""
    if entry is None:
        raise ValueError(f"params.yaml: benchmarks has no entry {name!r}")
    return entry
