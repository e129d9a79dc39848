"""Where the image store lies: words that switch it off, folders, DVC's cache."""

from pathlib import Path

import pytest

from zimage_eval.output.store import find_store_root


@pytest.mark.parametrize(
    "word", ["off", "OFF", "Off", "0", "none", "None", "false", "FALSE", "no", " off\n"]
)
def test_words_that_switch_the_store_off(word: str) -> None:
    assert find_store_root(word) is None


@pytest.mark.parametrize(
    "word",
    ["on", "ON", "1", "true", "True", "yes", "default", "s3://bucket/x", "$HOME/zx", "~nil/x"],
)
def test_what_is_meant_as_no_folder_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match=r"^ZIMAGE_EVAL_STORE: ") as caught:
        find_store_root(word)
    assert word in str(caught.value)


def test_root_is_a_folder_or_in_dvcs_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    for folder in (project / ".dvc", elsewhere):
        folder.mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_store_root("somewhere") == Path("somewhere")
    assert find_store_root("./off") == Path("off")
    assert find_store_root("~/zx") == tmp_path / "zx"
    assert find_store_root("~") == tmp_path
    with pytest.raises(ValueError, match="ZIMAGE_EVAL_STORE is not set to a folder or to off"):
        find_store_root(" ")
    config = "[core]\n    no_scm = true\n[cache]\n    dir = x\n"
    (project / ".dvc" / "config").write_text(config)
    root = project / ".dvc" / "x" / "zimage-eval-images"
    assert find_store_root(None, project) == root  # asked from elsewhere
    monkeypatch.chdir(project)
    assert find_store_root(None) == root
