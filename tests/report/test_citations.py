import pytest

from zimage_eval.output.results import Results
from zimage_eval.report.citations import cite, cited_sources, missing_references

RESULTS: dict[str, Results] = {
    "guidance": {
        "guidance": {
            "guidance_scale=0.5": {"alignment": 0.92345, "num_forwards": 16, "kid": None},
            "a=1,b=-2+-3": {"drift": -0.000012},
        }
    }
}


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("reaches {guidance:guidance_scale=0.5:alignment}.", "reaches 0.923."),
        ("{guidance:guidance_scale=0.5:alignment:.1%}", "92.3%"),
        ("{guidance:guidance_scale=0.5:num_forwards:.0f} forwards", "16 forwards"),
        ("{guidance:a=1,b=-2+-3:drift}", "\N{MINUS SIGN}1.2e\N{MINUS SIGN}05"),
        ("{guidance:guidance_scale=0.5:kid}", "\N{EN DASH}"),
        ("{other:x:y}", "\N{EN DASH}"),
        ("no {reference} at all", "no {reference} at all"),
    ],
)
def test_numbers_are_looked_up(sentence: str, said: str) -> None:
    assert cite(sentence, RESULTS) == said


def test_what_has_no_number_is_found() -> None:
    sentence = "{guidance:guidance_scale=0.5:alignment} {guidance:nobody:alignment:.2f} {b:c:d}"
    assert missing_references(sentence, RESULTS) == ["{guidance:nobody:alignment:.2f}", "{b:c:d}"]
    assert cited_sources(sentence) == {"guidance", "b"}
