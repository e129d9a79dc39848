"""The plan: counts against a count by hand, the formula, one line for bad input."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.projects.toy_params import GUIDANCE, TEMPLATES, params, spec
from tests.support.repository import ROOT
from zimage_eval.cli.commands import main
from zimage_eval.output.text_tables import render_text
from zimage_eval.statistics.power import smallest_effect
from zimage_eval.studies.plan import plan_studies, plan_table


def test_counts_agree_with_a_count_by_hand() -> None:
    (plan,) = plan_studies(params(guidance=GUIDANCE), spec(), TEMPLATES)
    assert plan.num_variants == 2
    assert plan.num_images == 2 * 4 + 2 * 32
    assert plan.num_forwards == (4 + 32) * (8 + 16)
    assert plan.minutes == pytest.approx((plan.num_forwards * 0.5 + plan.num_images * 2.0) / 60)
    # Two pseudo-prompts add 2 / n to the variance of differences between shares of facts.
    sizes = {4: plan.screen_effect, 16: plan.confirm_effect}
    for n, effect in sizes.items():
        deviation = (spec().planning.alignment_sd ** 2 + 2 / n) ** 0.5
        assert effect == pytest.approx(smallest_effect(deviation, n))


def test_what_studies_share_is_drawn_once() -> None:
    layers: dict[str, object] = {"vary": {"encoder": {"hidden_layer": [-2, -1]}}}
    baseline, guidance, again, layer = plan_studies(
        params(baseline={"vary": {}}, guidance=GUIDANCE, again=GUIDANCE, layer=layers),
        spec(),
        TEMPLATES,
    )
    assert baseline.num_images == 4 + 32
    assert guidance.num_images == 4 + 32
    assert again.num_images == again.num_forwards == again.minutes == 0
    assert layer.num_images == 4
    assert baseline.screen_effect is None
    assert layer.confirm_effect is None


def test_larger_images_take_longer() -> None:
    (plan,) = plan_studies(params(size={"vary": {"image": {"height": [128]}}}), spec(), TEMPLATES)
    assert plan.minutes * 60 == pytest.approx((4 + 32) * 6 + 4 * 12)


def test_smallest_effect_is_the_textbooks() -> None:
    # Cohen 1988, d = 0.5, two-sided 5 %, power 80 %: 32 pairs by the normal approximation.
    assert smallest_effect(1.0, 32) == pytest.approx(0.495, abs=0.001)


def test_no_judge_no_effect() -> None:
    (plan,) = plan_studies(params(guidance=GUIDANCE), spec(judge="none"), TEMPLATES)
    assert plan.screen_effect is None
    assert " - " in render_text(plan_table([plan], params(guidance=GUIDANCE), spec(judge="none")))


def test_a_bad_study_is_named() -> None:
    with pytest.raises(ValueError, match=r"studies\.guidance: confirm: no variant is named 'x'"):
        plan_studies(params(guidance=GUIDANCE | {"confirm": "x"}), spec(), TEMPLATES)


def test_bad_input_is_one_line_and_exit_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "params.yaml").write_text("modle: nano\n")
    assert main(["--folder", str(tmp_path), "plan"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "did you mean 'model'" in captured.err


def test_the_command_prints_the_repositorys_plan_without_torch() -> None:
    code = (
        "import sys; from zimage_eval.cli.commands import main; main(['plan']); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    *table, modules = done.stdout.splitlines()
    assert not {"torch", "pandas", "pyarrow", "scipy"} & set(modules.split())
    assert any(line.startswith("shift_steps") for line in table)
