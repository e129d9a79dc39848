"""What a margin takes: the spread read back from intervals, and the power that is promised."""

import numpy as np
import pytest

from tests.support.fakes.fake_reports import SHARES, at_least, compare, contrast_of, words
from tests.support.fakes.pseudo_studies import read_bank
from tests.support.projects.toy_params import GUIDANCE, TEMPLATES, params, spec
from zimage_eval.cli.commands import main
from zimage_eval.config.variants import expand_variants
from zimage_eval.output.text_tables import render_text
from zimage_eval.questions.contrasts import Margin
from zimage_eval.questions.rules.differs import NO_DIFFERENCE
from zimage_eval.questions.rules.gains import ALL_WORSE
from zimage_eval.statistics.estimates import estimate
from zimage_eval.statistics.power import num_prompts_needed
from zimage_eval.studies.margin_plan import (
    Spread,
    deviation_from_interval,
    margin_table,
    plan_margin,
)
from zimage_eval.studies.plan import predict_seconds
from zimage_eval.studies.summaries import Summary


def row(variant: str, differences: list[float]) -> Summary:
    found = estimate(differences, bounds=(-1, 1))
    return Summary(
        variant,
        "screen",
        "alignment",
        "all",
        len(differences),
        0.5,
        difference=found.mean,
        difference_low=found.low,
        difference_high=found.high,
    )


@pytest.mark.parametrize("loss", [0.0, 0.3, 0.9])
def test_the_spread_is_read_back_from_the_interval(loss: float) -> None:
    """At 0.9 the interval is cut off at -1, and the other side tells."""
    rng = np.random.default_rng(0)
    values = [float(v) for v in np.clip(rng.normal(-loss, 0.2, 64), -1, 1)]
    assert deviation_from_interval(row("x", values)) == pytest.approx(
        np.std(values, ddof=1), rel=1e-6
    )
    assert deviation_from_interval(row("x", [0.0] * 64)) == pytest.approx(0, abs=1e-6)
    with pytest.raises(ValueError, match="has no interval"):
        deviation_from_interval(Summary("x", "screen", "alignment", "all", 4, 0.5))


def test_a_study_is_planned_with_its_own_spread() -> None:
    values = [0.1, -0.1] * 32
    table = [row("guidance_scale=1.0", values)]
    asked = params(baseline={"vary": {}}, guidance=GUIDANCE, again=GUIDANCE)
    own, declared = plan_margin(asked, spec(), {"guidance": table}, 0.1, TEMPLATES)
    assert own.spread[::2] == ("guidance_scale=1.0", 64)
    assert own.spread.deviation == pytest.approx(np.std(values, ddof=1))
    assert declared.spread == Spread("guidance_scale=1.0", spec().planning.alignment_sd, 0)
    assert own.num_prompts == num_prompts_needed(own.spread.deviation, 0.1, is_judged=True)
    assert own.num_prompts < declared.num_prompts
    assert own.contrast_images == own.study_images == 2 * own.num_prompts
    variants = expand_variants(asked.studies["guidance"], spec().defaults)
    seconds = sum(predict_seconds(variant.settings, spec()) for variant in variants)
    assert own.contrast_hours == pytest.approx(own.num_prompts * seconds / 3600)
    text = render_text(margin_table([own, declared], 0.1, spec()))
    assert f"{own.num_prompts}" in text and "0.1" in text.splitlines()[0]


def test_without_a_declared_rival_the_nearest_is_planned_for() -> None:
    scales: dict[str, object] = {"vary": {"sampler": {"guidance_scale": [0.0, 1.0, 2.0]}}}
    table = [row("guidance_scale=1.0", [-0.5] * 40), row("guidance_scale=2.0", [0.0, 0.2] * 20)]
    (plan,) = plan_margin(params(guidance=scales), spec(), {"guidance": table}, 0.1, TEMPLATES)
    assert plan.spread.rival == "guidance_scale=2.0"
    with pytest.raises(ValueError, match="without a judge"):
        plan_margin(params(guidance=scales), spec(judge="none"), {}, 0.1, TEMPLATES)


def test_the_command_plans_the_repositorys_studies(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--margin", "0.05"]) == 0
    printed = capsys.readouterr().out
    assert "to resolve 0.05" in printed
    assert any(line.startswith("shift_steps") for line in printed.splitlines())
    assert main(["plan", "--margin", "0"]) == 2


@pytest.mark.parametrize("margin", [0.05, 0.1])
def test_the_planned_prompts_have_the_power_on_real_scores(margin: float) -> None:
    """Differences of two seeds, as they are and moved by the margin, on the planned prompts."""
    own = read_bank().own["alignment"]
    real = own[:, 0] - own[:, 1]
    needed = num_prompts_needed(float(real.std(ddof=1)), margin, is_judged=True)
    rng, terms = np.random.default_rng(5), Margin(margin, 1.0)
    equivalent = found = 0
    for _ in range(300):
        pairs = own[rng.integers(len(own), size=needed)]
        pairs = rng.permuted(pairs, axis=1)[:, :2]
        differences = pairs[:, 0] - pairs[:, 1]
        same = contrast_of("rival", differences, SHARES)
        equivalent += words([NO_DIFFERENCE.weigh(compare(same, terms=terms))]) == ["supported"]
        worse = contrast_of("rival", np.clip(differences - margin, -1, 1), SHARES)
        found += words([ALL_WORSE.weigh(compare(worse, terms=terms))]) == ["supported"]
    assert at_least(equivalent, 300, 0.78)
    assert at_least(found, 300, 0.78)
