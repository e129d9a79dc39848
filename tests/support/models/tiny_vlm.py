"""A random-weight Qwen3-VL folder in the released layout, with a tokenizer of a few words."""

from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2VLImageProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

SPECIAL = (
    *("<unk>", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>"),
    *("<|vision_end|>", "<|image_pad|>", "<|video_pad|>"),
)
WORDS = ("Yes", "yes", " yes", "No", "no", *"abcdefghijklmnopqrstuvwxyz ?.")
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }} {% for part in message.content %}"
    "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part.text }}{% endif %}{% endfor %}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant {% endif %}"
)


def build_tiny_vlm(folder: Path) -> None:
    """Write model, tokenizer and preprocessing; a letter is a token, and so are the answers."""
    vocabulary = {word: index for index, word in enumerate((*SPECIAL, *WORDS))}
    tokens = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    tokens.pre_tokenizer = Split("", "isolated")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=tokens,
        unk_token="<unk>",
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=[*SPECIAL[2:], *WORDS[:5]],
    )
    text: dict[str, object] = {
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "head_dim": 8,
    }
    text |= {"num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": len(vocabulary)}
    text |= {"rope_parameters": {"rope_type": "default", "mrope_section": [2, 1, 1]}}
    vision: dict[str, object] = {
        "hidden_size": 32,
        "intermediate_size": 32,
        "depth": 2,
        "num_heads": 4,
    }
    vision |= {"out_hidden_size": 32, "deepstack_visual_indexes": [0], "patch_size": 8}
    vision |= {"num_position_embeddings": 16}
    config = Qwen3VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=vocabulary["<|image_pad|>"],
        video_token_id=vocabulary["<|video_pad|>"],
        vision_start_token_id=vocabulary["<|vision_start|>"],
        vision_end_token_id=vocabulary["<|vision_end|>"],
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Qwen3VLForConditionalGeneration(config)
    model.save_pretrained(folder)
    sizes: dict[str, object] = {
        "patch_size": 8,
        "size": {"shortest_edge": 256, "longest_edge": 4096},
    }
    Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(**sizes),
        tokenizer=tokenizer,
        video_processor=Qwen3VLVideoProcessor(**sizes),
        chat_template=TEMPLATE,
    ).save_pretrained(folder)
