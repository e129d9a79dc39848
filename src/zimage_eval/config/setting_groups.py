"""The settings of an image in groups, spelled as in diffusers, and their allowed values."""

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
    """Validate `hidden_layer`: a layer, or a list, which becomes a sorted tuple."""
    layers = value if isinstance(value, list | tuple) else [value]
    are_layers = all(type(layer) is int or layer == "raw_last" for layer in layers)
    if not are_layers or (layers is value and len(set(layers)) < max(2, len(layers))):
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
    """How a prompt is worded before the chat format; facts and negative prompt stay as they are."""

    own_lead: bool
    """Whether a caption of a scene keeps its own first words, such as "a picture of"."""
    word_order: Literal["as_written", "reversed", "shuffled", "clauses_swapped"]
    """Order of its words: "shuffled" uses a seed made from the prompt's text; "clauses_swapped"
    names a scene's objects in the opposite order, "B right of A" for "A left of B", so that all
    facts stay true."""
    prefix: str
    """Words put before it, such as "a crisp picture of"."""
    suffix: str
    """Words put after it."""
    filler_tokens: Annotated[int, Field(ge=0)]
    """Tokens of the model's filler sentences that are put around it, or slightly fewer, because
    words stay whole."""
    filler_counts: Literal["filler", "caption"]
    """Whether `filler_tokens` counts the filler alone, or the whole caption with its chat format,
    which the filler then fills up to that number."""
    filler_position: Literal["before", "after", "both"]
    """Where the filler stands."""

    @property
    def is_neutral(self) -> bool:
        """Whether a prompt stays as it is written."""
        words = self.prefix or self.suffix or self.filler_tokens
        return self.own_lead and self.word_order == "as_written" and not words


class EncoderSettings(Frozen):
    """How the text encoder is run and which of its layers is taken."""

    hidden_layer: Annotated[HiddenLayer, BeforeValidator(_hidden_layer)]
    """Index into `hidden_states`: 0 token embedding, -1 after the final norm, -2 Z-Image's own;
    `raw_last`: output of the last block before the final norm; or a list of these, whose mean is
    taken after each vector is scaled to the same length."""
    layer_map: Literal["none", "moments", "ridge"]
    """Whether the layer is mapped to layer -2, by a map fitted on other prompts of the prompt set:
    "moments" gives each channel the mean and deviation it has there, "ridge" is a linear map."""
    chat_template: bool
    """Whether the prompt is the user's turn of a chat, or stands alone."""
    system_prompt: str
    """Content of a system turn before it; empty for no such turn."""
    think_block: str | None
    """Content of a think block that opens the assistant's turn; null for no block, as in Z-Image;
    an empty block is four tokens."""
    padding_side: Literal["right", "left", "none"]
    """Side on which pads are added for the encoder, up to `max_sequence_length`; they don't reach
    the caption. Tokens have positions 0, 1, ... with pads on the right or without pads; with pads
    on the left they have the positions after those, as with a tokenizer that pads on the left."""
    max_sequence_length: Annotated[int, Field(ge=16), AfterValidator(_encodable)]
    """Most tokens of a prompt, chat format included; `long_prompt` applies beyond."""
    long_prompt: Literal["truncate", "pool", "interpolate", "chunk"]
    """What happens to a longer prompt: its end is cut off; its embeddings are averaged in stretches
    or interpolated to that number; or it is encoded in chunks of that length, whose embeddings are
    joined, so that its caption is longer."""

    @model_validator(mode="after")
    def _needs_a_chat(self) -> Self:
        for name, none in (("system_prompt", ""), ("think_block", None)):
            value = getattr(self, name)
            if not self.chat_template and value != none:
                raise ValueError(
                    f"{name}: {shown(value)} needs a chat; allowed with chat_template false: "
                    f"{json.dumps(none)}"
                )
        return self


