"""The texts that a study needs encoded, and how; found without the text encoder."""

from collections.abc import Mapping, Sequence

from zimage_eval.config.params import Phase
from zimage_eval.config.setting_groups import EncoderSettings
from zimage_eval.config.variants import Variant, phase_variants
from zimage_eval.model.folder import ModelLimits, unavailable_reason
from zimage_eval.text.wordings import Wordings, wording_key

Encoding = tuple[str, EncoderSettings]
"""A text and how it is encoded."""
PhaseTexts = Mapping[Phase, Sequence[str]]
"""The prompts of each phase; no text is in two phases."""


def fit_phase(text: str, texts: PhaseTexts) -> Phase:
    """The phase on whose prompts the map for a text is fitted.

    Maps for the screened prompts are fitted on the confirmed ones, maps for all other texts on the
    screened ones.
    """
    return "confirm" if text in texts["screen"] else "screen"


def study_encodings(
    variants: Sequence[Variant],
    confirm: str | None,
    limits: ModelLimits,
    texts: PhaseTexts,
    wordings: Wordings,
) -> set[Encoding]:
    """All texts and encoder settings that the images of a study need.

    For each variant these are the prompts of its phases as its settings word them, and its negative
    prompt if it has guidance. A variant whose refiner is replaced by a linear map also needs the
    prompts that the map is fitted on, as written. Variants that the model can't run and prompts
    that can't be worded so are left out.

    Raises:
        ValueError: the model can run none of the variants.
    """
    encodings = set()
    for phase, prompts in texts.items():
        for variant in phase_variants(variants, phase, confirm):
            settings = variant.settings
            if unavailable_reason(limits, settings) is None:
                worded = [wordings[wording_key(text, settings)].text for text in prompts]
                negative = [settings.sampler.negative_prompt]
                is_guided = settings.sampler.is_guided
                is_fitted = settings.refiner.refiner_delta == "linear"
                fit_texts = texts[fit_phase(prompts[0], texts)] if is_fitted and prompts else []
                for text in (*worded, *fit_texts, *(negative if is_guided else [])):
                    if text is not None:
                        encodings.add((text, settings.encoder))
    if not encodings:
        raise ValueError(f"not available: {unavailable_reason(limits, variants[0].settings)}")
    return encodings
