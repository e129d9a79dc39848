"""A study's variants as a file: what is written is read again, whatever stands around it."""

from pathlib import Path

import pytest

from tests.support.repository import ROOT
from zimage_eval.config.model_spec import load_model_spec
from zimage_eval.config.params import load_params
from zimage_eval.config.variants import (
    ExpandedStudy,
    expand_study,
    read_studies,
    read_study,
    write_studies,
)
from zimage_eval.prompts.templates import study_variants

PARAMS = load_params(ROOT / "params.yaml")
SPEC = load_model_spec(ROOT / "models" / "nano.yaml")


def expand_all() -> dict[str, ExpandedStudy]:
    return {
        key: expand_study(study, "nano", study_variants(study, SPEC, ROOT / "prompts/templates"))
        for key, study in PARAMS.studies.items()
    }


def test_studies_are_read_as_they_were_written_and_in_order(tmp_path: Path) -> None:
    studies = expand_all()
    write_studies(tmp_path, studies)
    read = read_studies(tmp_path)
    assert list(read) == list(PARAMS.studies)
    for key, study in studies.items():
        variants = study_variants(PARAMS.studies[key], SPEC, ROOT / "prompts/templates")
        assert read[key] == study
        assert read[key].variants == variants
        assert [v.settings.canonical() for v in read[key].variants] == [
            v.settings.canonical() for v in variants
        ]
        assert [v.name for v in variants if v.is_baseline] == [read[key].baseline]


def test_a_study_more_changes_no_other_study(tmp_path: Path) -> None:
    studies = expand_all()
    write_studies(tmp_path / "all", studies)
    del studies["baseline"]
    write_studies(tmp_path / "fewer", studies)
    for key in studies:
        name = f"{key}.json"
        assert (tmp_path / "all" / name).read_bytes() == (tmp_path / "fewer" / name).read_bytes()


def test_varied_settings_are_those_with_several_values() -> None:
    studies = expand_all()
    assert studies["baseline"].varied == ()
    assert studies["guidance"].varied == (("sampler", "guidance_scale"),)
    assert set(studies["shift_steps"].varied) == {
        ("sampler", "shift"),
        ("sampler", "num_inference_steps"),
    }


def test_what_is_no_study_is_said_in_one_line(tmp_path: Path) -> None:
    write_studies(tmp_path, expand_all())
    with pytest.raises(ValueError, match="unknown study 'guidence', did you mean 'guidance'"):
        read_study(tmp_path / "guidence.json")
    (tmp_path / "steps.json").write_text("{}")
    with pytest.raises(ValueError, match=r"steps\.json: model: missing \(and \d more\)"):
        read_study(tmp_path / "steps.json")
