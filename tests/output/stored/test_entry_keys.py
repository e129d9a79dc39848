"""Keys hold the code that computes: an edit of it changes them, a comment does not."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from zimage_eval.output.stored.entry_keys import PACKAGE, computed_by, entry_key, module_code

MODULES = {
    "zimage_eval.text.stored_encodings": ("text/chat_format.py", "text/hidden_layers.py"),
    "zimage_eval.metrics.stored_scores": ("prompts/scenes/checking.py", "metrics/image.py"),
    "zimage_eval.metrics.sets.stored_features": ("metrics/networks/lpips_trunks.py",),
}
"""Modules that compute what is stored, and files deep in what they reach."""
FILES = [(module, file) for module, files in MODULES.items() for file in files]


def digest_after(
    folder: Path, module: str, file: str, edit: Callable[[str], str]
) -> tuple[str, str]:
    """The digest of a module's code in a copy of the package, before and after an edit."""
    package = folder / PACKAGE.name
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / file).write_text(edit((package / file).read_text()))
    return module_code(module).digest, module_code(module, package).digest


def edit_statement(code: str) -> str:
    """Another constant at the end of the module."""
    return f"{code}\nADDED = 1\n"


@pytest.mark.parametrize(("module", "file"), FILES)
def test_an_edit_deep_in_the_code_changes_the_key(tmp_path: Path, module: str, file: str) -> None:
    before, after = digest_after(tmp_path, module, file, edit_statement)
    assert before != after


@pytest.mark.parametrize(("module", "file"), FILES)
def test_a_comment_does_not_change_the_key(tmp_path: Path, module: str, file: str) -> None:
    before, after = digest_after(tmp_path, module, file, lambda code: f"# a comment\n\n{code}")
    assert before == after


def test_code_that_is_not_reached_does_not_change_the_key(tmp_path: Path) -> None:
    before, after = digest_after(
        tmp_path, "zimage_eval.metrics.stored_scores", "report/page.py", edit_statement
    )
    assert before == after


def test_libraries_that_compute_are_in_the_key() -> None:
    versions = computed_by("zimage_eval.metrics.stored_scores")["versions"]
    assert isinstance(versions, dict)
    assert {"torch", "numpy", "scipy", "skimage", "lpips", "PIL"} <= versions.keys()
    assert all(versions[name] for name in ("torch", "numpy", "skimage", "PIL"))
    assert "zimage_eval" not in versions and "json" not in versions


def test_equal_facts_have_equal_keys_in_any_order() -> None:
    assert entry_key(a=1, b=[2.5]) == entry_key(b=[2.5], a=1)
    assert len({entry_key(a=1), entry_key(a=2), entry_key(b=1), entry_key(a=[1])}) == 4
