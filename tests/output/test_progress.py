"""A terminal's bar moves, a log file gets few lines."""

import sys

import pytest

from zimage_eval.output.progress import progress_interval


@pytest.mark.parametrize(("is_terminal", "seconds"), [(True, 0.2), (False, 10)])
def test_a_log_file_gets_few_lines(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, seconds: float
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    assert progress_interval() == seconds
