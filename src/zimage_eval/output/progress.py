"""How often a progress bar is drawn anew."""

import sys


def progress_interval() -> float:
    """Seconds between two states of a bar: a log file gets few lines, a terminal moves."""
    return 0.2 if sys.stderr.isatty() else 10
