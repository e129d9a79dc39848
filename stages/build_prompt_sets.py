"""prompts/<set>/ -> data/prompts/{screen,confirm}.parquet"""

from pathlib import Path

from stages import run


def main() -> None:
    """Split the model's prompt set into the phases and give every prompt its seeds."""
    import pyarrow as pa

    from zimage_eval.params import load_model_spec, load_params
    from zimage_eval.prompt_sets import load_prompt_set, prompt_rows, split_phases
    from zimage_eval.tables import PROMPTS, write_table

    params = load_params(Path("params.yaml"))
    spec = load_model_spec(Path(f"models/{params.model}.yaml"))
    sizes = params.phases
    prompts = load_prompt_set(Path(f"prompts/{spec.prompt_set}"))
    split = split_phases(prompts, sizes.screen.num_prompts, sizes.confirm.num_prompts)

    for phase, members, num_seeds in (
        ("screen", split.screen, sizes.screen.num_seeds),
        ("confirm", split.confirm, sizes.confirm.num_seeds),
    ):
        rows = prompt_rows(members, num_seeds)
        path = Path(f"data/prompts/{phase}.parquet")
        write_table(path, PROMPTS, pa.Table.from_pylist(rows, schema=PROMPTS.columns))
        print(f"{path}: {len(rows)} prompts, {num_seeds} seeds each")


if __name__ == "__main__":
    run(main)
