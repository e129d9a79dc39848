"""data/prompts/main/, models/<m>/ except vae/ -> what the context refiner does to captions

metrics/refiner.json, reports/observations/refiner.csv, reports/figures/refiner/.
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Compare every token before and after the refiner, and fit a linear map that replaces it."""
    import numpy as np
    import torch
    from diffusers import ZImageTransformer2DModel

    from zimage_eval.benchmarks.layers.figures import scatter_panels
    from zimage_eval.benchmarks.refiner.analysis import (
        describe_attention,
        describe_refinement,
        map_results,
        points_by_class,
        refine_prompt,
    )
    from zimage_eval.config.benchmarks import PromptBenchmark
    from zimage_eval.config.kinds import TOKEN_CLASSES
    from zimage_eval.config.params import PHASES
    from zimage_eval.model.devices import pick_device
    from zimage_eval.model.folder import TEXT_PARTS, check_parts
    from zimage_eval.model.transformer import check_image_weights
    from zimage_eval.output.figures import save_figure
    from zimage_eval.output.observations import mean_rows, write_observations
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import write_results
    from zimage_eval.statistics.components import principal_components
    from zimage_eval.text.encoder import load_text_side
    from zimage_eval.text.encoding import encode_layers
    from zimage_eval.text.tokens import tokenize

    project = Project.open()
    spec = project.spec
    entry = project.benchmark("refiner", PromptBenchmark)
    folder, device = project.model_folder, pick_device()
    check_parts(folder, (*TEXT_PARTS, "transformer"))
    prompts = project.prompts("main").rows
    encoder = spec.defaults.encoder
    text_side = load_text_side(folder, spec.dtype, device)
    texts = {}
    for rows in prompts.values():
        for row in rows[: entry.num_prompts]:
            inputs = tokenize(text_side.tokenizer, row["text"], encoder)
            [embeddings] = encode_layers(text_side.text_encoder, inputs, [encoder.hidden_layer])
            texts[row["prompt_id"]] = embeddings
    del text_side
    check_image_weights(folder, ("transformer",))
    transformer = ZImageTransformer2DModel.from_pretrained(
        folder / "transformer", dtype=getattr(torch, spec.dtype.transformer)
    )
    transformer.eval().to(device)
    screened, confirmed = (
        [
            refine_prompt(transformer, row["prompt_id"], texts[row["prompt_id"]])
            for row in prompts[phase][: entry.num_prompts]
        ]
        for phase in PHASES
    )

    measurements = describe_refinement(screened) + describe_attention(screened)
    maps, map_measurements = map_results(confirmed, screened)
    measurements += map_measurements
    results = mean_rows(measurements, set())
    for name, numbers in maps.items():
        results[name] |= numbers
    write_results(Path("metrics/refiner.json"), {"refiner": results})
    write_observations(Path("reports/observations/refiner.csv"), measurements)
    panels = []
    for moment in ("before", "after"):
        points = points_by_class(screened, moment)
        pca = principal_components(np.concatenate([*points.values()]))
        ends = np.cumsum([len(part) for part in points.values()])[:-1]
        split = zip(TOKEN_CLASSES, np.split(pca.coordinates[:, :2], ends), strict=True)
        by_class = {str(token_class): xy for token_class, xy in split}
        panels.append((f"{moment} the refiner", by_class, (pca.shares[0], pca.shares[1])))
    save_figure(scatter_panels(panels), Path("reports/figures/refiner/pca.png"))
    print(f"metrics/refiner.json: {len(screened)} captions, maps fitted on {len(confirmed)} others")


if __name__ == "__main__":
    run(main)
