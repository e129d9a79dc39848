"""models/<m>/ -> metrics/token_limit.json, reports/figures/token_limit/positions.png

Lengths are tried with the model's transformer, on a GPU each in a process of its own.
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Find how many tokens and pixels fit, and what a longer position table changes."""
    from zimage_eval.benchmarks.limits.figures import draw_positions
    from zimage_eval.benchmarks.limits.length_probe import ProbeSize, fits, fits_in_own_process
    from zimage_eval.benchmarks.limits.token_limits import (
        limit_checks,
        measure_lengths,
        measure_limits,
    )
    from zimage_eval.benchmarks.limits.truncation import count_tokens, measure_truncation
    from zimage_eval.config.benchmarks import TokenLimitParams
    from zimage_eval.model.devices import pick_device
    from zimage_eval.model.folder import IMAGE_PARTS, TEXT_PARTS, check_parts
    from zimage_eval.model.memory import check_memory
    from zimage_eval.model.transformer import load_image_side
    from zimage_eval.output.figures import save_figure
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import write_results
    from zimage_eval.text.encoder import load_text_side

    project = Project.open()
    spec = project.spec
    folder = project.model_folder
    entry = project.benchmark("token_limit", TokenLimitParams)
    device = pick_device()
    check_parts(folder, (*TEXT_PARTS, *IMAGE_PARTS))
    for parts in (TEXT_PARTS, IMAGE_PARTS):  # one side is loaded after the other
        check_memory(folder, spec.dtype, parts, device)
    texts = [row["text"] for row in project.prompt_rows("main", "screen")]

    text_side = load_text_side(folder, spec.dtype, device)
    encoder = spec.defaults.encoder
    truncation = measure_truncation(text_side, texts, encoder)
    num_template = count_tokens(text_side.tokenizer, "", encoder)
    del text_side
    pipe = load_image_side(folder, spec.dtype, device)
    transformer = pipe.transformer

    def probe(size: ProbeSize) -> bool:
        if device.type == "cpu":
            return fits(transformer, size)
        return fits_in_own_process(folder / "transformer", device, size)

    lengths = measure_lengths(transformer, probe, entry)
    table = transformer.rope_embedder.axes_lens[0]
    own_rope = spec.defaults.rope.model_copy(update={"table_length": table})
    limits = measure_limits(
        transformer, probe, entry, pipe.vae_scale_factor, own_rope, num_template
    )
    rows = lengths | limits | {f"max_sequence_length={encoder.max_sequence_length}": truncation}
    rows["checks"] = limit_checks(rows, entry)
    write_results(Path("metrics/token_limit.json"), {"token_limit": rows})
    figure = draw_positions(lengths, table)
    save_figure(figure, Path("reports/figures/token_limit/positions.png"))


if __name__ == "__main__":
    run(main)
