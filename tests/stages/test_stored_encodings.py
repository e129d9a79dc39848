"""Encodings and wordings from the store are the bytes that are computed without it."""

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest

from stages import expand_studies, extract_embeddings
from tests.support.projects.toy_project import PARAMS, enter_project, save_yaml
from zimage_eval.output.stored.store_contents import entries_of
from zimage_eval.text import encoder

MAPPED: dict[str, Any] = {
    "question": "?",
    "prompts": "main",
    "vary": {"encoder": {"layer_map": ["none", "moments", "ridge"]}},
    "variants": {"filled": {"prompt": {"filler_tokens": 8}}},
    "confirm": None,
}
STUDIES: dict[str, Any] = {**PARAMS["studies"], "maps": MAPPED}  # type: ignore[dict-item]


@pytest.fixture
def project(tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a mapped layer and a filler among its studies."""
    enter_project(tmp_path, tiny_folder, {**PARAMS, "studies": STUDIES}, monkeypatch)
    return tmp_path


def extracted(project: Path) -> dict[str, bytes]:
    extract_embeddings.main()
    files = [*project.glob("data/embeddings/*"), *project.glob("data/wordings/*")]
    return {path.relative_to(project).as_posix(): path.read_bytes() for path in files}


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("something is encoded although the store holds everything")


def test_without_a_store_with_an_empty_and_with_a_full_one_the_bytes_are_equal(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("ZIMAGE_EVAL_STORE", "off")
        without = extracted(project)
    assert len(without) == 2 * len(STUDIES)
    assert extracted(project) == without
    kinds = [entry.kind.name for entry in entries_of(project / "store")]
    assert set(kinds) == {"encodings", "results", "wordings"}
    monkeypatch.setattr(encoder, "load_text_encoder", refuse)
    monkeypatch.setattr(encoder, "load_tokenizer", refuse)
    assert extracted(project) == without


def test_one_more_value_encodes_its_own_texts_alone(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extracted(project)
    more = copy.deepcopy(STUDIES)
    more["guidance"]["vary"]["sampler"]["guidance_scale"].append(2.0)
    save_yaml(project / "params.yaml", {**PARAMS, "studies": more})
    expand_studies.main()
    with monkeypatch.context() as patch:
        patch.setattr(encoder, "load_text_encoder", refuse)
        extract_embeddings.main()
    more["hidden_layer"]["vary"]["encoder"]["hidden_layer"].append(-3)
    save_yaml(project / "params.yaml", {**PARAMS, "studies": more})
    expand_studies.main()
    before = len(list(entries_of(project / "store")))
    stored = extracted(project)
    assert len(list(entries_of(project / "store"))) == before + 3  # the prompts of the screen phase
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", "off")
    assert extracted(project) == stored


def test_other_weights_and_other_prompts_of_a_fit_are_other_encodings(project: Path) -> None:
    first = extracted(project)
    config = project / "models/tiny/text_encoder/config.json"
    config.write_text(config.read_text() + "\n")
    before = len(list(entries_of(project / "store")))
    assert extracted(project) == first  # the same numbers, made again
    num_encodings = sum(e.kind.name == "encodings" for e in entries_of(project / "store"))
    assert len(list(entries_of(project / "store"))) > before
    assert num_encodings % 2 == 0


def test_a_damaged_entry_is_made_again(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = extracted(project)
    entry = next(e for e in entries_of(project / "store") if e.kind.name == "encodings")
    shutil.copy(project / "params.yaml", entry.path)
    assert extracted(project) == first
    assert capsys.readouterr().err.count("warning: store of encodings: ") == 1
