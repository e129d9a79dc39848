"""Padding and long prompts: what the encoder runs on, against ZImagePipeline and by hand."""

from pathlib import Path

import pytest
import torch
from diffusers import ZImagePipeline

from tests.support.projects.default_settings import make_settings
from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.text.chat_format import NO_TOKEN
from zimage_eval.text.encoder import TextSide, load_text_side
from zimage_eval.text.encoding import encode_layers, encode_prompts
from zimage_eval.text.tokens import EncoderInput, tokenize

FLOAT32 = DtypeSettings(text_encoder="float32", transformer="float32", vae="float32")
SHORT = "a small blue star on a black background"
LONG = " and ".join(f"a {color} circle" for color in ("red", "green", "blue", "yellow") * 4)
LIMIT = 24


@pytest.fixture(scope="module")
def side(tiny_folder: Path) -> TextSide:
    return load_text_side(tiny_folder, FLOAT32, torch.device("cpu"))


def inputs_of(side: TextSide, text: str, **leaves: object) -> EncoderInput:
    settings = make_settings(**{"max_sequence_length": LIMIT, **leaves}).encoder
    return tokenize(side.tokenizer, text, settings)


def embed(side: TextSide, text: str, **leaves: object) -> torch.Tensor:
    settings = make_settings(**{"max_sequence_length": LIMIT, **leaves}).encoder
    return encode_prompts(*side, [text], settings)[0]


@pytest.mark.parametrize("text", [SHORT, LONG, ""])
def test_left_padding_is_the_pipeline_with_a_tokenizer_set_to_the_left(
    side: TextSide, tiny_folder: Path, text: str
) -> None:
    pipe = ZImagePipeline.from_pretrained(tiny_folder)
    pipe.tokenizer.padding_side = "left"
    [expected], _ = pipe.encode_prompt(
        text, do_classifier_free_guidance=False, max_sequence_length=LIMIT
    )
    found = embed(side, text, padding_side="left")
    assert torch.equal(found, expected) and found.isfinite().all()
    assert side.tokenizer.padding_side == "right"


def test_no_padding_is_a_forward_of_the_tokens_alone(side: TextSide) -> None:
    found = inputs_of(side, SHORT, padding_side="none")
    [chunk] = found.chunks
    assert chunk.mask.all() and chunk.input_ids.shape == (1, len(found.token_ids))
    with torch.no_grad():
        states = side.text_encoder(chunk.input_ids, output_hidden_states=True).hidden_states
    assert torch.equal(embed(side, SHORT, padding_side="none"), states[-2][0])


@pytest.mark.parametrize("padding_side", ["left", "none"])
def test_padding_moves_nothing_but_last_bits(side: TextSide, padding_side: str) -> None:
    right = embed(side, SHORT, padding_side="right")
    assert torch.allclose(embed(side, SHORT, padding_side=padding_side), right, atol=1e-4)


@pytest.mark.parametrize("mode", ["pool", "interpolate", "chunk"])
@pytest.mark.parametrize("padding_side", ["right", "left", "none"])
def test_modes_for_long_prompts_leave_others_alone(
    side: TextSide, mode: str, padding_side: str
) -> None:
    for text in ("", SHORT):
        plain = embed(side, text, padding_side=padding_side)
        assert torch.equal(embed(side, text, padding_side=padding_side, long_prompt=mode), plain)


def test_truncation_keeps_the_beginning(side: TextSide) -> None:
    cut, whole = inputs_of(side, LONG), inputs_of(side, LONG, max_sequence_length=512)
    assert torch.equal(cut.token_ids, whole.token_ids[:LIMIT])
    assert cut.caption_length == LIMIT < whole.caption_length


@pytest.mark.parametrize("mode", ["pool", "interpolate"])
def test_condensed_prompts_come_from_one_forward_of_the_whole(side: TextSide, mode: str) -> None:
    whole = embed(side, LONG, max_sequence_length=512, padding_side="none")
    inputs = inputs_of(side, LONG, long_prompt=mode)
    assert len(inputs.token_ids) == len(whole)
    [entry] = encode_layers(side.text_encoder, inputs, [-2])
    assert entry.prompt_embeds.shape == (LIMIT, whole.shape[1])
    assert inputs.caption_length == LIMIT
    assert entry.token_ids.tolist() == [NO_TOKEN] * LIMIT
    assert entry.tokens[0] == "<|im_start|>" and len(entry.tokens) == LIMIT
    if mode == "interpolate":  # the ends are kept
        assert torch.allclose(entry.prompt_embeds[[0, -1]], whole[[0, -1]], atol=1e-6)


@pytest.mark.parametrize("padding_side", ["right", "left", "none"])
def test_chunks_stand_in_the_chat_format_and_follow_each_other(
    side: TextSide, padding_side: str
) -> None:
    whole = inputs_of(side, LONG, max_sequence_length=512)
    inputs = inputs_of(side, LONG, long_prompt="chunk", padding_side=padding_side)
    assert torch.equal(inputs.token_ids, whole.token_ids)
    assert inputs.tokens == whole.tokens
    assert len(inputs.chunks) == -(-(len(whole.token_ids) - 8) // (LIMIT - 8))
    for chunk in inputs.chunks:
        ids = chunk.input_ids[chunk.mask]
        assert len(ids) <= LIMIT
        assert torch.equal(ids[:3], whole.token_ids[:3])  # <|im_start|> user \n
        assert torch.equal(ids[-5:], whole.token_ids[-5:])
        assert chunk.input_ids.shape[1] == (len(ids) if padding_side == "none" else LIMIT)


def test_a_chunk_is_encoded_as_a_prompt_of_its_own(side: TextSide) -> None:
    inputs = inputs_of(side, LONG, long_prompt="chunk", padding_side="none")
    [entry] = encode_layers(side.text_encoder, inputs, [-2])
    assert len(entry.prompt_embeds) == len(entry.tokens) == inputs.caption_length
    middle = inputs.chunks[1]
    ids = middle.input_ids[:, 3:-5]
    alone = embed(side, side.tokenizer.decode(ids[0]), padding_side="none")
    start = LIMIT - 5  # the first chunk has kept all but its end
    assert torch.allclose(entry.prompt_embeds[start : start + 16], alone[3:-5], atol=1e-5)
    first = embed(side, LONG, max_sequence_length=512)
    assert not torch.allclose(entry.prompt_embeds[start : start + 16], first[start : start + 16])


def test_chunks_without_a_chat_are_cut_anywhere(side: TextSide) -> None:
    inputs = inputs_of(side, LONG, long_prompt="chunk", chat_template=False)
    sizes = [int(chunk.mask.sum()) for chunk in inputs.chunks]
    assert sizes[:-1] == [LIMIT] * (len(sizes) - 1) and 0 < sizes[-1] <= LIMIT
    assert side.tokenizer.decode(inputs.token_ids) == LONG


def test_a_chat_format_that_fills_a_chunk_is_refused(side: TextSide) -> None:
    words = " ".join(["a red circle"] * 9)
    with pytest.raises(ValueError, match=r"^encoder\.max_sequence_length: 24 leaves a chunk no ro"):
        inputs_of(side, LONG, long_prompt="chunk", system_prompt=words)
