"""nano's tokenizer behaves as Qwen3's: template, special tokens, think block, overhead."""

import os
import random
from pathlib import Path

import pytest
from transformers import AutoTokenizer, Qwen2Tokenizer

from calibration.data.tokenizer import build_tokenizer

COLORS = ("red", "blue", "green", "yellow", "purple")
SHAPES = ("circle", "square", "triangle", "star")
TEXTS = [
    f"a {color} {shape} on a {other} background, left of a small {color} {shape}"
    for color in COLORS
    for shape in SHAPES
    for other in COLORS
]
USER = {"role": "user", "content": "a red star"}
SYSTEM = {"role": "system", "content": "Draw well."}
CONVERSATIONS = {
    "user": [USER],
    "system": [SYSTEM, USER],
    "assistant": [USER, {"role": "assistant", "content": "Yes."}],
    "think": [USER, {"role": "assistant", "content": "<think>\nred\n\n</think>\n\n\nYes.\n"}],
    "field": [
        USER,
        {"role": "assistant", "content": "Yes.", "reasoning_content": "\nred, star\n"},
    ],
    "empty_field": [USER, {"role": "assistant", "content": "\nYes", "reasoning_content": ""}],
    "history": [
        SYSTEM,
        USER,
        {"role": "assistant", "content": "<think>\nred\n</think>\n\nYes."},
        {"role": "user", "content": " again \n"},
    ],
    "two_answers": [
        USER,
        {"role": "assistant", "content": "First."},
        {"role": "assistant", "content": "<think>second</think>Second."},
    ],
    "late_system": [USER, SYSTEM, {"role": "assistant", "content": "</think>x"}],
    "only_assistant": [{"role": "assistant", "content": "alone"}],
}


@pytest.fixture(scope="module")
def tokenizer() -> Qwen2Tokenizer:
    return build_tokenizer(TEXTS, 1000)


def render(tokenizer: Qwen2Tokenizer, messages: list[dict], **options: bool) -> str:
    return tokenizer.apply_chat_template(messages, tokenize=False, **options)


def test_prompt_costs_eight_tokens_as_with_qwen3(tokenizer: Qwen2Tokenizer) -> None:
    for text in ("", "a red star", "一只猫 🐈"):
        message = [{"role": "user", "content": text}]
        string = render(tokenizer, message, add_generation_prompt=True, enable_thinking=True)
        assert string == f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
        assert len(tokenizer(string).input_ids) == len(tokenizer(text).input_ids) + 8


def test_think_block_is_four_tokens(tokenizer: Qwen2Tokenizer) -> None:
    open_end = render(tokenizer, [USER], add_generation_prompt=True, enable_thinking=True)
    blocked = render(tokenizer, [USER], add_generation_prompt=True, enable_thinking=False)
    assert blocked == open_end + "<think>\n\n</think>\n\n"
    assert render(tokenizer, [USER], add_generation_prompt=True) == open_end
    extra = tokenizer(blocked).input_ids[len(tokenizer(open_end).input_ids) :]
    assert tokenizer.convert_ids_to_tokens(extra) == ["<think>", "ĊĊ", "</think>", "ĊĊ"]


@pytest.mark.parametrize(
    ("name", "expected"),
    {
        "system": "<|im_start|>system\nDraw well.<|im_end|>\n{user}",
        "assistant": "{user}<|im_start|>assistant\n<think>\n\n</think>\n\nYes.<|im_end|>\n",
        "think": "{user}<|im_start|>assistant\n<think>\nred\n</think>\n\nYes.\n<|im_end|>\n",
        "field": "{user}<|im_start|>assistant\n<think>\nred, star\n</think>\n\nYes.<|im_end|>\n",
        "history": "<|im_start|>system\nDraw well.<|im_end|>\n{user}<|im_start|>assistant\nYes."
        "<|im_end|>\n<|im_start|>user\n again \n<|im_end|>\n",
        "two_answers": "{user}<|im_start|>assistant\nFirst.<|im_end|>\n"
        "<|im_start|>assistant\n<think>\nsecond\n</think>\n\nSecond.<|im_end|>\n",
    }.items(),
)
def test_template_renders_as_qwen3s(tokenizer: Qwen2Tokenizer, name: str, expected: str) -> None:
    user = "<|im_start|>user\na red star<|im_end|>\n"
    assert render(tokenizer, CONVERSATIONS[name]) == expected.replace("{user}", user)


