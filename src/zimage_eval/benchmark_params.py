"""`benchmarks:` of params.yaml: what each benchmark measures, one type a benchmark."""

from typing import Annotated, Literal, TypeVar

from pydantic import Field

from zimage_eval.frozen import Frozen
from zimage_eval.setting_groups import Count, Float

Entry = TypeVar("Entry")
Positive = Annotated[Float, Field(gt=0)]
Relation = Literal["left_of", "right_of", "above", "below"]
Words = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
Counts = Annotated[tuple[Count, ...], Field(strict=False, min_length=1)]


class Trials(Frozen):
    """Prompts that are drawn to see which fail: the studies' own and, of scenes, made ones."""

    num_seeds: Count
    """Of each prompt: with several, a prompt that fails is told from a seed that does."""
    relation_words: dict[Relation, Words]
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


class Benchmarks(Frozen):
    """One field a benchmark, under the name of its stage: `<name>: <Type> | None = None`."""

    embedding_space: EmbeddingSpace | None = None
    failures: Failures | None = None
    trials: Trials | None = None
    prompt_quality: PromptQuality | None = None
    style_vectors: StyleVectors | None = None


def need(entry: Entry | None, name: str) -> Entry:
    """The entry of a benchmark; a ValueError if params.yaml leaves it out."""
    if entry is None:
        raise ValueError(f"params.yaml: benchmarks has no entry {name!r}")
    return entry
