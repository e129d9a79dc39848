"""`python -m zimage_eval generate`: one picture by hand, or a grid of some."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from zimage_eval.config.frozen import first_problem
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.config.params import phases_of_role
from zimage_eval.config.settings import Key, parse_changes
from zimage_eval.config.variants import Variant, combine_values, variant_name
from zimage_eval.output.project import Project, RolePrompts
from zimage_eval.prompts.facts import Facts, check_words
from zimage_eval.prompts.scenes.parsing import parse_caption
from zimage_eval.prompts.sets import Prompt, load_prompt_set

# torch and the models' libraries take seconds to import, and bad input shall be refused at once.
if TYPE_CHECKING:
    from zimage_eval.cli.pictures import JudgedPicture

GENERATE_EXAMPLE = """\
example, a grid of six pictures; all settings and their values are in docs/settings.md:
  python -m zimage_eval generate "A red star left of a blue ring" \\
      --set sampler.shift=[1,3,6] --set refiner.refiner_blend=[0,1] --output grid.png"""


def add_generate_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `run_generate` reads, but for `--folder`."""
    parser.add_argument("prompt", help="the text to draw")
    parser.add_argument("--model", help="a name in models/ (default: that of params.yaml)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="changes",
        metavar="GROUP.SETTING=VALUE",
        help="a value to use instead of the model's default, in YAML (docs/settings.md has all "
        "settings). A list is several values: a picture for each. Several --set with lists give "
        "all combinations. Put a value that is itself a list into a list: "
        "encoder.hidden_layer=[[-2,-3]]",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the noise (default: 0)")
    parser.add_argument(
        "--facts",
        help="facts to check in the picture, as JSON with the keys of prompts/scenes/*.yaml "
        "(default: those of the prompt set, or those that the words of the prompt state)",
    )
    parser.add_argument("--output", type=Path, required=True, help="the PNG file to write")


def run_generate(arguments: argparse.Namespace) -> None:
    """Draw, judge and say what was found.

    Raises:
        ValueError: bad input, before any weights are loaded; or a picture is not finite or can't
            be written.
    """
    project = Project.open(arguments.folder, arguments.model)
    spec = project.spec
    sets = {
        role: load_prompt_set(project.prompt_set(role), spec.judge) for role in spec.prompt_sets
    }
    role = _find_role(arguments.prompt, sets)
    changes = parse_changes(arguments.changes)
    keys, combined = combine_values(changes, spec.defaults)
    variants = [
        Variant(variant_name(settings, keys), settings, settings == spec.defaults)
        for settings in combined
    ]
    facts = _find_facts(arguments, spec, sets[role])
    _check_output(arguments.output)

    from zimage_eval.cli.pictures import describe_picture, judge_picture
    from zimage_eval.metrics.judges.judges import load_judge, no_judge
    from zimage_eval.model.devices import pick_device
    from zimage_eval.output.store import open_store
    from zimage_eval.sampling.by_hand import draw_by_hand, phase_rows

    judge = no_judge if facts is None else load_judge(spec, pick_device())
    prompts = RolePrompts(phase_rows(phases_of_role(project.params, role), sets[role]))
    store = open_store(project.folder)
    drawn = draw_by_hand(project, prompts, arguments.prompt, arguments.seed, variants, store)
    pictures = [
        judge_picture(variant, picture, judge, facts)
        for variant, picture in zip(variants, drawn, strict=True)
    ]
    for picture in pictures:
        print(describe_picture(picture, arguments.seed, facts))
    shown = [key for key in keys if len(changes[key]) > 1]
    try:
        _write(arguments.output, arguments.prompt, shown, pictures)
    except OSError as error:
        raise ValueError(f"--output: {arguments.output}: {error.strerror}") from error
    print(arguments.output)


def _find_role(text: str, sets: Mapping[str, Sequence[Prompt]]) -> str:
    """The first role whose prompts hold the text: there the graph draws it; "main" if none does."""
    return next((r for r, prompts in sets.items() if text in {p.text for p in prompts}), "main")


def _find_facts(
    arguments: argparse.Namespace, spec: ModelSpec, prompts: Sequence[Prompt]
) -> Facts | None:
    """What to look for; None if nothing is known or nobody judges."""
    if arguments.facts is None:
        known = {prompt.text: prompt.facts for prompt in prompts}
        facts = known.get(arguments.prompt) or parse_caption(arguments.prompt)
        return None if spec.judge == "none" else facts
    if spec.judge == "none":
        raise ValueError("--facts: nobody judges the pictures of this model")
    try:
        facts = Facts.model_validate_json(arguments.facts)
        check_words(facts, spec.judge)
    except ValidationError as error:
        raise ValueError(f"--facts: {first_problem(error)}") from error
    except ValueError as error:
        raise ValueError(f"--facts: {error}") from error
    return facts


def _check_output(output: Path) -> None:
    if output.suffix != ".png" or output.is_dir():
        raise ValueError(f"--output: {output}: must be a file that ends in .png")
    if not output.parent.is_dir():
        raise ValueError(f"--output: {output}: there is no folder {output.parent}")


def _write(
    output: Path, prompt: str, keys: Sequence[Key], pictures: Sequence["JudgedPicture"]
) -> None:
    """The picture as the graph saves it, or a grid over the keys with several values."""
    from zimage_eval.cli.pictures import draw_by_hand_grid
    from zimage_eval.output.image_grids import save_png

    if keys:
        save_png(draw_by_hand_grid(prompt, keys, pictures), output)
    else:
        output.write_bytes(pictures[0].image.png)
