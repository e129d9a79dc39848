"""Tables of a page: the claimed metrics that no figure of their study shows."""

from pydantic import TypeAdapter

from tests.support.fakes.fake_summaries import DEFAULTS, FULL, number, summarize
from zimage_eval.config.params import Study
from zimage_eval.config.variants import expand_variants
from zimage_eval.questions.claims.claim import Claim
from zimage_eval.questions.claims.kinds import AnyClaim
from zimage_eval.report.studies import StudyReport, page_values

FIELDS: dict[str, object] = {"question": "?", "prompts": "main", "variants": {}, "confirm": None}
STUDY = Study.model_validate(FIELDS | {"vary": {"encoder": {"hidden_layer": [-1, -2]}}})
VARIANTS = expand_variants(STUDY, DEFAULTS)
REPORT = StudyReport(
    "layers",
    STUDY,
    VARIANTS,
    [
        row
        for place, variant in enumerate(VARIANTS)
        for row in summarize(
            variant.name, coverage=FULL, alignment=number(0.5), sharpness=number(100.0 + place)
        )
    ],
)


def claim(metric: str, study: str = "layers") -> Claim:
    fields = {"rule": "higher", "study": study, "metric": metric, "phase": "screen"}
    return TypeAdapter[Claim](AnyClaim).validate_python(fields | {"rivals": "all"})


def test_a_primary_claims_metric_stands_open_and_a_minor_ones_is_folded() -> None:
    text = page_values([claim("sharpness"), claim("alignment")], [REPORT])
    assert text.startswith("sharpness of all variants of layers:")
    assert "`hidden_layer=-1` | 100 [100, 100]" in text and "<details" not in text
    assert "<details" in page_values([claim("alignment"), claim("sharpness")], [REPORT])


def test_each_table_stands_once_and_figures_are_not_repeated() -> None:
    twice = page_values([claim("sharpness"), claim("sharpness")], [REPORT])
    assert twice.count("| `hidden_layer=-1` |") == 1
    assert page_values([claim("alignment"), claim("sharpness", "another")], [REPORT]) == ""
