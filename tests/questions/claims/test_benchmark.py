"""Arms of a benchmark are weighed by the rules of studies, on the benchmark's own units."""

import pytest

from tests.support.fakes.fake_claims import claim_of, measure, observe
from tests.support.fakes.fake_reports import p_of
from zimage_eval.output.observations import Measurement

FIELDS = {
    "rule": "no_difference",
    "benchmark": "vae",
    "metric": "psnr",
    "better": "higher",
    "baseline": "fp32",
    "rivals": ["bf16"],
    "margin": 1.0,
}


@pytest.mark.parametrize(("bf16", "is_equal"), [(36.9, True), (30.0, False)])
def test_a_benchmark_is_weighed_by_the_same_rules(bf16: float, is_equal: bool) -> None:
    measured = measure(observations={"vae": observe({"fp32": 37.0, "bf16": bf16})})
    evidence = claim_of(**FIELDS).weigh(measured)
    small = (p_of(evidence, "yes") < 0.001, p_of(evidence, "no") < 0.001)
    assert small == (is_equal, not is_equal)


def test_an_arm_of_chance_is_averaged_beside_one_that_was_made_once() -> None:
    once = observe({"mode": 37.0})
    drawn = [
        Measurement("sample", row.unit, r, row.category, row.metric, (row.value or 0.0) + r + n % 2)
        for n, row in enumerate(once)
        for r in (0, 1)
    ]
    claim = claim_of(**FIELDS | {"baseline": "mode", "rivals": ["sample"], "margin": 2.0})
    evidence = claim.weigh(measure(observations={"vae": once + drawn}))
    assert evidence.num_prompts == 12 and evidence.rivals[0].gain == pytest.approx(1.0)
    failed = [row._replace(value=None) if row.replicate else row for row in drawn]
    blocked = claim.weigh(measure(observations={"vae": once + failed}))
    assert blocked.status == "inconclusive" and "0% of the pairs" in blocked.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"metric": "ssim"}, "has no ssim here"),
        ({"categories": ["scene"]}, "has no psnr here"),
        ({"rivals": ["fp8"]}, "no rival named 'fp8'"),
        ({"rivals": ["fp32"]}, "no rival named 'fp32'"),
        ({"baseline": "fp16"}, "no arm 'fp16'"),
    ],
)
def test_what_is_not_there_is_named(change: dict[str, object], reason: str) -> None:
    measured = measure(observations={"vae": observe({"fp32": 37.0, "bf16": 36.0})})
    evidence = claim_of(**FIELDS | change).weigh(measured)
    assert evidence.status == "not_testable" and reason in evidence.reason


def test_it_says_what_decides_and_how_finely_its_differences_are_shown() -> None:
    claim = claim_of(**FIELDS | {"categories": ["photograph", "scene"], "margin": 0.005})
    assert claim.describe() == (
        "`no_difference` over psnr of photograph, scene in `vae`, against `fp32`, margin 0.005"
    )
    assert claim.describe_primary() == claim.describe()
    assert claim.rival_table() == ("psnr", 4, None, False)
    assert claim_of(**FIELDS).rival_table() == ("psnr", 3, None, False)


def test_a_range_is_named_by_the_rule_that_asks_about_one() -> None:
    with pytest.raises(ValueError, match="in_range needs it"):
        claim_of(**FIELDS | {"rule": "in_range"})
    with pytest.raises(ValueError, match="in_range needs it"):
        claim_of(**FIELDS | {"inside": ["bf16"]})
    claim = claim_of(**FIELDS | {"rule": "in_range", "inside": ["bf16"]})
    evidence = claim.weigh(measure(observations={"vae": observe({"fp32": 37.0, "bf16": 39.0})}))
    assert evidence.sets == (("all", ("bf16",)),)


def test_units_of_one_arm_alone_may_be_left_out_or_count_as_missing() -> None:
    both = observe({"fp32": 37.0, "bf16": 36.9})
    lacking = {f"photo-{unit}" for unit in (9, 10, 11)}
    rows = [row for row in both if row.variant == "fp32" or row.unit not in lacking]
    measured = measure(observations={"vae": rows})
    counted = claim_of(**FIELDS).weigh(measured)
    assert counted.status == "inconclusive" and "75% of the pairs" in counted.reason
    shared = claim_of(**FIELDS | {"shared_units": True}).weigh(measured)
    assert shared.status == "weighed" and shared.num_prompts == 9
