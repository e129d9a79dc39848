"""A random-weight CLIP folder in the released layout, with a tokenizer of single letters."""

import json
from pathlib import Path

import torch
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPTokenizer,
)

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,"


def build_tiny_clip(folder: Path) -> None:
    """Write model, tokenizer and preprocessing; a letter is a token, 77 are read."""
    size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2}
    size |= {"num_attention_heads": 2, "projection_dim": 8}
    tokenizer = build_letters(folder)
    end = tokenizer.eos_token_id
    text = size | {"vocab_size": len(tokenizer), "max_position_embeddings": 77}
    text |= {"eos_token_id": end, "bos_token_id": tokenizer.bos_token_id, "pad_token_id": end}
    vision = size | {"image_size": 32, "patch_size": 16}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=8))
    model.save_pretrained(folder)
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    CLIPProcessor(image_processor=images, tokenizer=tokenizer).save_pretrained(folder)


def build_letters(folder: Path) -> CLIPTokenizer:
    """CLIP's tokenizer without any merge: each letter is a token, the last of a word another."""
    folder.mkdir(parents=True, exist_ok=True)
    words = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS)]
    vocabulary = {word: index for index, word in enumerate(words)}
    vocabulary |= {"<|startoftext|>": len(words), "<|endoftext|>": len(words) + 1}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77
    )
