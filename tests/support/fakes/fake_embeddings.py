"""Prompts of scenes and embeddings that hold what a test puts into them."""

import numpy as np
import torch

from tests.support.graph import ROOT
from zimage_eval.benchmarks.shared.content_vectors import (
    CaptionNorm,
)
from zimage_eval.config.model_spec import load_model_spec
from zimage_eval.prompts.scenes.parsing import parse_caption
from zimage_eval.prompts.sets import Prompt
from zimage_eval.text.embeddings import TextEmbeddings

NORM = CaptionNorm(np.ones(8), 1e-5)


def entry(text: str, vectors: np.ndarray) -> TextEmbeddings:
    settings = load_model_spec(ROOT / "models/nano.yaml").defaults.encoder
    words = [f"\N{LATIN CAPITAL LETTER G WITH DOT ABOVE}{word}" for word in text.split()]
    start = ["<|im_start|>", "user", "\N{LATIN CAPITAL LETTER C WITH DOT ABOVE}"]
    tokens = [*start, *words, "<|im_end|>"]
    full = np.concatenate([np.full((3, vectors.shape[1]), 50.0), vectors, vectors[-1:]])
    ids = torch.arange(len(tokens))
    return TextEmbeddings(text, settings, ids, tokens, torch.from_numpy(full).float())


def prompt(name: str, text: str, category: str = "relation") -> Prompt:
    facts = parse_caption(text)
    assert facts is not None
    return Prompt(id=name, category=category, text=text, facts=facts)
