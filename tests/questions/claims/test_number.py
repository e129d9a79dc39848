"""One number is held to another, by equality."""

import pytest

from tests.support.fakes.fake_claims import claim_of, measure
from tests.support.fakes.fake_reports import word_of

FIELDS = {"benchmark": "profile", "row": "vae", "metric": "share"}


@pytest.mark.parametrize(
    ("rule", "value", "holds", "word"),
    [
        ("at_least", 0.5, True, "above"),
        ("at_least", 0.4, False, "below"),
        ("at_most", 0.5, True, "above"),
        ("at_most", 0.6, False, "above"),
        ("at_most", 0.4, True, "below"),
    ],
)
def test_a_number_on_its_threshold_is_at_least_and_at_most_that(
    rule: str, value: float, holds: bool, word: str
) -> None:
    claim = claim_of(**FIELDS, rule=rule, threshold=0.5)
    evidence = claim.weigh(measure(results={"profile": {"vae": {"share": value}}}))
    assert word_of(evidence, 0.0) == ("yes: holds" if holds else "no: fails")
    [rival] = evidence.rivals
    assert (rival.variant, rival.word, rival.gain) == ("vae", word, value)


def test_what_was_not_measured_is_named() -> None:
    claim = claim_of(**FIELDS, rule="at_most", threshold=0.5)
    evidence = claim.weigh(measure(results={"profile": {"vae": {}}}))
    assert evidence.status == "not_testable"
    assert evidence.reason == "profile measured no share of vae in this run"
    assert claim.describe() == "share of `vae` in `profile` is at most 0.5"
    assert claim.rival_table() is None, "the verdict says all"
