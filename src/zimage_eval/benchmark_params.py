"""`benchmarks:` of params.yaml: what each benchmark measures, one type a benchmark."""

from typing import Annotated, TypeVar

from pydantic import Field

from zimage_eval.frozen import Frozen
from zimage_eval.measuring import FolderReference, PinnedFile
from zimage_eval.model_spec import Dtype
from zimage_eval.setting_groups import Count

Entry = TypeVar("Entry")


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


class ProbeConcepts(Frozen):
    """What `concept_probe`'s pictures lack and have unasked."""

    level: Annotated[float, Field(gt=0, lt=1)]
    """Chance of any false flag, among the pairs and again among the unsaid attributes."""
    margin: Annotated[float, Field(ge=0, lt=0.5)]
    """How far beyond an even share the commonest value of an attribute may be and not matter."""


class Benchmarks(Frozen):
    """One field a benchmark, under the name of its stage: `<name>: <Type> | None = None`."""

    noise_scales: NoiseScales | None = None
    layers: PromptBenchmark | None = None
    refiner: PromptBenchmark | None = None
    vae_roundtrip: VaeRoundtrip | None = None
    probe_concepts: ProbeConcepts | None = None


def need(entry: Entry | None, name: str) -> Entry:
    """The entry of a benchmark; a ValueError if params.yaml leaves it out."""
    if entry is None:
        raise ValueError(f"params.yaml: benchmarks has no entry {name!r}")
    return entry
