"""The groups of settings, spelled as diffusers spells them, and the values each may have."""

import json
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from zimage_eval.config.frozen import Frozen, shown

Count = Annotated[int, Field(ge=1)]
MOST_TOKENS = 2**13
"""That the text encoder is given at once: what attends to all others grows with their square."""
HiddenLayer = int | Literal["raw_last"] | tuple[int | Literal["raw_last"], ...]
Float = Annotated[float, AfterValidator(lambda value: value + 0.0)]  # -0.0 and 0.0 are one value


def _hidden_layer(value: object) -> object:
    """A layer, or a list of layers as a tuple in order, so that equal sets are equal values."""
    layers = value if isinstance(value, list | tuple) else [value]
    known = all(type(layer) is int or layer == "raw_last" for layer in layers)
    if not known or (layers is value and len(set(layers)) < max(2, len(layers))):
        raise ValueError(
            "must be an index into hidden_states, raw_last, or a list of two or more different "
            f"ones to average, got {shown(value)}"
        )
    if layers is value:
        return tuple(sorted(layers, key=lambda layer: (layer == "raw_last", layer), reverse=True))
    return value


def _encodable(num_tokens: int) -> int:
    if num_tokens > MOST_TOKENS:
        raise ValueError(
            f"attention over {num_tokens} tokens takes tens of gigabytes; allowed: 16 to "
            f"{MOST_TOKENS}"
        )
    return num_tokens


class PromptSettings(Frozen):
    """How a prompt is worded before the chat format; its facts stay as they are.

    The negative prompt stays as it is.
    """

    own_lead: bool
    """Whether a caption of a scene keeps its own first words, such as "a picture of"."""
    word_order: Literal["as_written", "reversed", "shuffled", "clauses_swapped"]
    """Of its words: "shuffled" by a seed from the prompt's text; "clauses_swapped" names a scene's
    objects in the opposite order, "B right of A" for "A left of B", so that all facts stay true."""
    prefix: str
    """Words put before it, such as "a crisp picture of"."""
    suffix: str
    """Words put after it."""
    filler_tokens: Annotated[int, Field(ge=0)]
    """Tokens of the model's filler sentences around all that, as near below as words allow."""
    filler_counts: Literal["filler", "caption"]
    """What these tokens are: of the filler alone, or of the whole caption with its chat format,
    which a filler brings up to that many."""
    filler_position: Literal["before", "after", "both"]
    """Where the filler stands."""

    @property
    def is_neutral(self) -> bool:
        """Whether a prompt stays as it is written."""
        words = self.prefix or self.suffix or self.filler_tokens
        return self.own_lead and self.word_order == "as_written" and not words


class EncoderSettings(Frozen):
    """What the text encoder is asked for."""

    hidden_layer: Annotated[HiddenLayer, BeforeValidator(_hidden_layer)]
    """Index into `hidden_states`: 0 token embedding, -1 after the final norm, -2 Z-Image's own;
    `raw_last`: what the last block gives, before the final norm; or a list of these, whose mean is
    taken after each vector is brought to one size."""
    layer_map: Literal["none", "moments", "ridge"]
    """Whether the layer is mapped to layer -2, by a map fitted on other prompts of the prompt set:
    "moments" gives each channel the mean and deviation it has there, "ridge" is a linear map."""
    chat_template: bool
    """Whether the prompt stands in the user's turn of a chat, or by itself."""
    system_prompt: str
    """Content of a system's turn before it; empty for no such turn."""
    think_block: str | None
    """Content of a think block that opens the assistant's turn; null for no block, which is
    Z-Image's own; an empty block is four tokens."""
    padding_side: Literal["right", "left", "none"]
    """Where pads are put for the encoder to run on, up to `max_sequence_length`; they don't reach
    the caption. Tokens stand at positions 0, 1, ... with pads on the right or without; with pads on
    the left they stand after those, as a tokenizer set to the left would have it."""
    max_sequence_length: Annotated[int, Field(ge=16), AfterValidator(_encodable)]
    """Tokens of a prompt, chat format included, beyond which `long_prompt` acts."""
    long_prompt: Literal["truncate", "pool", "interpolate", "chunk"]
    """What becomes of a longer one: its end is cut off; its embeddings are averaged in stretches
    or interpolated to that many; or it is encoded in chunks of that length, whose embeddings
    follow each other, so that its caption is longer."""

    @model_validator(mode="after")
    def _needs_a_chat(self) -> Self:
        for leaf, none in (("system_prompt", ""), ("think_block", None)):
            value = getattr(self, leaf)
            if not self.chat_template and value != none:
                raise ValueError(
                    f"{leaf}: {shown(value)} needs a chat; allowed with chat_template false: "
                    f"{json.dumps(none)}"
                )
        return self


