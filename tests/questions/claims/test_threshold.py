"""A mean over a benchmark's units is held to a number."""

import pytest

from tests.support.fakes.fake_claims import claim_of, measure, observe
from tests.support.fakes.fake_reports import p_of, word_of

FIELDS = {"rule": "above", "benchmark": "vae", "metric": "psnr", "variant": "fp32"}


@pytest.mark.parametrize(
    ("mean", "word", "small"),
    [
        (37.0, "above", (True, False)),
        (33.0, "below", (False, True)),
        (35.0, "open", (False, False)),
    ],
)
def test_a_mean_is_seen_on_either_side_of_its_threshold(
    mean: float, word: str, small: tuple[bool, bool]
) -> None:
    measured = measure(observations={"vae": observe({"fp32": mean})})
    above = claim_of(**FIELDS, threshold=35.01).weigh(measured)
    assert [rival.word for rival in above.rivals] == [word]
    assert (p_of(above, "yes") < 0.001, p_of(above, "no") < 0.001) == small
    below = claim_of(**FIELDS | {"rule": "below"}, threshold=35.01).weigh(measured)
    assert (p_of(below, "yes"), p_of(below, "no")) == (p_of(above, "no"), p_of(above, "yes"))


def test_units_that_all_fail_are_evidence_on_a_share_and_none_on_a_number() -> None:
    failed = [row._replace(value=0.0) for row in observe({"fp32": 1.0})]
    measured = measure(observations={"vae": failed})
    fields = FIELDS | {"rule": "below", "threshold": 0.5}
    share = claim_of(**fields, bounds=[0, 1]).weigh(measured)
    assert p_of(share, "yes") < 0.01
    assert share.rivals[0].low == 0.0 and share.rivals[0].word == "below"
    number = claim_of(**fields).weigh(measured)
    assert number.status == "inconclusive" and "12 units agree too exactly" in number.reason
    few = claim_of(**fields).weigh(measure(observations={"vae": failed[:7]}))
    assert few.reason == "7 units, 8 needed"


def test_it_says_what_decides_and_its_table_is_of_values() -> None:
    claim = claim_of(**FIELDS, threshold=35, categories=["scene"])
    assert claim.describe() == "the mean of psnr of scene in `vae` (fp32) is above 35"
    assert claim.rival_table() == ("psnr", 3, 35.0, False)


@pytest.mark.parametrize(
    ("mean", "above", "below"),
    [
        (37.0, "yes: more", "no: more"),
        (35.4, "yes: less", "no: less"),
        (34.98, "no: no_difference", "no: no_difference"),
        (33.0, "no: worse_more", "yes: worse_more"),
    ],
)
def test_with_a_margin_the_distance_is_graded(mean: float, above: str, below: str) -> None:
    measured = measure(observations={"vae": observe({"fp32": mean})})
    for rule, word in (("above", above), ("below", below)):
        claim = claim_of(**FIELDS | {"rule": rule}, threshold=34.99, margin=1.0)
        assert word_of(claim.weigh(measured)) == word
