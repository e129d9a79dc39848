"""prompts/<set>/ -> data/prompts/<role>/{screen,confirm}.parquet"""

import shutil
from pathlib import Path

from stages import run


def main() -> None:
    """Split each prompt set of the model into the two phases, and give every prompt its seeds."""
    import pyarrow as pa

    from zimage_eval.config.model_spec import load_model_spec
    from zimage_eval.config.params import load_params, phases_of_role
    from zimage_eval.output.tables import PROMPTS, write_table
    from zimage_eval.prompts.sets import load_prompt_set, prompt_rows, split_phases

    params = load_params(Path("params.yaml"))
    spec = load_model_spec(Path(f"models/{params.model}.yaml"))
    shutil.rmtree(Path("data/prompts"), ignore_errors=True)
    for role, name in spec.prompt_sets.items():
        sizes = phases_of_role(params, role)
        prompts = load_prompt_set(Path(f"prompts/{name}"), spec.judge)
        split = split_phases(prompts, sizes.screen.num_prompts, sizes.confirm.num_prompts)
        for phase, members, num_seeds in (
            ("screen", split.screen, sizes.screen.num_seeds),
            ("confirm", split.confirm, sizes.confirm.num_seeds),
        ):
            rows = prompt_rows(members, num_seeds)
            path = Path(f"data/prompts/{role}/{phase}.parquet")
            write_table(path, PROMPTS, pa.Table.from_pylist(rows, schema=PROMPTS.columns))
            print(f"{path}: {len(rows)} prompts, {num_seeds} seeds each")


if __name__ == "__main__":
    run(main)
