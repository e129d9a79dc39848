"""The study without DVC: folders of its own, and scores that sharding does not change."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from calibration.study import run_study
from calibration.study.score_shards import LINKED, join_tables, split_images
from calibration.study.study_folders import ROOT, Sizes, count_forwards, prepare_folder, study_keys
from stages import compute_scores
from tests.support.graph import STAGES
from tests.support.projects.synthetic_study import write_project
from zimage_eval.config.params import load_params
from zimage_eval.output.tables import IMAGES, read_table, write_table
from zimage_eval.prompts.templates import load_templates

STUDY = "resolution"
TEMPLATES = ROOT / "prompts" / "templates"
TEMPLATES_STUDY = """
  templates: {{question: "?", prompts: main, vary: {{}}, variants: {variants}, confirm: null}}
"""


def made_up_images() -> list[dict[str, str | int]]:
    """Rows of an image table: 5 prompts by 2 variants by 2 seeds, in the order they are drawn."""
    return [
        {
            "variant": variant,
            "phase": "screen",
            "prompt_id": f"p{prompt}",
            "seed": seed,
            "file": f"{variant}/p{prompt}-{seed}.png",
            "num_forwards": 8,
        }
        for variant in ("baseline", "wide")
        for prompt in range(5)
        for seed in (3, 1)
    ]


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """Folder of a study whose pictures are drawn."""
    prepare_folder(tmp_path, "nano", ROOT / "models", STUDY, Sizes(), None)
    images = tmp_path / "data" / "images" / STUDY
    for variant in ("baseline", "wide"):
        (images / variant).mkdir(parents=True)
        (images / variant / "p0-1.png").write_text(variant)
    table = pa.Table.from_pylist(made_up_images(), schema=IMAGES.columns)
    write_table(images / "images.parquet", IMAGES, table)
    return tmp_path


def test_a_folder_has_one_study_at_the_sizes_asked_for(tmp_path: Path) -> None:
    prepare_folder(tmp_path, "mini", ROOT / "models", STUDY, Sizes(40, 3, 12), 256)
    params, whole = load_params(tmp_path / "params.yaml"), load_params(ROOT / "params.yaml")
    assert list(params.studies) == [STUDY] and params.model == "mini"
    assert params.phases.screen.num_prompts == 40 and params.phases.screen.num_seeds == 3
    concepts, before = params.phases_of["concepts"], whole.phases_of["concepts"]
    assert concepts.screen.num_seeds == 12
    assert concepts.screen.num_prompts == before.screen.num_prompts
    assert (params.phases.confirm, concepts.confirm) == (whole.phases.confirm, before.confirm)
    assert "batch_size: 256" in (tmp_path / "models" / "mini.yaml").read_text()


def test_sizes_left_out_are_those_of_the_study(tmp_path: Path) -> None:
    prepare_folder(tmp_path, "nano", ROOT / "models", STUDY, Sizes(), None)
    params, whole = load_params(tmp_path / "params.yaml"), load_params(ROOT / "params.yaml")
    assert (params.phases, params.phases_of) == (whole.phases, whole.phases_of)


def test_forwards_grow_with_prompts_and_seeds(tmp_path: Path) -> None:
    counts = []
    for number, size in enumerate(((32, 1), (32, 2), (64, 2))):
        folder = tmp_path / str(number)
        prepare_folder(folder, "nano", ROOT / "models", STUDY, Sizes(*size), None)
        counts.append(count_forwards(folder))
    confirmed = 128 * 8  # pictures of the baseline, by steps
    screened = [count - confirmed for count in counts]
    assert screened == [5 * 8 * 32, 5 * 8 * 64, 5 * 8 * 128]  # five sizes of pictures


def test_an_unknown_study_is_refused() -> None:
    with pytest.raises(ValueError, match="rope_teta"):
        study_keys(["baseline", "rope_teta"])
    assert study_keys(["baseline"]) == ["baseline"]
    assert study_keys([]) == list(load_params(ROOT / "params.yaml").studies)


def test_shards_hold_every_picture_once_and_whole_prompts(drawn: Path) -> None:
    shards = split_images(drawn, STUDY, 5)
    tables = [
        read_table(shard / "data" / "images" / STUDY / "images.parquet", IMAGES).to_pylist()
        for shard in shards
    ]
    assert [len(table) for table in tables] == [8, 8, 4]
    prompts = [{row["prompt_id"] for row in table} for table in tables]
    assert prompts == [{"p0", "p1"}, {"p2", "p3"}, {"p4"}]
    expected = sorted((row["file"], row["seed"]) for row in made_up_images())
    assert sorted((row["file"], row["seed"]) for table in tables for row in table) == expected


def test_a_shard_sees_the_studys_files(drawn: Path) -> None:
    shard = split_images(drawn, STUDY, 5)[1]
    assert (shard / "data" / "images" / STUDY / "wide" / "p0-1.png").read_text() == "wide"
    assert (shard / "models" / "nano" / "model_index.json").is_file()
    assert split_images(drawn, STUDY, 5)[1] == shard, "another run makes the same shards"


def test_joined_tables_are_the_shards_in_order(drawn: Path) -> None:
    shards = split_images(drawn, STUDY, 5)
    for number, shard in enumerate(shards):
        for name in ("scores", "facts"):
            file = shard / "data" / name / f"{STUDY}.parquet"
            file.parent.mkdir()
            pq.write_table(pa.table({"row": [2 * number, 2 * number + 1]}), file)
    join_tables(drawn, STUDY, shards)
    for name in ("scores", "facts"):
        joined = pq.read_table(drawn / "data" / name / f"{STUDY}.parquet")
        assert joined.column("row").to_pylist() == [0, 1, 2, 3, 4, 5]


def outputs(stage: str) -> list[str]:
    entries = [entry for kind in ("outs", "metrics") for entry in STAGES[stage].get(kind, [])]
    paths = [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]
    return [path.partition("$")[0] for path in paths]


def files_read(stage: str) -> set[str]:
    """What dvc.yaml says that a stage reads, but for the list of its code."""
    parameters = STAGES[stage].get("params", [])
    files = {
        next(iter(entry)) if isinstance(entry, dict) else "params.yaml" for entry in parameters
    }
    return files | {dep for dep in STAGES[stage]["deps"] if not dep.startswith("data/code/")}


def test_a_shard_holds_all_that_scoring_reads() -> None:
    needed = files_read("compute_scores") - {"data/images/${key}"}  # split_images makes it
    assert not [path for path in needed if not path.startswith(LINKED)], "missing from LINKED"
    unused = [name for name in LINKED if not any(path.startswith(name) for path in needed)]
    assert not unused, "superfluous in LINKED"


def test_a_folder_holds_all_that_no_stage_of_the_study_makes(tmp_path: Path) -> None:
    source = Path(run_study.__file__).read_text(encoding="utf-8")
    stages = [name for name in STAGES if re.search(rf'"([a-z]+\.)?{name}"', source)]
    assert len(stages) == 6
    prepare_folder(tmp_path, "nano", ROOT / "models", STUDY, Sizes(), None)
    written = tuple(path for stage in stages for path in outputs(stage))
    for stage in stages:
        for path in files_read(stage):
            if not path.startswith(written):
                assert (tmp_path / path.replace("${model}", "nano")).exists(), (stage, path)


def write_templates_study(folder: Path) -> None:
    """Drawn pictures of every template, a template being a variant."""
    variants = {
        template.name: template.changes() for template in load_templates(TEMPLATES, "scenes")
    }
    written_out = TEMPLATES_STUDY.format(variants=json.dumps(variants))
    write_project(folder, written_out, num_prompts={"screen": 8, "confirm": 4})
    shutil.copytree(ROOT / "prompts", folder / "prompts")
    text = (folder / "params.yaml").read_text(encoding="utf-8")
    text = text.replace(written_out, TEMPLATES_STUDY.format(variants="templates"))
    (folder / "params.yaml").write_text(text, encoding="utf-8")


def test_templates_are_scored_in_shards_as_in_one_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_templates_study(tmp_path)
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", "off")
    monkeypatch.chdir(tmp_path)
    compute_scores.main("templates")
    tables = [Path("data") / name / "templates.parquet" for name in ("scores", "facts")]
    whole = [pq.read_table(tmp_path / table).to_pandas() for table in tables]
    shards = split_images(tmp_path, "templates", 20)
    assert len(shards) > 2
    for shard in shards:
        monkeypatch.chdir(shard)
        compute_scores.main("templates")
    join_tables(tmp_path, "templates", shards)
    for table, before in zip(tables, whole, strict=True):
        joined = pq.read_table(tmp_path / table).to_pandas()
        keys = [n for n in ("variant", "phase", "prompt_id", "seed", "fact") if n in joined]
        joined, before = (part.sort_values(keys, ignore_index=True) for part in (joined, before))
        assert (joined[keys] == before[keys]).all(axis=None)
        numbers = joined.select_dtypes("number").columns
        assert np.allclose(joined[numbers], before[numbers], rtol=1e-4, equal_nan=True)
    assert {"crisp", "lovely", "bare"} <= set(whole[0]["variant"])
