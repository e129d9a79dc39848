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


@pytest.mark.parametrize(("images", "word"), [(1.6, "no: fails"), (1.7, "yes: holds")])
def test_a_ratio_of_two_rows_is_held_to_a_number(images: float, word: str) -> None:
    fields = {"benchmark": "throughput", "metric": "images", "row": "batch=8"}
    claim = claim_of(**fields, rule="at_least", threshold=1.1, over=["batch=1", "batch=2"])
    rows = {"batch=8": {"images": images}, "batch=1": {"images": 1.0}, "batch=2": {"images": 1.5}}
    assert word_of(claim.weigh(measure(results={"throughput": rows})), 0.0) == word
    lacking = claim.weigh(measure(results={"throughput": {"batch=8": {"images": images}}}))
    assert lacking.reason == "throughput measured no images of batch=1 in this run"
    assert claim.describe().endswith("is at least 1.1 times that of `batch=1`, `batch=2`")
