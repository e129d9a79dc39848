"""Wordings: the text that is encoded for a prompt when settings reword, pad or reorder it.

The wording is made before the chat format. Id, seeds and facts stay those of the prompt, so the
pictures of two wordings can be compared in pairs. Metrics that compare a picture with a text read
the prompt as it was written.
"""

import itertools
import random
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa

from zimage_eval.config.params import Phase
from zimage_eval.config.setting_groups import PromptSettings
from zimage_eval.config.settings import Settings
from zimage_eval.config.variants import Variant, phase_variants
from zimage_eval.output.tables import WORDINGS, read_table, write_table
from zimage_eval.prompts.scenes.parsing import split_caption, swap_objects
from zimage_eval.text.chat_format import format_prompt

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

WordingKey = tuple[str, str, str]
"""The prompt as written, canonical JSON of the settings `prompt`, and that of `encoder`, whose chat
format decides how many filler words fit."""

_LOWERED_WORDS: Final = frozenset(
    [
        "A",
        "An",
        "The",
        "One",
        "Two",
        "Three",
        "Four",
        "Five",
        "Six",
        "Seven",
        "Eight",
        "Nine",
        "Ten",
    ]
)
"""First words that become lower case after a prefix; any other first word may be a name."""


class Wording(NamedTuple):
    """The text that is encoded for a prompt, or the error if it can't be worded so."""

    text: str | None
    error: str | None


Wordings = Mapping[WordingKey, Wording]


def wording_key(text: str, settings: Settings) -> WordingKey:
    """The key of a prompt's wording under these settings."""
    return text, settings.prompt.canonical(), settings.encoder.canonical()


def word_prompts(
    texts: Iterable[str],
    settings: Collection[Settings],
    tokenizer: "PreTrainedTokenizerBase | None",
    fillers: Sequence[str],
) -> dict[WordingKey, Wording]:
    """The wording of each text under each of the settings; an impossible one holds its error.

    A tokenizer is needed only where settings ask for a filler.
    """
    wordings: dict[WordingKey, Wording] = {}
    for text, variant_settings in itertools.product(texts, settings):
        key = wording_key(text, variant_settings)
        if key not in wordings:
            try:
                wordings[key] = Wording(
                    word_prompt(text, variant_settings, tokenizer, fillers), None
                )
            except ValueError as error:
                wordings[key] = Wording(None, str(error))
    return wordings


def study_wordings(
    variants: Sequence[Variant],
    confirm: str | None,
    texts: Mapping[Phase, Sequence[str]],
    tokenizer: "PreTrainedTokenizerBase",
    fillers: Sequence[str],
) -> dict[WordingKey, Wording]:
    """The wordings of all prompts of a study, under all of its variants.

    Args:
        variants: of the study.
        confirm: name of the variant that the confirm phase measures beside the baseline.
        texts: prompts of each phase.
        tokenizer: counts the filler's tokens.
        fillers: sentences of the filler.
    """
    wordings: dict[WordingKey, Wording] = {}
    for phase, prompts in texts.items():
        settings = [variant.settings for variant in phase_variants(variants, phase, confirm)]
        wordings |= word_prompts(prompts, settings, tokenizer, fillers)
    return wordings


def write_wordings(path: Path, wordings: Wordings) -> None:
    """Write wordings as a WORDINGS table, sorted by key."""
    rows = [
        dict(zip(WORDINGS.columns.names, (*key, *wordings[key]), strict=True))
        for key in sorted(wordings)
    ]
    write_table(path, WORDINGS, pa.Table.from_pylist(rows, schema=WORDINGS.columns))


def read_wordings(path: Path) -> Wordings:
    """The wordings of a WORDINGS table, by their keys.

    Raises:
        ValueError: the file is missing or is no WORDINGS table.
    """
    return {
        (row["text"], row["prompt"], row["encoder"]): Wording(row["wording"], row["error"])
        for row in read_table(path, WORDINGS).to_pylist()
    }


def word_prompt(
    text: str,
    settings: Settings,
    tokenizer: "PreTrainedTokenizerBase | None",
    fillers: Sequence[str],
) -> str:
    """A prompt's text as these settings word it; neutral settings return it byte for byte.

    Args:
        text: as the prompt set has it.
        settings: of the image; its chat format matters where the filler fills up a caption.
        tokenizer: counts the filler's tokens; None where there is no filler.
        fillers: sentences of the filler, repeated from the first when they are used up.

    Raises:
        ValueError: `word_order` is "clauses_swapped" and the text is no caption of a scene.
    """
    prompt = settings.prompt
    text = _order_words(text if prompt.own_lead else _strip_lead(text), prompt)
    if prompt.prefix:
        first, space, remainder = text.partition(" ")
        first = first.lower() if first in _LOWERED_WORDS else first
        text = f"{prompt.prefix} {first}{space}{remainder}"
    if prompt.suffix:
        space = "" if prompt.suffix[0] in ",.;:" else " "
        text = f"{text.removesuffix('.')}{space}{prompt.suffix}"
    if not prompt.filler_tokens:
        return text
    assert tokenizer is not None, "a filler is counted in tokens"

    def count(words: str) -> int:
        return len(tokenizer("".join(format_prompt(tokenizer, words, settings.encoder))).input_ids)

    limit = prompt.filler_tokens + (count(text) if prompt.filler_counts == "filler" else 0)
    # A word is at least one token, so there are never more words than tokens.
    num_words = bisect_right(
        range(1, prompt.filler_tokens + 1),
        limit,
        key=lambda n: count(_fill(text, n, prompt, fillers)),
    )
    return _fill(text, num_words, prompt, fillers)


def _fill(text: str, num_words: int, prompt: PromptSettings, fillers: Sequence[str]) -> str:
    """The text beside the first `num_words` words of the endlessly repeated filler sentences."""
    sentences: list[str] = []
    for sentence in itertools.cycle(fillers):
        if not num_words:
            break
        words = sentence.split()[:num_words]
        sentences.append(" ".join(words))
        num_words -= len(words)
    num_before = {"before": len(sentences), "after": 0, "both": len(sentences) // 2}
    split = num_before[prompt.filler_position]
    before, after = sentences[:split], sentences[split:]
    # A text keeps its period if nothing follows it.
    return ". ".join([*before, text.removesuffix(".") if after else text, *after])


def _strip_lead(text: str) -> str:
    """The text without the first words of a caption, such as "a picture of "."""
    parts = split_caption(text)
    return text if parts is None else parts.without_lead


def _order_words(text: str, prompt: PromptSettings) -> str:
    """The text with its words in the order of `prompt.word_order`."""
    if prompt.word_order == "as_written":
        return text
    if prompt.word_order == "clauses_swapped":
        parts = split_caption(text)
        if parts is None:
            raise ValueError(
                f"prompt.word_order: clauses_swapped knows captions of scenes alone, not {text!r}"
            )
        return swap_objects(parts)
    words = text.split()
    if prompt.word_order == "reversed":
        words.reverse()
    else:
        random.Random(text).shuffle(words)
    return " ".join(words)
