"""The chat format is what the tokenizer's own template writes, part by part."""

from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerBase

from tests.support.projects.default_settings import make_settings
from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.text.chat_format import format_prompt
from zimage_eval.text.encoder import TextSide, load_text_side
from zimage_eval.text.encoding import encode_prompts

FLOAT32 = DtypeSettings(text_encoder="float32", transformer="float32", vae="float32")
PROMPTS = ["a red circle", "", " two\n\nlines ", "\N{BLACK SQUARE} 一只猫 🐈 <think>"]
USER_PREFIX, CLOSING = 3, 5  # <|im_start|> user \n, and <|im_end|> \n <|im_start|> assistant \n


@pytest.fixture(scope="module")
def side(tiny_folder: Path) -> TextSide:
    return load_text_side(tiny_folder, FLOAT32, torch.device("cpu"))


def written(tokenizer: PreTrainedTokenizerBase, prompt: str, **leaves: object) -> str:
    return "".join(format_prompt(tokenizer, prompt, make_settings(**leaves).encoder))


@pytest.mark.parametrize("prompt", PROMPTS)
def test_formats_are_what_the_template_writes(side: TextSide, prompt: str) -> None:
    def template(*system: dict[str, str], thinking: bool = True) -> str:
        messages = [*system, {"role": "user", "content": prompt}]
        return side.tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, enable_thinking=thinking
        )

    assert written(side.tokenizer, prompt) == template()
    assert written(side.tokenizer, prompt, think_block="") == template(thinking=False)
    assert written(side.tokenizer, prompt, system_prompt="Draw.") == template(
        {"role": "system", "content": "Draw."}
    )
    assert written(side.tokenizer, prompt, chat_template=False) == prompt
    text = template() + "<think>\na red one\n</think>\n\n"
    assert written(side.tokenizer, prompt, think_block="a red one") == text


def test_parts_are_the_prompt_and_what_stands_around_it(side: TextSide) -> None:
    parts = format_prompt(side.tokenizer, "user", make_settings(system_prompt="user").encoder)
    assert parts.prompt == "user"
    assert parts.before.endswith("<|im_start|>user\n")
    assert parts.after == "<|im_end|>\n<|im_start|>assistant\n"


def embed(side: TextSide, prompt: str, **leaves: object) -> torch.Tensor:
    [embeds] = encode_prompts(*side, [prompt], make_settings(**leaves).encoder)
    return embeds


def test_an_empty_think_block_adds_four_tokens_behind_and_changes_none(side: TextSide) -> None:
    plain = embed(side, "a red circle")
    for block, extra in (("", 4), ("a star", 7)):
        thought = embed(side, "a red circle", think_block=block)
        assert len(thought) == len(plain) + extra
        # <think> \n\n </think> \n\n; with words in it, the first break is two
        assert torch.equal(thought[: len(plain)], plain)  # the encoder is causal


def test_a_system_prompt_changes_the_prompts_own_tokens(side: TextSide) -> None:
    plain = embed(side, "a red circle")
    told = embed(side, "a red circle", system_prompt="a star")
    own = slice(-len(plain) + USER_PREFIX, None)
    assert len(told) > len(plain)
    assert not torch.allclose(told[own], plain[USER_PREFIX:], atol=1e-3)


def test_without_the_template_the_prompts_tokens_are_alone(side: TextSide) -> None:
    plain, bare = embed(side, "a red circle"), embed(side, "a red circle", chat_template=False)
    assert len(bare) == len(plain) - USER_PREFIX - CLOSING
