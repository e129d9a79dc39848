"""studies and the model's defaults -> every study with all settings of each of its variants

params.yaml, models/<m>.yaml, prompts/templates/ -> data/studies/<study>.json
"""

import shutil

from stages import run


def main() -> None:
    """Write the variants of every study; a study that reads the same runs nothing again."""
    from zimage_eval.config.variants import expand_study, write_studies
    from zimage_eval.output.project import Project
    from zimage_eval.prompts.templates import study_variants

    project = Project.open()
    spec = project.spec
    folder = project.studies_folder
    shutil.rmtree(folder, ignore_errors=True)
    studies = {
        key: expand_study(study, project.model, study_variants(study, spec, project.templates))
        for key, study in project.params.studies.items()
    }
    write_studies(folder, studies)
    print(f"{folder}: {len(project.params.studies)} studies")


if __name__ == "__main__":
    run(main)
