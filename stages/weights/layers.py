"""data/prompts/main/, models/<m>/{tokenizer,text_encoder}/ -> what the text encoder's layers hold

metrics/layers.json, reports/observations/layers.csv, reports/figures/layers/.
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Describe every hidden layer on the prompts, and probe facts from each layer."""
    import numpy as np

    from zimage_eval.benchmarks.layers.analysis import (
        CLASSES,
        STATISTICS,
        TASKS,
        LayerPrompt,
        all_layers,
        all_vectors,
        describe_layers,
        encode_prompt_layers,
        layer_name,
        pooled_statistics,
        probe_layers,
    )
    from zimage_eval.benchmarks.layers.figures import layer_heat_map, scatter_panels
    from zimage_eval.config.benchmarks import PromptBenchmark
    from zimage_eval.model.devices import pick_device
    from zimage_eval.model.folder import read_limits
    from zimage_eval.output.figures import save_figure
    from zimage_eval.output.observations import mean_rows, write_observations
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import write_results
    from zimage_eval.prompts.facts import Facts
    from zimage_eval.statistics.components import principal_components
    from zimage_eval.text.encoder import load_text_side

    project = Project.open()
    spec = project.spec
    entry = project.benchmark("layers", PromptBenchmark)
    folder = project.model_folder
    rows = [
        row
        for phase_rows in project.prompts("main").rows.values()
        for row in phase_rows[: entry.num_prompts]
    ]
    prompts = [
        LayerPrompt(row["prompt_id"], row["text"], Facts.model_validate_json(row["facts"]))
        for row in rows
    ]
    layers = all_layers(read_limits(folder).num_hidden_layers)
    text_side = load_text_side(folder, spec.dtype, pick_device())
    encoded = encode_prompt_layers(*text_side, prompts, layers, spec.defaults.encoder)

    measurements = describe_layers(prompts, encoded) + probe_layers(prompts, encoded)
    results = mean_rows(measurements, {"probe", "probe_last"})
    for layer in layers:
        for token_class in CLASSES:
            row_name = f"{layer_name(layer)}/{token_class}"
            results[row_name] |= pooled_statistics(encoded, layer, token_class)
    write_results(Path("metrics/layers.json"), {"layers": results})
    write_observations(Path("reports/observations/layers.csv"), measurements)

    shown_metrics = [*STATISTICS, "cosine_to_-2", "outlier_channels", "pca_share_1", "pca_share_10"]
    values = {
        name: [results[f"{layer_name(layer)}/content"][name] for layer in layers]
        for name in shown_metrics
    }
    for metric, words in (("probe", "words' mean"), ("probe_last", "last token")):
        for task in TASKS:
            shares = [
                results.get(f"{layer_name(layer)}/{task}", {}).get(metric) for layer in layers
            ]
            if any(value is not None for value in shares):
                values[f"{task} from {words}"] = shares
    names = [str(layer) for layer in layers]
    save_figure(layer_heat_map(values, names, "-2"), Path("reports/figures/layers/heat.png"))
    panels = []
    for layer in layers[-10:]:
        parts = [all_vectors(encoded, layer, token_class) for token_class in CLASSES]
        pca = principal_components(np.concatenate(parts))
        ends = np.cumsum([len(part) for part in parts])[:-1]
        split = zip(CLASSES, np.split(pca.coordinates[:, :2], ends), strict=True)
        points = {str(token_class): xy for token_class, xy in split}
        panels.append((str(layer), points, (float(pca.shares[0]), float(pca.shares[1]))))
    save_figure(scatter_panels(panels), Path("reports/figures/layers/pca.png"))
    print(f"metrics/layers.json: {len(layers)} layers of {len(prompts)} prompts")


if __name__ == "__main__":
    run(main)
