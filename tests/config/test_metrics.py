"""Definitions of metrics are data: they import no arithmetic, and name what is shown where."""

import subprocess
import sys
from typing import get_args

import pytest

from tests.support.graph import MODULES, code_graph
from zimage_eval.benchmarks.prompts.template_worth import WORTH_METRICS
from zimage_eval.config.kinds import FACT_KINDS, TOKEN_CLASSES
from zimage_eval.config.measuring import BackboneName
from zimage_eval.config.metrics import METRICS, PER_TOKEN_CLASS
from zimage_eval.config.set_metrics import set_metrics
from zimage_eval.studies.figures import LEADING_METRICS

ARITHMETIC = "src/zimage_eval/metrics/"


@pytest.mark.parametrize("name", ["metrics", "set_metrics", "kinds"])
def test_definitions_reach_settings_alone(name: str) -> None:
    files = code_graph().reached_files(f"zimage_eval.config.{name}")
    assert all("/config/" in file or file == "src/zimage_eval/__init__.py" for file in files)


def test_definitions_import_no_torch_and_no_numpy() -> None:
    code = "import sys, zimage_eval.config.set_metrics; print({'torch', 'numpy'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    "stage",
    ["collect_headline", "weigh_claims", "render_report", "summarize", "template_worth"],
)
def test_who_only_names_metrics_reaches_no_metric_of_a_picture(stage: str) -> None:
    allowed = ("sets/", "signatures.py", "signing.py", "__init__.py")
    files = code_graph().reached_files(MODULES[stage])
    reached = [file.removeprefix(ARITHMETIC) for file in files if file.startswith(ARITHMETIC)]
    assert [file for file in reached if not file.startswith(allowed)] == []


def test_an_edit_of_a_margin_computes_no_features_and_draws_no_picture() -> None:
    for stage in ("extract_embeddings", "generate_images", "compute_features", "build_reference"):
        files = code_graph().reached_files(MODULES[stage])
        assert "src/zimage_eval/config/metrics.py" not in files, stage


def test_rows_that_repeat_are_there_for_every_kind_and_class() -> None:
    assert {f"fact_{kind}" for kind in FACT_KINDS} <= METRICS.keys()
    names = {f"{name}_{kind}" for name in PER_TOKEN_CLASS for kind in TOKEN_CLASSES}
    assert names == {n for n, metric in METRICS.items() if metric.reads.startswith("embedding")}
    assert len(names) == 18


def test_what_is_shown_where_is_said_by_the_definition() -> None:
    assert LEADING_METRICS == ("alignment", "clip_score", "lpips", "sharpness")
    assert WORTH_METRICS == ("alignment", "clip_score", "sharpness")
    columns = [name for name, metric in METRICS.items() if metric.in_main_table]
    assert columns == [
        *("alignment", "all_facts", "clip_score", "vqa_score", "text_word_accuracy"),
        *("lpips", "dists", "psnr", "ssim", "num_forwards"),
    ]
    assert [n for n, metric in METRICS.items() if metric.in_confirm] == [
        *("alignment", "all_facts", "lpips")
    ]


def test_a_number_is_judged_paired_or_neither_by_what_it_reads() -> None:
    judged = {name for name, metric in METRICS.items() if metric.is_judged}
    assert judged == {
        *("alignment", "all_facts", "alignment_geometric"),
        *(f"fact_{kind}" for kind in FACT_KINDS),
    }
    paired = {name for name, metric in METRICS.items() if metric.is_paired}
    assert {"lpips", "psnr", "identical", "cka_content"} <= paired
    assert not paired & (judged | {"seed_diversity", "clip_score", "effective_rank_pad"})


def test_no_two_metrics_of_sets_and_pictures_share_a_name() -> None:
    names = set_metrics(get_args(BackboneName))
    assert {"fid", "fid_split_half_null", "kid_vae", "cmmd_clip"} <= names.keys()
    assert "fd_inception" not in names and "cmmd_vae" not in names
    assert not names.keys() & METRICS.keys()