class SamplerSettings(Frozen):
    """What the denoising loop is asked for."""

    sigma_schedule: Literal["own", "karras", "exponential", "beta", "dynamic_shift"]
    """The scheduler's own spacing of the sigmas, or another one that diffusers names."""
    shift: Annotated[Float, Field(gt=0)]
    """Time shift of the sigmas; not read with a dynamic one."""
    num_inference_steps: Count
    guidance_scale: Annotated[Float, Field(ge=0)]
    """`cond + guidance_scale * (cond - uncond)`: 0.0 is off, the usual CFG scale minus one."""
    negative_prompt: str
    """What the unconditional branch reads; matters when `guidance_scale` is above 0."""


def _distinct_layers(value: object) -> object:
    """A list of layers as a tuple in order, so that equal sets are equal values."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list of layers from 0, got {shown(value)}")
    if any(type(layer) is not int or layer < 0 for layer in value):
        raise ValueError(f"layers are integers from 0, got {shown(list(value))}")
    if len(set(value)) < len(value):
        raise ValueError(f"a layer stands twice in {shown(list(value))}")
    return tuple(sorted(value))


class RefinerSettings(Frozen):
    """What becomes of the blocks that refine a caption before it meets the image."""

    refiner_blend: Annotated[Float, Field(ge=0, le=1.25)]
    """`unrefined + refiner_blend * (refined - unrefined)`: 0 skips the refiner, 1 is its own."""
    dropped_refiner_layers: Annotated[tuple[int, ...], BeforeValidator(_distinct_layers)]
    """Blocks left out, counted from 0 and in order."""
    refiner_attention: bool
    """Whether its blocks have their attention branch."""
    refiner_feed_forward: bool
    """Whether its blocks have their feed-forward branch."""
    refiner_timestep: bool
    """Whether the timestep modulates its blocks, which only weights trained so have."""
    refiner_delta: Literal["own", "random", "linear"]
    """What is added to a caption: what its blocks add; or, for each token, a random vector of the
    same length, which is fixed for its position; or what a linear map of the unrefined token says,
    fitted to these blocks on other prompts of the prompt set."""

    @model_validator(mode="after")
    def _linear_knows_no_timestep(self) -> Self:
        if self.refiner_delta == "linear" and self.refiner_timestep:
            raise ValueError(
                "refiner_delta: 'linear' is one map for all timesteps; allowed with "
                "refiner_timestep true: own, random"
            )
        return self


class RopeSettings(Frozen):
    """Rotary position embedding of the transformer, on axis 0: the caption, then the image."""

    table_length: Annotated[int, Field(ge=34, le=2**17)]
    """Positions of axis 0 (`axes_lens[0]`); a caption of P padded tokens needs P + 2."""
    rope_theta: Annotated[Float, Field(ge=1)]
    """Base of the wavelengths."""
    rope_theta_scope: Literal["all", "caption", "refiner"]
    """Where `rope_theta` holds: on all axes, on axis 0 alone, or in the context refiner alone.
    Elsewhere the model's own does."""
    linear_scaling: Annotated[Float, Field(gt=0)]
    """Positions of axis 0 are divided by it."""
    ntk_scaling: Annotated[Float, Field(gt=0)]
    """The longest wavelength of axis 0 is multiplied by it, the shortest kept."""


class ImageSettings(Frozen):
    """Size of an image in pixels."""

    height: Annotated[int, Field(gt=0)]
    width: Annotated[int, Field(gt=0)]
