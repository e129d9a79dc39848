"""Rewordings keep what a prompt states, count the model's tokens, and are off when neutral."""

from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerBase

from calibration.data.corpus import FILLERS
from tests.support.projects.default_settings import make_settings
from tests.support.repository import ROOT
from zimage_eval.config.model_spec import load_model_spec
from zimage_eval.config.settings import Settings
from zimage_eval.prompts.scenes.captions import CONVERSES
from zimage_eval.prompts.scenes.parsing import parse_caption, split_caption
from zimage_eval.prompts.sets import load_prompt_set
from zimage_eval.text.chat_format import format_prompt
from zimage_eval.text.encoder import load_tokenizer
from zimage_eval.text.wordings import (
    Wording,
    read_wordings,
    word_prompt,
    word_prompts,
    wording_key,
    write_wordings,
)

SCENES = [prompt.text for prompt in load_prompt_set(ROOT / "prompts/scenes")]
NATURAL = [prompt.text for prompt in load_prompt_set(ROOT / "prompts/natural")]
RELATED = "a picture of a red star left of a small blue letter H, and a lime ring on plain paper"
FILLER = ("the day is calm", "a clock ticks")


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return load_tokenizer(ROOT / "models/nano")


def worded(tokenizer: PreTrainedTokenizerBase, text: str, **leaves: object) -> str:
    return word_prompt(text, make_settings(**leaves), tokenizer, FILLER)


def length(tokenizer: PreTrainedTokenizerBase, text: str, settings: Settings) -> int:
    return len(tokenizer("".join(format_prompt(tokenizer, text, settings.encoder))).input_ids)


def test_neutral_settings_leave_every_byte(tokenizer: PreTrainedTokenizerBase) -> None:
    for text in (*SCENES, *NATURAL, "  spaces  stay.\n", ""):
        assert worded(tokenizer, text) == text


def test_words_around_a_prompt(tokenizer: PreTrainedTokenizerBase) -> None:
    prefix = {"prefix": "a crisp picture of"}
    assert worded(tokenizer, "a ring", **prefix) == "a crisp picture of a ring"
    assert worded(tokenizer, RELATED, own_lead=False, **prefix).startswith(
        "a crisp picture of a re"
    )
    assert worded(tokenizer, "A cup on a table.", **prefix) == (
        "a crisp picture of a cup on a table."
    )
    assert worded(tokenizer, "Sofia at night.", **prefix) == "a crisp picture of Sofia at night."
    assert worded(tokenizer, "A cup.", suffix="in fog") == "A cup in fog"
    assert worded(tokenizer, "A cup.", suffix=", in fog") == "A cup, in fog"
    assert worded(tokenizer, "A drawing of a cup.", own_lead=False) == "A drawing of a cup."


def test_swapped_clauses_state_the_same(tokenizer: PreTrainedTokenizerBase) -> None:
    assert worded(tokenizer, RELATED, word_order="clauses_swapped") == (
        "a picture of a lime ring, and a small blue letter H right of a red star on plain paper"
    )
    listed = "a lime star, a green ring and an orange heart in a frame"
    assert worded(tokenizer, listed, word_order="clauses_swapped") == (
        "an orange heart, a green ring and a lime star in a frame"
    )
    for text in SCENES:
        before = parse_caption(text)
        after = parse_caption(worded(tokenizer, text, word_order="clauses_swapped"))
        assert before is not None and after is not None
        last = len(before.objects) - 1
        assert after.objects == before.objects[::-1]
        assert after.relations == tuple(
            relation.model_copy(
                update={
                    "subject": last - relation.object,
                    "object": last - relation.subject,
                    "relation": CONVERSES[relation.relation],
                }
            )
            for relation in before.relations
        )
        assert (after.background, after.style) == (before.background, before.style)


def test_parts_of_a_caption_are_the_caption() -> None:
    for text in SCENES:
        parts = split_caption(text)
        assert parts is not None and parts.lead + parts.without_lead == text


def test_clauses_of_other_texts_are_unknown(tokenizer: PreTrainedTokenizerBase) -> None:
    settings = make_settings(word_order="clauses_swapped")
    with pytest.raises(ValueError, match=r"^prompt.word_order: clauses_swapped .* not 'A cup.'$"):
        word_prompt("A cup.", settings, tokenizer, FILLER)
    found = word_prompts(["A cup.", "a red ring"], [settings], tokenizer, FILLER)
    assert found[wording_key("a red ring", settings)] == Wording("a red ring", None)
    assert found[wording_key("A cup.", settings)].text is None


def test_other_orders_keep_the_words(tokenizer: PreTrainedTokenizerBase) -> None:
    for text in SCENES[::20]:
        words = text.split()
        assert worded(tokenizer, text, word_order="reversed").split() == words[::-1]
        shuffled = worded(tokenizer, text, word_order="shuffled")
        assert sorted(shuffled.split()) == sorted(words)
        assert shuffled == worded(tokenizer, text, word_order="shuffled")
    assert worded(tokenizer, RELATED, word_order="shuffled") != RELATED


def test_filler_has_as_many_tokens_as_asked_for(tokenizer: PreTrainedTokenizerBase) -> None:
    text = "a red ring"
    for wanted in (1, 2, 5, 13, 60, 300):
        for position in ("before", "after", "both"):
            leaves = {"filler_tokens": wanted, "filler_position": position}
            settings = make_settings(**leaves)
            filled = word_prompt(text, settings, tokenizer, FILLER)
            added = length(tokenizer, filled, settings) - length(tokenizer, text, settings)
            # One less where a sentence begins: its period and its first word come together.
            assert wanted - 1 <= added <= wanted, (leaves, filled)
            whole = make_settings(**leaves, filler_counts="caption", system_prompt="draw")
            filled = word_prompt(text, whole, tokenizer, FILLER)
            bare = length(tokenizer, text, whole)
            found = length(tokenizer, filled, whole)
            assert max(bare, wanted - 1) <= found <= max(bare, wanted)


def test_filler_stands_where_it_is_asked_for(tokenizer: PreTrainedTokenizerBase) -> None:
    def fill(position: str, text: str = "a red ring", tokens: int = 10) -> str:
        return worded(tokenizer, text, filler_tokens=tokens, filler_position=position)

    assert fill("before") == "the day is calm. a clock ticks. a red ring"
    assert fill("after") == "a red ring. the day is calm. a clock ticks"
    assert fill("both") == "the day is calm. a red ring. a clock ticks"
    assert fill("after", "A cup.", 9) == "A cup. the day is calm. a clock ticks"
    assert fill("before", "A cup.") == "the day is calm. a clock ticks. A cup."


def test_wordings_survive_a_table(tmp_path: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    settings = [make_settings(), make_settings(word_order="clauses_swapped")]
    wordings = word_prompts(["A cup.", "a red ring", ""], settings, tokenizer, FILLER)
    write_wordings(tmp_path / "a.parquet", wordings)
    assert read_wordings(tmp_path / "a.parquet") == wordings
    write_wordings(tmp_path / "b.parquet", dict(reversed(wordings.items())))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_fillers_of_nano_are_sentences_that_it_was_trained_beside() -> None:
    for model in ("nano", "nano-base"):
        spec = load_model_spec(ROOT / f"models/{model}.yaml")
        assert spec.filler_sentences == FILLERS
