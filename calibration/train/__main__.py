"""Train one family: `python -m calibration.train --truths FILE --out FOLDER`.

Finished parts are skipped and the base goes on from its last checkpoint, so the same command
continues a run that was cut short or limited by --minutes.
"""

import argparse
import time
from pathlib import Path
from typing import Final

from calibration.data.model_settings import write_settings
from calibration.data.truths import load_recipe, load_truths
from calibration.evaluation.grid import evaluation_grid
from calibration.train.family import FamilyTraining
from calibration.train.family_folder import copy_shared_parts, link_shared_parts
from zimage_eval.output.results import write_json

PARTS: Final = ("autoencoder", "text_encoder", "base", "turbo")


def train_family(family: FamilyTraining, until: str = PARTS[-1]) -> bool:
    """Make every part up to `until` that is missing; False when the deadline came first."""
    wanted = PARTS[: PARTS.index(until) + 1]
    if family.truths.shared_parts:
        base = family.shared_from / f"{family.truths.shared_parts}-base"
        is_beside = family.shared_from.resolve() == family.out.resolve()
        (link_shared_parts if is_beside else copy_shared_parts)(base, family.base)
    if "autoencoder" in wanted and not (family.base / "vae").is_dir():
        family.train_autoencoder()
    if "text_encoder" in wanted and not (family.base / "text_encoder").is_dir():
        family.train_text_encoder()
    is_based = (family.base / "transformer").is_dir()
    if "base" in wanted and not is_based and not family.train_base():
        return False
    if "turbo" in wanted and not (family.turbo / "transformer").is_dir():
        family.train_turbo()
    if "turbo" in wanted:
        write_settings(family.truths, family.out)
    return True


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(prog="python -m calibration.train", description=__doc__)
    parser.add_argument("--truths", type=Path, required=True, help="the family's planted answers")
    parser.add_argument("--out", type=Path, required=True, help="folder that gets the two models")
    parser.add_argument(
        "--recipe",
        type=Path,
        nargs="+",
        default=[Path("calibration/recipe.yaml")],
        help="sizes and lengths of training; a later file overrides what it names",
    )
    parser.add_argument(
        "--shared-from",
        type=Path,
        default=Path("models"),
        help="folder of the family whose parts it shares (default: %(default)s)",
    )
    parser.add_argument("--until", choices=PARTS, default=PARTS[-1], help="the last part to make")
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="stop training the base after these"
    )
    parser.add_argument("--compile", action="store_true", help="torch.compile the blocks (GPU)")
    arguments = parser.parse_args()
    truths, recipe = load_truths(arguments.truths), load_recipe(*arguments.recipe)
    started = time.monotonic()
    deadline = started + 60 * arguments.minutes
    family = FamilyTraining(
        truths, recipe, arguments.out, deadline, arguments.compile, arguments.shared_from
    )
    if not train_family(family, arguments.until):
        print("not finished: run the same command again to go on")
        return
    print(f"{arguments.until} made after {time.monotonic() - started:.0f} s", flush=True)
    if arguments.until != PARTS[-1]:
        return
    results = family.evaluate(evaluation_grid(truths, family.base, family.turbo))
    path = arguments.out / f"{truths.name}-evaluation.json"
    write_json(path, results, sort_keys=False)


if __name__ == "__main__":
    main()
