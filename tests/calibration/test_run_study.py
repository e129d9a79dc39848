"""The study without DVC: folders of its own, and scores that sharding does not change."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from calibration.study.score_shards import join_tables, split_images
from calibration.study.study_folders import ROOT, Sizes, count_forwards, prepare_folder, study_keys
from zimage_eval.config.params import load_params
from zimage_eval.output.tables import IMAGES, read_table, write_table

STUDY = "resolution"


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
    assert screened == [3 * 8 * 32, 3 * 8 * 64, 3 * 8 * 128]


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
    assert load_params(shard / "params.yaml") == load_params(drawn / "params.yaml")
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
