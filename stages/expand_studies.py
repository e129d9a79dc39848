"""studies and the model's defaults -> every study with all settings of each of its variants

params.yaml, models/<m>.yaml, prompts/templates/ -> data/studies/<study>.json
"""

import shutil
from pathlib import Path

from stages import run


def main() -> None:
    """Write the variants of every study; a study that reads the same runs nothing again."""
    from zimage_eval.config.model_spec import load_model_spec
    from zimage_eval.config.params import load_params
    from zimage_eval.config.variants import expand_study, write_studies
    from zimage_eval.prompts.templates import study_variants

    params = load_params(Path("params.yaml"))
    spec = load_model_spec(Path(f"models/{params.model}.yaml"))
    folder = Path("data/studies")
    shutil.rmtree(folder, ignore_errors=True)
    studies = {
        key: expand_study(
            study, params.model, study_variants(study, spec, Path("prompts/templates"))
        )
        for key, study in params.studies.items()
    }
    write_studies(folder, studies)
    print(f"{folder}: {len(params.studies)} studies")


if __name__ == "__main__":
    run(main)
