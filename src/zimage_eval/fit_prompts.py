"""Which prompts a map is fitted on, so that no text is mapped by a map that has seen it."""

from collections.abc import Mapping, Sequence

from zimage_eval.config.params import Phase

PhaseTexts = Mapping[Phase, Sequence[str]]
"""The prompts of each phase; no text stands in two."""


def fit_phase(text: str, texts: PhaseTexts) -> Phase:
    """The phase whose prompts make the map for a text.

    The confirmed prompts make it for the screened ones, the screened prompts for everything else.
    """
    return "confirm" if text in texts["screen"] else "screen"
