"""A prompt in other words, or among words that say nothing: what the text encoder is given.

Applied to a prompt's text before the chat format. Id, seeds and facts stay the prompt's own, so
pictures of two wordings are pairs. What is judged against a text reads the prompt as written.
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
"""The prompt as written, canonical JSON of `prompt` and `encoder`: fillers count its format too."""

_SMALL_INSIDE: Final = frozenset(
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
"""First words of a sentence that begin small after a prefix; others may be names."""


class Wording(NamedTuple):
    """What is encoded for a prompt, or why these words can't be put so."""

    text: str | None
    error: str | None


Wordings = Mapping[WordingKey, Wording]


def wording_key(text: str, settings: Settings) -> WordingKey:
    """By what a prompt's wording is found."""
    return text, settings.prompt.canonical(), settings.encoder.canonical()


def word_prompts(
    texts: Iterable[str],
    settings: Collection[Settings],
    tokenizer: "PreTrainedTokenizerBase",
    fillers: Sequence[str],
) -> dict[WordingKey, Wording]:
    """The wording of each text under each of the settings; what is impossible says why."""
    wordings: dict[WordingKey, Wording] = {}
    for text, each in itertools.product(texts, settings):
        key = wording_key(text, each)
        if key not in wordings:
            try:
                wordings[key] = Wording(word_prompt(text, each, tokenizer, fillers), None)
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
    """The wordings of all prompts that the images of a study are drawn of."""
    wordings: dict[WordingKey, Wording] = {}
    for phase, prompts in texts.items():
        settings = [each.settings for each in phase_variants(variants, phase, confirm)]
        wordings |= word_prompts(prompts, settings, tokenizer, fillers)
    return wordings


def write_wordings(path: Path, wordings: Wordings) -> None:
    """Write them as a WORDINGS table, sorted."""
    rows = [
        dict(zip(WORDINGS.columns.names, (*key, *wordings[key]), strict=True))
        for key in sorted(wordings)
    ]
    write_table(path, WORDINGS, pa.Table.from_pylist(rows, schema=WORDINGS.columns))


def read_wordings(path: Path) -> Wordings:
    """The content of a WORDINGS table.

    Raises:
        ValueError: the file is missing or is no such table.
    """
    return {
        (row["text"], row["prompt"], row["encoder"]): Wording(row["wording"], row["error"])
        for row in read_table(path, WORDINGS).to_pylist()
    }


def word_prompt(
    text: str, settings: Settings, tokenizer: "PreTrainedTokenizerBase", fillers: Sequence[str]
) -> str:
    """A prompt's text as these settings word it; under neutral ones as it is, byte for byte.

    Args:
        text: as the prompt set has it.
        settings: of the image; the chat format counts where the filler fills up a caption.
        tokenizer: counts the filler's tokens.
        fillers: sentences of the filler, which begins again at the first after the last.

    Raises:
        ValueError: clauses are to be swapped in a text that is no caption of a scene.
    """
    prompt = settings.prompt
    text = _order_words(text if prompt.own_lead else _strip_lead(text), prompt)
    if prompt.prefix:
        first, space, rest = text.partition(" ")
        text = f"{prompt.prefix} {first.lower() if first in _SMALL_INSIDE else first}{space}{rest}"
    if prompt.suffix:
        space = "" if prompt.suffix[0] in ",.;:" else " "
        text = f"{text.removesuffix('.')}{space}{prompt.suffix}"
    if not prompt.filler_tokens:
        return text

    def count(words: str) -> int:
        return len(tokenizer("".join(format_prompt(tokenizer, words, settings.encoder))).input_ids)

    limit = prompt.filler_tokens + (count(text) if prompt.filler_counts == "filler" else 0)
    # A word is a token at least, so more words than tokens never fit.
    num_words = bisect_right(
        range(1, prompt.filler_tokens + 1),
        limit,
        key=lambda n: count(_fill(text, n, prompt, fillers)),
    )
    return _fill(text, num_words, prompt, fillers)


def _fill(text: str, num_words: int, prompt: PromptSettings, fillers: Sequence[str]) -> str:
    """The text beside the first words of the endless filler, in sentences."""
    sentences: list[str] = []
    for sentence in itertools.cycle(fillers):
        if not num_words:
            break
        words = sentence.split()[:num_words]
        sentences.append(" ".join(words))
        num_words -= len(words)
    split = {"before": len(sentences), "after": 0, "both": len(sentences) // 2}
    place = split[prompt.filler_position]
    before, after = sentences[:place], sentences[place:]
    # A text keeps its own period where nothing follows.
    return ". ".join([*before, text.removesuffix(".") if after else text, *after])


def _strip_lead(text: str) -> str:
    parts = split_caption(text)
    return text if parts is None else parts.without_lead


def _order_words(text: str, prompt: PromptSettings) -> str:
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
