"""Parameters and a model for plans: two phases of few prompts, one study of guidance."""

from tests.support.projects.default_settings import DEFAULTS
from tests.support.projects.measuring_settings import MEASURING
from tests.support.repository import ROOT
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.config.params import Params

TEMPLATES = ROOT / "prompts/templates"


def spec(judge: str = "scenes") -> ModelSpec:
    return ModelSpec.model_validate(
        {
            "title": "toy",
            "prompt_sets": {"main": "scenes"},
            "judge": judge,
            **MEASURING,
            "batch_size": 4,
            "dtype": dict.fromkeys(("text_encoder", "transformer", "vae"), "float32"),
            "defaults": DEFAULTS,
            "planning": {
                "seconds_per_forward": 0.5,
                "seconds_per_image": 2.0,
                "alignment_sd": 0.4,
            },
        }
    )


def params(**studies: dict[str, object]) -> Params:
    return Params.model_validate(
        {
            "model": "toy",
            "phases": {
                "screen": {"num_prompts": 4, "num_seeds": 1},
                "confirm": {"num_prompts": 16, "num_seeds": 2},
            },
            "studies": {
                key: {"question": "why", "prompts": "main", "variants": {}, "confirm": None} | study
                for key, study in studies.items()
            },
        }
    )


GUIDANCE: dict[str, object] = {
    "vary": {"sampler": {"guidance_scale": [0.0, 1.0]}},
    "confirm": "guidance_scale=1.0",
}
