"""A vision-language model that answers a question about a picture with a probability of yes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zimage_eval.metrics.networks.files import load_whole

if TYPE_CHECKING:
    import torch

ANSWERS = {
    "yes": ("Yes", "yes", "YES", " Yes", " yes", " YES"),
    "no": ("No", "no", "NO", " No", " no", " NO"),
}
"""How a model may spell an answer; each that is one token of its tokenizer counts."""


@dataclass(frozen=True)
class VisionLanguageModel:
    """A model in eval mode, its processor, and the tokens of the two answers."""

    model: Any
    processor: Any
    yes_ids: tuple[int, ...]
    no_ids: tuple[int, ...]

    def yes_probabilities(self, image: np.ndarray, questions: Sequence[str]) -> list[float]:
        """For each question about a picture `(height, width, 3)` uint8, P(yes) in [0, 1].

        P(yes) = p_yes / (p_yes + p_no), from the logits of the first token of the answer. Questions
        are asked one by one: padding in a batch would change the last bits.
        """
        return [
            yes_probability(self._first_logits(image, text), self.yes_ids, self.no_ids)
            for text in questions
        ]

    def _first_logits(self, image: np.ndarray, question: str) -> "torch.Tensor":
        """(vocab_size,) logits of the first token that the model would answer with."""
        import torch
        from PIL import Image

        content = [
            {"type": "image", "image": Image.fromarray(image)},
            {"type": "text", "text": question},
        ]
        inputs = self.processor.apply_chat_template(
            [{"role": "user", "content": content}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        ).to(self.model.device, dtype=self.model.dtype)  # only floating-point inputs change
        with torch.inference_mode():
            outputs = self.model.generate(
                **inputs,
                max_new_tokens=1,
                do_sample=False,
                return_dict_in_generate=True,
                output_logits=True,
            )
        logits: torch.Tensor = outputs.logits[0][0]
        return logits


def yes_probability(logits: "torch.Tensor", yes_ids: Sequence[int], no_ids: Sequence[int]) -> float:
    """p_yes / (p_yes + p_no) from `(vocab_size,)` logits; p is the sum over an answer's tokens."""
    import torch

    rows = logits.double()
    yes, no = (torch.logsumexp(rows[list(ids)], dim=0) for ids in (yes_ids, no_ids))
    return float(torch.sigmoid(yes - no))


def answer_ids(tokenizer: Any, spellings: Sequence[str]) -> tuple[int, ...]:  # noqa: ANN401
    """The tokens that spell an answer whole, each once.

    Two spellings may be one token (some tokenizers drop a leading space); counted twice, it would
    double that answer's probability.

    Raises:
        ValueError: no spelling is one token.
    """
    encoded = [tokenizer.encode(text, add_special_tokens=False) for text in spellings]
    ids = dict.fromkeys(tokens[0] for tokens in encoded if len(tokens) == 1)
    ids.pop(tokenizer.unk_token_id, None)
    if not ids:
        raise ValueError(f"the tokenizer has no single token for {' or '.join(spellings)}")
    return tuple(ids)


@lru_cache(maxsize=1)  # the judge and the metrics share it: it is the largest of all networks
def load_vision_language(folder: Path, device: "torch.device") -> VisionLanguageModel:
    """A model such as Qwen3-VL-Instruct from its folder, in the number format of its files.

    Raises:
        ValueError: weights are missing, or the tokenizer has no token for an answer.
        OSError: the folder lacks tokenizer or preprocessing.
    """
    from transformers import AutoModelForImageTextToText, AutoProcessor

    model = load_whole(AutoModelForImageTextToText, folder, "a vision-language model", "auto")
    processor = AutoProcessor.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
    yes_ids, no_ids = (answer_ids(processor.tokenizer, ANSWERS[name]) for name in ("yes", "no"))
    return VisionLanguageModel(model.to(device), processor, yes_ids, no_ids)
