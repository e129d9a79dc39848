"""prompts/<set>/ -> data/prompts/<role>/{screen,confirm}.parquet"""

import shutil
from pathlib import Path

from stages import run


def main() -> None:
    """Split each prompt set of the model into the two phases, and give every prompt its seeds."""
    import pyarrow as pa

    from zimage_eval.config.params import PHASES, phases_of_role
    from zimage_eval.output.project import Project
    from zimage_eval.output.tables import PROMPTS, write_table
    from zimage_eval.prompts.sets import load_prompt_set, prompt_rows, split_phases

    project = Project.open()
    spec = project.spec
    shutil.rmtree(Path("data/prompts"), ignore_errors=True)
    for role in spec.prompt_sets:
        sizes = phases_of_role(project.params, role)
        prompts = load_prompt_set(project.prompt_set(role), spec.judge)
        split = split_phases(prompts, sizes.screen.num_prompts, sizes.confirm.num_prompts)
        for phase in PHASES:
            num_seeds = getattr(sizes, phase).num_seeds
            rows = prompt_rows(getattr(split, phase), num_seeds)
            path = project.prompt_table(role, phase)
            write_table(path, PROMPTS, pa.Table.from_pylist(rows, schema=PROMPTS.columns))
            print(f"{path}: {len(rows)} prompts, {num_seeds} seeds each")


if __name__ == "__main__":
    run(main)
