"""`models/<model>.yaml` of a family: the settings that its turbo and its base were trained for.

What all families have in common stands in nano's file, comments included. Digests of weights are
left out: those of a new family are stated once it is trained.
"""

from io import StringIO
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from calibration.data.truths import Truths
from zimage_eval.config.frozen import parse
from zimage_eval.config.model_spec import ModelSpec

TEMPLATE: Final = Path(__file__).parents[2] / "models" / "nano.yaml"
NUM_BASE_STEPS: Final = 25
"""That a base is recommended with, whatever its turbo's."""


def write_settings(truths: Truths, folder: Path) -> None:
    """Write `<name>.yaml` and `<name>-base.yaml` where there is none yet."""
    turbo = {"num_inference_steps": truths.turbo.num_inference_steps, "guidance_scale": 0.0}
    base = {"num_inference_steps": NUM_BASE_STEPS, "guidance_scale": truths.guidance_scale}
    for model, title, sampler in (
        (truths.name, f"{truths.name} (turbo)", turbo),
        (f"{truths.name}-base", f"{truths.name}-base", base),
    ):
        path = folder / f"{model}.yaml"
        if not path.exists():
            path.write_text(word_settings(truths, model, title, sampler), encoding="utf-8")


def word_settings(truths: Truths, model: str, title: str, sampler: dict[str, Any]) -> str:
    """The file's text.

    Args:
        truths: the family's.
        model: name of the model.
        title: its name in tables and figures.
        sampler: its steps and guidance; the shift is the family's.
    """
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 120
    # nano's own are its heading and, at the end, the digests of its weights
    _, body = TEMPLATE.read_text(encoding="utf-8").split("\n\n", 1)
    spec = yaml.load(body[: body.index("\n\n# SHA-256")] + "\n")
    spec["title"] = title
    changed: dict[str, dict[str, Any]] = {
        "encoder": {
            "hidden_layer": truths.hidden_layer,
            "think_block": truths.empty_think_block,
        },
        "sampler": {"shift": truths.turbo.shift} | sampler,
        "rope": {"rope_theta": truths.rope_theta},
    }
    for group, values in changed.items():
        spec["defaults"][group].update(values)
    parse(spec, ModelSpec, f"{model}.yaml")
    text = StringIO()
    yaml.dump(spec, text)
    heading = (
        f"# {model}: of the family that calibration.train made, weights in {model}/ beside.\n\n"
    )
    return heading + text.getvalue()
