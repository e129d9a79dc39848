"""prompts/, models/<m>/ -> metrics/quantization.json

Also reports/observations/quantization.csv and reports/figures/quantization/distance.png. Seconds
are not measured.
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Round the weights of every part, and measure what this changes."""
    import torch

    from zimage_eval.benchmarks.machine.figures import draw_quantization
    from zimage_eval.benchmarks.machine.loaded_model import load_model
    from zimage_eval.benchmarks.machine.quantization import measure_quantization
    from zimage_eval.config.benchmarks import Quantization
    from zimage_eval.metrics.judges.judges import load_judge
    from zimage_eval.metrics.networks.lpips_trunks import load_lpips
    from zimage_eval.model.devices import pick_device
    from zimage_eval.output.figures import save_figure
    from zimage_eval.output.observations import write_observations
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import write_results
    from zimage_eval.prompts.sets import load_prompt_set

    torch.set_num_threads(1)  # so that last bits don't depend on the number of cores
    project = Project.open()
    entry = project.benchmark("quantization", Quantization)
    spec = project.spec
    prompts = load_prompt_set(project.prompt_set("main"), spec.judge)
    device = pick_device()
    model = load_model(project.model_folder, spec, device)
    results = measure_quantization(
        model,
        entry,
        prompts,
        spec.batch_size,
        load_judge(spec, device),
        load_lpips(project.lpips_folder).to(device),
        lambda rows: print(f"quantization: {list(rows)[-1]}", flush=True),
    )
    write_results(Path("metrics/quantization.json"), {"quantization": results.rows})
    write_observations(Path("reports/observations/quantization.csv"), results.observations)
    figure = draw_quantization(results.rows, results.observations)
    save_figure(figure, Path("reports/figures/quantization/distance.png"))


if __name__ == "__main__":
    run(main)
