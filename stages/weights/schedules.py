"""data/studies/, models/<m>/ -> metrics/schedules.json, reports/figures/schedules/sigmas.png

Also reports/observations/schedules.csv, which holds every noise level.
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Run every schedule of studies and recipes, and count its transformer evaluations."""
    from zimage_eval.benchmarks.limits.figures import draw_schedules
    from zimage_eval.benchmarks.limits.schedules import (
        collect_samplers,
        run_schedules,
        schedule_checks,
        schedule_name,
        schedule_row,
    )
    from zimage_eval.config.benchmarks import SchedulesParams
    from zimage_eval.output.figures import save_figure
    from zimage_eval.output.observations import Measurement, write_observations
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import write_results
    from zimage_eval.output.store import RESULTS, open_kind
    from zimage_eval.output.stored.store_contents import note_uses

    project = Project.open()
    spec = project.spec
    entry = project.benchmark("schedules", SchedulesParams)
    variants = [variant for study in project.studies.values() for variant in study.variants]
    samplers = collect_samplers(variants, entry.recipes, spec.defaults)
    store = open_kind(project.folder, RESULTS)
    samples = run_schedules(spec, project.model_folder, samplers, store)
    default = schedule_name(spec.defaults.sampler)
    rows = {name: schedule_row(sample, samples[default].sigmas) for name, sample in samples.items()}
    rows["checks"] = schedule_checks(samplers, samples, default)
    write_results(Path("metrics/schedules.json"), {"schedules": rows})
    note_uses(Path("metrics/schedules.json"), [store])
    levels = [
        Measurement(
            variant=name, unit=name, replicate=step, category="all", metric="sigma", value=sigma
        )
        for name, sample in samples.items()
        for step, sigma in enumerate(sample.sigmas)
    ]
    write_observations(Path("reports/observations/schedules.csv"), levels)
    figure = draw_schedules({name: sample.sigmas for name, sample in samples.items()}, default)
    save_figure(figure, Path("reports/figures/schedules/sigmas.png"))


if __name__ == "__main__":
    run(main)
