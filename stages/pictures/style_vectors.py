"""prompts/<set>/, models/<m>/ -> metrics/style_vectors.json

Also reports/observations/style_vectors.csv, reports/figures/style_vectors/strengths.png
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Fit style directions on some prompts, and add them to the embeddings of other prompts."""
    from zimage_eval.benchmarks.prompts.figures import draw_steering
    from zimage_eval.benchmarks.prompts.trial_tables import write_unjudged
    from zimage_eval.benchmarks.shared.content_vectors import read_caption_norm
    from zimage_eval.benchmarks.shared.drawn_prompts import add_judge, encode_default, load_text
    from zimage_eval.benchmarks.styles.directions import direction_row, fit_directions
    from zimage_eval.benchmarks.styles.pairs import split_pairs, styled_pairs
    from zimage_eval.benchmarks.styles.steering import (
        measure_steering,
        plan_drawings,
        steering_checks,
        steering_rows,
    )
    from zimage_eval.config.benchmarks import StyleVectors
    from zimage_eval.output.figures import save_figure
    from zimage_eval.output.observations import write_observations
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import write_results
    from zimage_eval.output.store import open_store
    from zimage_eval.output.stored.store_contents import note_uses
    from zimage_eval.prompts.sets import load_prompt_set
    from zimage_eval.sampling.painter import open_painter

    project = Project.open()
    spec = project.spec
    plan = project.benchmark("style_vectors", StyleVectors)
    outputs = (
        Path("metrics/style_vectors.json"),
        Path("reports/observations/style_vectors.csv"),
        Path("reports/figures/style_vectors/strengths.png"),
    )
    if spec.judge == "none":
        write_unjudged("style_vectors", *outputs)
        return
    folder = project.model_folder
    prompts = load_prompt_set(project.prompt_set("main"), spec.judge)
    fitted, held_out = split_pairs(styled_pairs(prompts, plan.attributes, plan.seed), plan)
    norm = read_caption_norm(project.model_folder / "transformer")
    store = open_store(project.folder)
    with open_painter(folder, spec.dtype, spec.batch_size, store, spec.engine) as painter:
        text_side = load_text(folder, spec, painter.device)
        studio = add_judge(painter, spec, text_side)
        before = encode_default(text_side, [pair.plain for pair in fitted], spec)
        plain = encode_default(text_side, [pair.plain for pair in held_out], spec)
        directions, styled = {}, {}
        for name in plan.attributes:
            after = encode_default(text_side, [pair.styled[name] for pair in fitted], spec)
            directions[name] = fit_directions(before, after)
            styled[name] = encode_default(text_side, [pair.styled[name] for pair in held_out], spec)
        steered = plan_drawings(held_out, plain, styled, directions, plan)
        observations = measure_steering(steered, plan.attributes, studio)
    rows = steering_rows(observations)
    rows |= {
        f"direction={name}": direction_row(direction, plain, norm)
        for name, direction in directions.items()
    }
    rows["checks"] = steering_checks(rows, plan.strengths)
    write_results(outputs[0], {"style_vectors": rows})
    note_uses(outputs[0], [store])
    write_observations(outputs[1], observations)
    save_figure(
        draw_steering(rows, list(plan.attributes)),
        outputs[2],
    )


if __name__ == "__main__":
    run(main)
