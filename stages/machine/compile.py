"""prompts/, models/<m>/ -> reports/machine/compile.json, reports/figures/compile/break_even.png

The seconds are of this machine. Another machine gets other results, but no stage reruns for that.
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Time the transformer, compiled in every way that params.yaml lists."""
    import torch

    from zimage_eval.benchmarks.machine.compile import measure_compile
    from zimage_eval.benchmarks.machine.figures import draw_compile
    from zimage_eval.benchmarks.machine.loaded_model import load_model, weights_name
    from zimage_eval.benchmarks.machine.results import machine_table, write_machine_results
    from zimage_eval.config.benchmarks import Compile
    from zimage_eval.model.devices import pick_device
    from zimage_eval.output.figures import save_figure
    from zimage_eval.output.project import Project
    from zimage_eval.output.text_tables import print_table
    from zimage_eval.prompts.sets import load_prompt_set

    torch.set_num_threads(1)  # as in each worker of the stage that draws images
    project = Project.open()
    entry = project.benchmark("compile", Compile)
    spec = project.spec
    prompts = load_prompt_set(project.prompt_set("main"))
    folder = project.model_folder
    model = load_model(folder, spec, pick_device())
    rows = measure_compile(model, entry, prompts, lambda _: None)
    path = Path("reports/machine/compile.json")
    results = write_machine_results(path, "compile", project.model, weights_name(folder), rows)
    save_figure(draw_compile(results), Path("reports/figures/compile/break_even.png"))
    print_table(machine_table(results))


if __name__ == "__main__":
    run(main)
