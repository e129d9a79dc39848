"""data/prompts/, models/<m>/, models/lpips-alexnet -> what padding changes

metrics/padding.json, reports/observations/padding.csv, reports/figures/padding/pictures.png
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Compare padding sides of the text encoder, and numbers of pads in the transformer."""
    import torch

    from zimage_eval.benchmarks.conditioning.padding import (
        PLACEMENTS,
        add_floors,
        encode_padded,
        measure_pictures,
        measure_placements,
        padding_checks,
    )
    from zimage_eval.benchmarks.conditioning.probe_inputs import encode_rows, take_evenly
    from zimage_eval.config.benchmarks import PaddingParams
    from zimage_eval.metrics.lpips import lpips_distances
    from zimage_eval.metrics.networks.lpips_trunks import load_lpips
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
    entry = project.benchmark("padding", PaddingParams)
    device = pick_device()
    check_parts(folder, (*TEXT_PARTS, *IMAGE_PARTS))
    check_memory(folder, spec.dtype, IMAGE_PARTS, device)  # one side is loaded after the other
    for name in entry.dtypes:
        formats = spec.dtype.model_copy(update={"text_encoder": name})
        check_memory(folder, formats, TEXT_PARTS, device)
    table = project.prompt_rows("main", "screen")
    prompts = take_evenly(table, entry.num_prompts)

    text_side = load_text_side(folder, spec.dtype, device)
    inputs = encode_rows(prompts, text_side, spec.defaults.encoder)
    tokenizer, encoder = text_side
    ids = [
        tokenize(tokenizer, probe_input.text, spec.defaults.encoder).token_ids
        for probe_input in inputs
    ]
    by_side: dict[str, list[torch.Tensor]] = {
        side: [
            encode_padded(encoder, [tokens], tokenizer.pad_token_id, entry.length, side)[0]
            for tokens in ids
        ]
        for side in PLACEMENTS
    }
    placed: dict[str, list[torch.Tensor]] = {}
    rows: dict[str, dict[str, float | None]] = {}
    for dtype in entry.dtypes:
        encoder = encoder.to(getattr(torch, dtype))
        placed[dtype], placement_rows = measure_placements(
            encoder, ids, tokenizer.pad_token_id, entry.length
        )
        rows |= {f"dtype={dtype},placement={name}": row for name, row in placement_rows.items()}
    rows = add_floors(rows, placed)
    del text_side, encoder
    pipe = load_image_side(folder, spec.dtype, device)
    network = load_lpips(project.lpips_folder)

    def distance(picture: torch.Tensor, reference: torch.Tensor) -> float:
        pixels = [image.permute(1, 2, 0).numpy() for image in (picture, reference)]
        return lpips_distances(pixels[:1], pixels[1:], network)[0]

    observations = measure_pictures(
        pipe, inputs, by_side, entry.extra_pads, spec.defaults, distance
    )
    rows |= largest_rows(observations)
    rows["checks"] = padding_checks(rows, entry.dtypes, entry.extra_pads)
    write_results(Path("metrics/padding.json"), {"padding": rows})
    write_observations(Path("reports/observations/padding.csv"), observations)
    figure = draw_variants(observations, "lpips", "LPIPS to the picture of the unpadded prompt")
    save_figure(figure, Path("reports/figures/padding/pictures.png"))


if __name__ == "__main__":
    run(main)
