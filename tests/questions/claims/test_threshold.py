"""A mean over a benchmark's units is held to a number."""

import pytest

from tests.support.fakes.fake_claims import claim_of, measure, observe

FIELDS = {"rule": "above", "benchmark": "vae", "metric": "psnr", "variant": "fp32"}


@pytest.mark.parametrize(
    ("mean", "kind", "small"),
    [
        (37.0, "higher", (True, False)),
        (33.0, "lower", (False, True)),
        (35.0, "unresolved", (False, False)),
    ],
)
def test_a_mean_is_seen_on_either_side_of_its_threshold(
    mean: float, kind: str, small: tuple[bool, bool]
) -> None:
    measured = measure(observations={"vae": observe({"fp32": mean})})
    above = claim_of(**FIELDS, threshold=35.01).weigh(measured)
    assert [rival.kind for rival in above.rivals] == [kind]
    assert (above.p_if_false < 0.001, above.p_if_true < 0.001) == small
    below = claim_of(**FIELDS | {"rule": "below"}, threshold=35.01).weigh(measured)
    assert (below.p_if_false, below.p_if_true) == (above.p_if_true, above.p_if_false)


def test_units_that_all_fail_are_evidence_on_a_share_and_none_on_a_number() -> None:
    failed = [row._replace(value=0.0) for row in observe({"fp32": 1.0})]
    measured = measure(observations={"vae": failed})
    fields = FIELDS | {"rule": "below", "threshold": 0.5}
    share = claim_of(**fields, bounds=[0, 1]).weigh(measured)
    assert share.p_if_false < 0.01
    assert share.rivals[0].low == 0.0 and share.rivals[0].kind == "lower"
    number = claim_of(**fields).weigh(measured)
    assert number.status == "inconclusive" and "12 units agree too exactly" in number.reason
    few = claim_of(**fields).weigh(measure(observations={"vae": failed[:7]}))
    assert few.reason == "7 units, 8 needed"


def test_it_says_what_decides_and_its_table_is_of_values() -> None:
    claim = claim_of(**FIELDS, threshold=35, categories=["scene"])
    assert claim.describe() == "the mean of psnr of scene in `vae` (fp32) is above 35"
    assert claim.rival_table() == ("psnr", 3, 35.0)