class SamplerSettings(Frozen):
    """Settings of the denoising loop."""

    sigma_schedule: Literal["own", "karras", "exponential", "beta", "dynamic_shift"]
    """Spacing of the sigmas: the scheduler's own, or another one by its name in diffusers."""
    shift: Annotated[Float, Field(gt=0)]
    """Time shift of the sigmas; ignored by `dynamic_shift`."""
    num_inference_steps: Count
    guidance_scale: Annotated[Float, Field(ge=0)]
    """`cond + guidance_scale * (cond - uncond)`: 0.0 is off, the usual CFG scale minus one."""
    negative_prompt: str
    """Prompt of the unconditional branch; only used when `guidance_scale` is above 0."""

    @property
    def is_guided(self) -> bool:
        """Whether any step also runs the unconditional branch."""
        return self.num_guided_steps > 0

    @property
    def num_guided_steps(self) -> int:
        """Steps that run the unconditional branch too."""
        return self.num_inference_steps if self.guidance_scale > 0 else 0

    @property
    def forwards_per_image(self) -> int:
        """Transformer evaluations for one image: one a step, and another one a guided step."""
        return self.num_inference_steps + self.num_guided_steps


def _distinct_layers(value: object) -> object:
    """Validate `dropped_refiner_layers`: a list, which becomes a sorted tuple."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list of layers from 0, got {shown(value)}")
    if any(type(layer) is not int or layer < 0 for layer in value):
        raise ValueError(f"layers are integers from 0, got {shown(list(value))}")
    if len(set(value)) < len(value):
        raise ValueError(f"a layer stands twice in {shown(list(value))}")
    return tuple(sorted(value))


class RefinerSettings(Frozen):
    """Changes of the context refiner, whose blocks refine a caption before it meets the image."""

    refiner_blend: Annotated[Float, Field(ge=0, le=1.25)]
    """`unrefined + refiner_blend * (refined - unrefined)`: 0 skips the refiner, 1 is neutral."""
    dropped_refiner_layers: Annotated[tuple[int, ...], BeforeValidator(_distinct_layers)]
    """Indices of the blocks that are left out, from 0, in order."""
    refiner_attention: bool
    """Whether its blocks run their attention branch."""
    refiner_feed_forward: bool
    """Whether its blocks run their feed-forward branch."""
    refiner_timestep: bool
    """Whether the timestep modulates its blocks; only weights that were trained so allow it."""
    refiner_delta: Literal["own", "random", "linear"]
    """What the refiner adds to a token: "own" is what its blocks add; "random" a vector of the same
    length in a direction that is fixed for each position; "linear" what a linear map of the
    unrefined token gives, fitted to these blocks on other prompts of the prompt set."""

    @model_validator(mode="after")
    def _linear_knows_no_timestep(self) -> Self:
        if self.refiner_delta == "linear" and self.refiner_timestep:
            raise ValueError(
                "refiner_delta: 'linear' is one map for all timesteps; allowed with "
                "refiner_timestep true: own, random"
            )
        return self


class RopeSettings(Frozen):
    """Rotary position embedding of the transformer; axis 0 counts the caption, then the image."""

    table_length: Annotated[int, Field(ge=34, le=2**17)]
    """Positions of axis 0 (`axes_lens[0]`); a caption of P padded tokens needs P + 2."""
    rope_theta: Annotated[Float, Field(ge=1)]
    """Base of the wavelengths."""
    rope_theta_scope: Literal["all", "caption", "refiner"]
    """Where `rope_theta` applies: on all axes, on axis 0 only, or in the context refiner only.
    Elsewhere the model's own theta applies."""
    linear_scaling: Annotated[Float, Field(gt=0)]
    """Factor by which positions on axis 0 are divided."""
    ntk_scaling: Annotated[Float, Field(gt=0)]
    """Factor on the longest wavelength of axis 0; the shortest is kept."""


class ImageSettings(Frozen):
    """Size of an image in pixels."""

    height: Annotated[int, Field(gt=0)]
    width: Annotated[int, Field(gt=0)]
