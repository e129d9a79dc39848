"""Wordings of made-up prompts that leave every text as it is."""

from collections.abc import Iterable

from zimage_eval.config.variants import Variant
from zimage_eval.text.wordings import Wording, Wordings, wording_key


def as_written(texts: Iterable[str], variants: Iterable[Variant]) -> Wordings:
    """Each text as its own wording under each variant."""
    settings = [variant.settings for variant in variants]
    return {wording_key(text, each): Wording(text, None) for text in texts for each in settings}
