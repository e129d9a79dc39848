"""prompts/, models/<m>/ -> reports/machine/profile.json, reports/figures/profile/parts.png

The seconds are of this machine. Another machine gets other results, but no stage reruns for that.
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Measure how the seconds of one image divide into parts."""
    import torch

    from zimage_eval.benchmarks.machine.figures import draw_profile
    from zimage_eval.benchmarks.machine.loaded_model import load_model, weights_name
    from zimage_eval.benchmarks.machine.profile import measure_profile
    from zimage_eval.benchmarks.machine.results import machine_table, write_machine_results
    from zimage_eval.config.benchmarks import Profile
    from zimage_eval.model.devices import pick_device
    from zimage_eval.output.figures import save_figure
    from zimage_eval.output.project import Project
    from zimage_eval.output.text_tables import print_table
    from zimage_eval.prompts.sets import load_prompt_set

    torch.set_num_threads(1)  # as in each worker of the stage that draws images
    project = Project.open()
    entry = project.benchmark("profile", Profile)
    spec = project.spec
    prompts = load_prompt_set(project.prompt_set("main"))
    folder = project.model_folder
    model = load_model(folder, spec, pick_device())
    rows = measure_profile(model, entry, prompts)
    path = Path("reports/machine/profile.json")
    results = write_machine_results(path, "profile", project.model, weights_name(folder), rows)
    save_figure(draw_profile(results), Path("reports/figures/profile/parts.png"))
    print_table(machine_table(results))


if __name__ == "__main__":
    run(main)