@pytest.mark.skipif("QWEN3_TOKENIZER" not in os.environ, reason="QWEN3_TOKENIZER=<folder> not set")
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_template_equals_the_released_one(tokenizer: Qwen2Tokenizer, name: str) -> None:
    released = AutoTokenizer.from_pretrained(os.environ["QWEN3_TOKENIZER"])
    for options in (
        {},
        {"add_generation_prompt": True},
        {"add_generation_prompt": True, "enable_thinking": True},
        {"add_generation_prompt": True, "enable_thinking": False},
    ):
        messages = CONVERSATIONS[name]
        assert render(tokenizer, messages, **options) == render(released, messages, **options)


def test_unknown_role_is_refused(tokenizer: Qwen2Tokenizer) -> None:
    with pytest.raises(Exception, match="unknown role tool"):
        render(tokenizer, [{"role": "tool", "content": "x"}])


def test_special_tokens_padding_and_whole_words(tokenizer: Qwen2Tokenizer) -> None:
    assert (tokenizer.pad_token, tokenizer.eos_token) == ("<|endoftext|>", "<|im_end|>")
    assert (tokenizer.bos_token, tokenizer.unk_token) == (None, None)
    assert tokenizer.padding_side == tokenizer.truncation_side == "right"
    words = [f" {word}" for word in (*COLORS, *SHAPES, "background", "left")]
    assert all(len(tokenizer(word).input_ids) == 1 for word in words)
    assert len(tokenizer) <= 1000
    assert tokenizer.convert_tokens_to_ids("</think>") == len(tokenizer) - 1
    batch = tokenizer(["a red star", ""], padding="max_length", max_length=6)
    assert batch.attention_mask[1] == [0] * 6
    assert batch.input_ids[0][-1] == tokenizer.pad_token_id
    for text in ("a red star", "  two  spaces\n\n\tcafé 12 猫", "Don't"):
        assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_saved_folder_loads_as_the_same_tokenizer(
    tokenizer: Qwen2Tokenizer, tmp_path: Path
) -> None:
    tokenizer.save_pretrained(tmp_path)
    text = (
        render(tokenizer, CONVERSATIONS["think"]) + " yellow 12 café 猫 <|vision_pad|> <tool_call>"
    )
    for loaded in (
        AutoTokenizer.from_pretrained(tmp_path),
        Qwen2Tokenizer.from_pretrained(tmp_path),
    ):
        assert isinstance(loaded, Qwen2Tokenizer)
        assert loaded(text).input_ids == tokenizer(text).input_ids
        assert loaded.get_vocab() == tokenizer.get_vocab()
        assert loaded.chat_template == tokenizer.chat_template
        assert (loaded.pad_token_id, loaded.padding_side) == (tokenizer.pad_token_id, "right")
        assert loaded.decode(loaded(text).input_ids, skip_special_tokens=True) == tokenizer.decode(
            tokenizer(text).input_ids, skip_special_tokens=True
        )


def test_vocabulary_does_not_depend_on_the_order_of_texts(tokenizer: Qwen2Tokenizer) -> None:
    shuffled = random.Random(0).sample(TEXTS, len(TEXTS))
    assert build_tokenizer(shuffled, 1000).get_vocab() == tokenizer.get_vocab()


def test_too_small_vocabulary_is_refused() -> None:
    with pytest.raises(ValueError, match="vocab_size 290"):
        build_tokenizer(TEXTS, 290)
