"""A benchmark may have tested itself."""

from tests.support.fakes.fake_claims import claim_of, measure
from tests.support.fakes.fake_reports import p_of
from zimage_eval.questions.evidence import Evidence

CLAIM = claim_of(rule="tested", benchmark="probe", row="grid", p_value="p_value", size="num_images")


def weigh(p_value: float | None) -> Evidence:
    row = {"p_value": p_value, "num_images": 792}
    return CLAIM.weigh(measure(results={"probe": {"grid": row}}))


def test_its_p_value_speaks_for_the_claim_and_never_against_it() -> None:
    for p_value in (0.001, 0.9):
        evidence = weigh(p_value)
        assert (p_of(evidence, "yes"), p_of(evidence, "no")) == (p_value, 1.0)
        assert (evidence.status, evidence.num_prompts) == ("weighed", 792)
    assert weigh(None).reason == "benchmark probe has no p_value of grid"


def test_it_says_what_decides() -> None:
    assert CLAIM.describe() == "the test of `grid` in `probe` (p_value)"
