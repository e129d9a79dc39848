"""Prompt embeddings equal those that ZImagePipeline makes, bit for bit."""

from pathlib import Path

import pytest
import torch
from diffusers import ZImagePipeline

from tests.support.models.tiny_model import HIDDEN_SIZE, NUM_HIDDEN_LAYERS
from tests.support.projects.as_written import as_written
from tests.support.projects.default_settings import make_settings
from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.config.setting_groups import HiddenLayer
from zimage_eval.config.variants import Variant
from zimage_eval.model.folder import read_limits
from zimage_eval.text.embeddings import TextEmbeddings
from zimage_eval.text.encoder import TextSide, load_text_side
from zimage_eval.text.encoding import encode_layers, encode_prompts
from zimage_eval.text.needed_encodings import PhaseTexts, study_encodings
from zimage_eval.text.tokens import tokenize

PROMPTS = ["a red circle", "", "a small blue star on a black background, 12 of them", "一只猫 🐈"]
FLOAT32 = DtypeSettings(text_encoder="float32", transformer="float32", vae="float32")


@pytest.fixture(scope="module")
def side(tiny_folder: Path) -> TextSide:
    return load_text_side(tiny_folder, FLOAT32, torch.device("cpu"))


@pytest.fixture(scope="module")
def pipe(tiny_folder: Path) -> ZImagePipeline:
    return ZImagePipeline.from_pretrained(tiny_folder)


def encode(
    side: TextSide, text: str, length: int, layers: list[HiddenLayer]
) -> list[TextEmbeddings]:
    settings = make_settings(max_sequence_length=length).encoder
    return encode_layers(side.text_encoder, tokenize(side.tokenizer, text, settings), layers)


@pytest.mark.parametrize("max_sequence_length", [16, 37, 512])
def test_embeddings_equal_the_pipelines_bit_for_bit(
    side: TextSide, pipe: ZImagePipeline, max_sequence_length: int
) -> None:
    settings = make_settings(max_sequence_length=max_sequence_length).encoder
    ours = encode_prompts(*side, PROMPTS, settings)
    for prompt, embeds in zip(PROMPTS, ours, strict=True):
        expected, _ = pipe.encode_prompt(
            prompt, do_classifier_free_guidance=False, max_sequence_length=max_sequence_length
        )
        assert torch.equal(embeds, expected[0])
        assert embeds.shape[0] <= max_sequence_length


def test_prompts_are_left_as_they_were_and_batches_change_nothing(side: TextSide) -> None:
    settings = make_settings(max_sequence_length=64).encoder
    prompts = list(PROMPTS)
    together = encode_prompts(*side, prompts, settings)
    assert prompts == PROMPTS
    for prompt, embeds in zip(PROMPTS, together, strict=True):
        assert torch.equal(embeds, encode_prompts(*side, [prompt], settings)[0])


def test_truncation_drops_the_end_of_the_template(side: TextSide) -> None:
    text = " ".join(["a red circle"] * 20)
    cut = encode(side, text, 16, [-2])[0]
    whole = encode(side, text, 512, [-2])[0]
    assert len(cut.tokens) == 16 < len(whole.tokens)
    assert cut.tokens == whole.tokens[:16]
    assert whole.tokens[-3:] == ["<|im_start|>", "assistant", "Ċ"]
    assert torch.allclose(cut.prompt_embeds, whole.prompt_embeds[:16], atol=1e-5)


def test_hidden_layers_are_counted_as_transformers_counts_them(side: TextSide) -> None:
    layers: list[HiddenLayer] = list(range(-NUM_HIDDEN_LAYERS - 1, NUM_HIDDEN_LAYERS + 1))
    by_layer = {
        entry.settings.hidden_layer: entry.prompt_embeds
        for entry in encode(side, "a red circle", 32, layers)
    }
    entry = encode(side, "a red circle", 32, [0])[0]
    assert torch.equal(by_layer[0], side.text_encoder.embed_tokens(entry.token_ids))
    for layer in range(-NUM_HIDDEN_LAYERS - 1, 0):
        assert torch.equal(by_layer[layer], by_layer[layer + NUM_HIDDEN_LAYERS + 1])
    # -1 comes after the final norm: unit root mean square a token, the norm's weights being 1.
    assert torch.allclose(by_layer[-1].square().mean(1), torch.ones(len(entry.tokens)), atol=1e-2)
    assert entry.prompt_embeds.shape == (len(entry.tokens), HIDDEN_SIZE)
    with pytest.raises(IndexError):
        encode(side, "a red circle", 32, [NUM_HIDDEN_LAYERS + 1])


def variant(name: str, layer: int, guidance_scale: float, *, is_baseline: bool = False) -> Variant:
    settings = make_settings(
        hidden_layer=layer, guidance_scale=guidance_scale, negative_prompt="blurry"
    )
    return Variant(name, settings, is_baseline)


def test_study_asks_for_the_texts_of_its_phases_and_negatives(tiny_folder: Path) -> None:
    limits = read_limits(tiny_folder)
    variants = [
        variant("base", -2, 0.0, is_baseline=True),
        variant("rival", -1, 0.0),
        variant("guided", -2, 1.0),
        variant("too deep", -9, 0.0),
    ]
    wordings = as_written("abc", variants)
    phases: PhaseTexts = {"screen": ["a", "b"], "confirm": ["c"]}
    wanted = study_encodings(variants, "rival", limits, phases, wordings)
    texts = {(text, settings.hidden_layer) for text, settings in wanted}
    assert texts == {
        *(("a", -2), ("b", -2), ("c", -2), ("blurry", -2)),
        *(("a", -1), ("b", -1), ("c", -1)),
    }
    with pytest.raises(ValueError, match="hidden_layer -9: this text encoder has -4 to 3"):
        study_encodings([variants[3]], None, limits, {"screen": ["a"]}, wordings)
