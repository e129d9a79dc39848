"""The digest of a metric's code changes with what its numbers come from, and with nothing else."""

from pathlib import Path

import pytest

from tools.write_metric_digests import code_digest_of, reached_code

PLACES = [("zimage_eval.metrics.tone", "tone")]
TONE = '''"""Tones."""

from zimage_eval.config.kinds import FACT_KINDS
from zimage_eval.metrics import luma

SCALE = 2.0
UNUSED = 1.0


def tone(image: list[float]) -> float:
    """A tone."""
    from zimage_eval.output.rounding import nearest

    return nearest(SCALE * luma.mean_luma(image)) + len(FACT_KINDS)
'''
FILES = {
    "metrics/tone.py": TONE,
    "metrics/luma.py": "def mean_luma(image):\n    return _Sum(image).mean()\n\n\n"
    "class _Sum:\n    def mean(self):\n        return 1\n",
    "output/rounding.py": "from zimage_eval.output.far import far as nearest\n",
    "output/far.py": "def far(value):\n    return value\n",
    "config/kinds.py": "FACT_KINDS = (1, 2)\n",
}


def write_library(folder: Path, edits: dict[str, tuple[str, str]]) -> Path:
    """A library of few files, with a text of a file replaced by another."""
    for name, text in FILES.items():
        path = folder / "zimage_eval" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        before, after = edits.get(name, ("", ""))
        assert before in text
        path.write_text(text.replace(before, after))
    return folder


def test_code_is_followed_through_imports_of_names_and_modules(tmp_path: Path) -> None:
    names = [".".join(place) for place in reached_code(write_library(tmp_path, {}), PLACES)]
    prefix = "zimage_eval."
    assert sorted(name.removeprefix(prefix) for name in names) == [
        "metrics.luma._Sum",
        "metrics.luma.mean_luma",
        "metrics.tone.SCALE",
        "metrics.tone.tone",
        "output.far.far",
    ]


@pytest.mark.parametrize(
    ("file", "before", "after", "changes"),
    [
        ("metrics/tone.py", "SCALE = 2.0", "SCALE = 2.5", True),
        ("metrics/tone.py", "SCALE * luma", "luma", True),
        ("metrics/luma.py", "return 1", "return 2", True),
        ("output/far.py", "return value", "return -value", True),
        ("metrics/tone.py", "A tone.", "One tone.", False),
        ("metrics/tone.py", "UNUSED = 1.0", "UNUSED = 3.0  # more", False),
        ("config/kinds.py", "(1, 2)", "(1, 2, 3)", False),
    ],
)
def test_an_edit_of_what_decides_a_number_changes_the_digest(
    file: str, before: str, after: str, changes: bool, tmp_path: Path
) -> None:
    digests = [
        code_digest_of(write_library(tmp_path / name, edits), PLACES)
        for name, edits in (("old", {}), ("new", {file: (before, after)}))
    ]
    assert (digests[0] != digests[1]) == changes
