"""data/prompts/, models/<m>/ -> how the transformer uses a caption

metrics/conditioning.json, reports/observations/conditioning.csv,
reports/figures/conditioning/{velocity,positions}.png
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Measure what sees the timestep, and what a caption's scale, order and positions change."""
    from zimage_eval.benchmarks.conditioning.effects import (
        conditioning_checks,
        measure_position_probes,
        measure_sizes,
        measure_timestep,
        measure_velocity,
        measure_wavelengths,
    )
    from zimage_eval.benchmarks.conditioning.probe_inputs import encode_rows, take_evenly
    from zimage_eval.benchmarks.conditioning.released_size import measure_released_size
    from zimage_eval.config.benchmarks import ConditioningParams
    from zimage_eval.model.devices import pick_device
    from zimage_eval.model.folder import IMAGE_PARTS, TEXT_PARTS, check_parts
    from zimage_eval.model.memory import check_memory
    from zimage_eval.model.transformer import load_image_side
    from zimage_eval.output.figures import draw_variants, save_figure
    from zimage_eval.output.observations import largest_rows, write_observations
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import write_results
    from zimage_eval.text.encoder import load_text_side
    from zimage_eval.text.tokens import tokenize

    project = Project.open()
    spec = project.spec
    folder = project.model_folder
    entry = project.benchmark("conditioning", ConditioningParams)
    device = pick_device()
    check_parts(folder, (*TEXT_PARTS, *IMAGE_PARTS))
    dtype = spec.dtype.model_copy(update={"transformer": entry.dtype})
    for parts in (TEXT_PARTS, IMAGE_PARTS):  # one side is loaded after the other
        check_memory(folder, dtype, parts, device)
    table = project.prompt_rows("main", "screen")
    text_side = load_text_side(folder, spec.dtype, device)
    probed = encode_rows(
        take_evenly(table, entry.num_probe_prompts), text_side, spec.defaults.encoder
    )
    ids = [
        tokenize(text_side.tokenizer, prompt.text, spec.defaults.encoder).token_ids
        for prompt in probed
    ]
    del text_side

    pipe = load_image_side(folder, dtype, device)
    inputs = take_evenly(probed, entry.num_prompts)
    rows, sigmas = measure_timestep(pipe, inputs[0], spec.defaults)
    observations = measure_velocity(pipe, inputs, sigmas[::3], entry.scales, spec.defaults)
    probes = measure_position_probes(pipe, probed, ids, entry.rope_thetas, spec.defaults)
    rows |= measure_wavelengths(
        pipe, entry.rope_thetas, [len(token_ids) for token_ids in ids], spec.defaults
    )
    rows |= measure_sizes(pipe, probed)
    rows |= largest_rows([*observations, *probes])
    rows["checks"] = conditioning_checks(rows)
    rows |= measure_released_size(entry.rope_thetas)
    write_results(Path("metrics/conditioning.json"), {"conditioning": rows})
    out = Path("reports/observations/conditioning.csv")
    write_observations(out, [*observations, *probes])
    save_figure(
        draw_variants(observations, "velocity_change", "relative change of the velocity"),
        Path("reports/figures/conditioning/velocity.png"),
    )
    save_figure(
        draw_variants(probes, "position_error", "error of a position probe, in tokens"),
        Path("reports/figures/conditioning/positions.png"),
    )


if __name__ == "__main__":
    run(main)
