"""`python -m zimage_eval generate`: one picture by hand, or a grid of several."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zimage_eval.cli.door import BadOption, Door

# Modules of the library take up to seconds to import, and bad input is refused at once.
if TYPE_CHECKING:
    from zimage_eval.cli.pictures import JudgedPicture
    from zimage_eval.config.model_spec import JudgeName
    from zimage_eval.config.settings import Key
    from zimage_eval.prompts.facts import Facts
    from zimage_eval.prompts.sets import Prompt

GENERATE_EXAMPLE = """\b
Example, a grid of six pictures; all settings and their values are in docs/settings.md:
  python -m zimage_eval generate "A red star left of a blue ring" \\
      --set sampler.shift=[1,3,6] --set refiner.refiner_blend=[0,1] --output grid.png"""


def run_generate(
    context: typer.Context,
    prompt: Annotated[str, typer.Argument(help="The text to draw.")],
    output: Annotated[Path, typer.Option(help="The PNG file to write.")],
    model: Annotated[
        str | None,
        typer.Option(help="A name in models/.", show_default="that of params.yaml"),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="GROUP.SETTING=VALUE",
            help="A value to use instead of the model's default, in YAML (docs/settings.md has all "
            "settings). A list is several values: a picture for each. Several --set with lists "
            "give all combinations. Put a value that is itself a list into a list: "
            "encoder.hidden_layer=[[-2,-3]]",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the noise.")] = 0,
    facts: Annotated[
        str | None,
        typer.Option(
            help="Facts to check in the picture, as JSON with the keys of prompts/scenes/*.yaml.",
            show_default="those of the prompt set, or those that the words of the prompt state",
        ),
    ] = None,
) -> None:
    """Draw one picture by hand, or a grid over values of settings.

    The graph would draw the same pictures.
    """
    from zimage_eval.config.params import phases_of_role
    from zimage_eval.config.settings import parse_changes
    from zimage_eval.config.variants import combined_variants
    from zimage_eval.prompts.sets import load_prompt_set, role_of_text

    door: Door = context.obj
    project = door.open(model)
    spec = project.spec
    sets = {
        role: load_prompt_set(project.prompt_set(role), spec.judge) for role in spec.prompt_sets
    }
    role = role_of_text(prompt, sets)
    try:
        values = parse_changes(changes or ())
        keys, variants = combined_variants(values, spec.defaults)
    except ValueError as error:
        raise BadOption("--set", error) from error
    checked = _pick_facts(facts, prompt, spec.judge, sets[role])
    _check_output(output)

    from zimage_eval.cli.pictures import describe_picture, judge_picture
    from zimage_eval.metrics.judges.judges import load_judge, no_judge
    from zimage_eval.model.devices import pick_device
    from zimage_eval.output.project import RolePrompts
    from zimage_eval.output.store import open_store
    from zimage_eval.sampling.by_hand import draw_by_hand, phase_rows

    judge = no_judge if checked is None else load_judge(spec, pick_device())
    prompts = RolePrompts(phase_rows(phases_of_role(project.params, role), sets[role]))
    store = open_store(project.folder)
    drawn = draw_by_hand(project, prompts, prompt, seed, variants, store)
    pictures = [
        judge_picture(variant, picture, judge, checked)
        for variant, picture in zip(variants, drawn, strict=True)
    ]
    for picture in pictures:
        print(describe_picture(picture, seed, checked))
    shown = [key for key in keys if len(values[key]) > 1]
    try:
        _write(output, prompt, shown, pictures)
    except OSError as error:
        raise ValueError(f"--output: {output}: {error.strerror}") from error
    print(output)


def _pick_facts(
    written: str | None, prompt: str, judge: "JudgeName", prompts: Sequence["Prompt"]
) -> "Facts | None":
    """What to look for; None if nothing is stated or nobody judges."""
    from zimage_eval.prompts.facts import read_facts
    from zimage_eval.prompts.scenes.parsing import facts_of_text

    if written is None:
        return None if judge == "none" else facts_of_text(prompt, prompts)
    if judge == "none":
        raise BadOption("--facts", "nobody judges the pictures of this model")
    try:
        return read_facts(written, judge)
    except ValueError as error:
        raise BadOption("--facts", error) from error


def _check_output(output: Path) -> None:
    if output.suffix != ".png" or output.is_dir():
        raise BadOption("--output", f"{output}: must be a file that ends in .png")
    if not output.parent.is_dir():
        raise BadOption("--output", f"{output}: there is no folder {output.parent}")


def _write(
    output: Path, prompt: str, keys: Sequence["Key"], pictures: Sequence["JudgedPicture"]
) -> None:
    """The picture as the graph saves it, or a grid over the keys with several values."""
    from zimage_eval.cli.pictures import draw_by_hand_grid
    from zimage_eval.output.image_grids import save_png

    if keys:
        save_png(draw_by_hand_grid(prompt, keys, pictures), output)
    else:
        output.write_bytes(pictures[0].image.png)
