"""Names, comparisons and words that are computed in a sentence."""

import pytest

from zimage_eval.output.results import Results
from zimage_eval.report.citations import (
    cite,
    cited_sources,
    missing_references,
    wrong_references,
)
from zimage_eval.report.pieces import show_name

RESULTS: dict[str, Results] = {
    "failures": {
        "failures": {
            "relation_word=above": {"success_rate": 1.0, "p": 1.0, "num": 6},
            "relation_word=beneath": {"success_rate": 0.25, "p": 0.01, "num": 6},
            "relation_word=on top of": {"success_rate": 0.0, "p": 0.0, "num": 5},
            "relation_word=unasked": {"success_rate": None},
            "checks": {"some_word_fails": 1, "some_pair_fails": 0},
        }
    },
    "quality": {
        "quality": {
            "feature=num_commas": {"correlation": -0.4},
            "feature=has_style": {"correlation": 0.3},
        }
    },
}
SUCCESS = "failures:relation_word=*:success_rate"
ABOVE = "failures:relation_word=above:success_rate"
BENEATH = "failures:relation_word=beneath:success_rate"


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        (f"{{name_of_smallest|{SUCCESS}}}", "on top of"),
        (f"{{smallest|{SUCCESS}|.0%}}", "0%"),
        (f"{{at_smallest|{SUCCESS}|num|.0f}}", "5"),
        (f"{{name_of_largest|{SUCCESS}}}", "above"),
        ("{name_of_strongest|quality:feature=*:correlation}", "number of commas"),
        ("{strongest|quality:feature=*:correlation|.1f}", "\N{MINUS SIGN}0.4"),
        ("{names_at_most|failures:relation_word=*:p|0.05}", '"beneath" and "on top of"'),
        ("{names_at_least|failures:relation_word=*:p|2}", "none"),
        (f"{{difference|{BENEATH}|{ABOVE}|+.2f}}", "\N{MINUS SIGN}0.75"),
        (f"{{ratio|{ABOVE}|{BENEATH}|.1f}}", "4.0"),
        (f"{{compare|{BENEATH}|{ABOVE}|more|less|as much}}", "less"),
        (f"{{compare|{ABOVE}|1|more|less|as much}}", "as much"),
        ("{holds|failures:some_word_fails} {holds|failures:some_pair_fails}", "yes no"),
        ("{word|design}", "no difference that matters"),
        ("{word|unheard}", "\N{EN DASH}"),
        ("{largest|other:row=*:metric|.2f}", "\N{EN DASH}"),
    ],
)
def test_a_piece_is_computed(sentence: str, said: str) -> None:
    assert cite(sentence, RESULTS, {"design": "no difference that matters"}) == said


def test_the_sources_of_pieces_are_found_and_what_they_miss() -> None:
    sentence = f"{{difference|{ABOVE}|quality:feature=none:correlation|.2f}} {{holds|padding:a}}"
    assert cited_sources(sentence) == {"failures", "quality", "padding"}
    assert missing_references(sentence + "{word|design}", RESULTS) == sentence.split(" ")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (f"largst|{SUCCESS}|.0%", "largest"),
        (f"largest|{SUCCESS}", "2 arguments"),
        (f"largest|{ABOVE}|.0%", "no group"),
        (f"largest|{SUCCESS}|rows", "no format"),
        (f"names_at_most|{SUCCESS}|few", "no threshold"),
        ("word|design", "no claim"),
        ("holds|failures", "no check"),
        ("largest|unknown:row=*:metric|.2f", "no result is 'unknown'"),
        ("largest|study:lair=*:metric|.2f", "no variant of study"),
    ],
)
def test_a_wrong_piece_is_named(content: str, problem: str) -> None:
    variants = {"study": ["layer=1", "layer=2"]}
    problems = list(wrong_references(f"{{{content}}}", variants, ["failures"], ["weights"]))
    assert any(problem in line for line in problems), problems


def test_a_right_piece_is_not() -> None:
    variants = {"study": ["layer=1", "layer=2"]}
    sentence = "{largest|study:layer=?:metric|.2f} {word|weights} {ratio|study:layer=1:m|2|.1f}"
    assert list(wrong_references(sentence, variants, [], ["weights"])) == []


def test_a_name_with_a_setting_in_it_stays_as_it_is_written() -> None:
    assert show_name("shift=3.0,num_inference_steps=8", "*") == "`shift=3.0,num_inference_steps=8`"
    assert show_name("layer=-2", "layer=??") == "-2"
