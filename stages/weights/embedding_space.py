"""prompts/<set>/, models/<m>/ -> metrics/embedding_space.json

Also reports/observations/embedding_space.csv, reports/figures/embedding_space/{space,layers}.png
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Measure which clusters, facts and directions the prompts' embeddings hold."""
    from sklearn.manifold import TSNE

    from zimage_eval.benchmarks.layers.analysis import layer_row
    from zimage_eval.benchmarks.layers.embedding_labels import find_mentions
    from zimage_eval.benchmarks.layers.embedding_space import (
        cluster_rows,
        component_rows,
        direction_rows,
        probe_prompts,
        probe_rows,
        space_checks,
        standardized,
    )
    from zimage_eval.benchmarks.layers.figures import draw_layer_sizes
    from zimage_eval.benchmarks.layers.space_figure import draw_space
    from zimage_eval.benchmarks.shared.content_vectors import mean_vectors, read_caption_norm
    from zimage_eval.benchmarks.shared.drawn_prompts import encode_text_layers, load_text
    from zimage_eval.config.benchmarks import EmbeddingSpace
    from zimage_eval.model.devices import pick_device, start_workers
    from zimage_eval.output.figures import save_figure
    from zimage_eval.output.observations import write_observations
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import write_results
    from zimage_eval.prompts.sets import first_of_each, load_prompt_set
    from zimage_eval.statistics.components import principal_components
    from zimage_eval.statistics.held_out import bag_of_words, num_words

    project = Project.open()
    spec = project.spec
    plan = project.benchmark("embedding_space", EmbeddingSpace)
    folder, device = project.model_folder, pick_device()
    all_prompts = load_prompt_set(project.prompt_set("main"))
    prompts = first_of_each(all_prompts, plan.prompts_per_category)
    texts = [prompt.text for prompt in prompts]
    norm = read_caption_norm(project.model_folder / "transformer")
    settings = spec.defaults.encoder
    with start_workers(device):
        text_side = load_text(folder, spec, device)
        layers = list(range(text_side.text_encoder.config.num_hidden_layers + 1))
        encoded = encode_text_layers(text_side, texts, settings, [settings.hidden_layer, *layers])
    default_layer = [entries[0] for entries in encoded]
    means = mean_vectors(default_layer, norm)
    clustered = {
        "embedding": means,
        "bag_of_words": bag_of_words(texts),
        "length": num_words(texts),
    }
    observations = probe_prompts(prompts, means, find_mentions(prompts, default_layer, norm), plan)
    probes = probe_rows(observations)
    rows = {
        **cluster_rows(prompts, clustered, plan),
        **probes,
        **direction_rows(prompts, means, plan),
        **component_rows(prompts, means, 5),
        **{
            f"layer={layer}": layer_row([entries[layer + 1] for entries in encoded])
            for layer in layers
        },
    }
    rows["checks"] = space_checks(rows)
    write_results(Path("metrics/embedding_space.json"), {"embedding_space": rows})
    write_observations(Path("reports/observations/embedding_space.csv"), observations)
    points = standardized(means)
    places = {
        "principal components": principal_components(points).coordinates[:, :2],
        "t-SNE": TSNE(init="pca", random_state=plan.seed).fit_transform(points),
    }
    categories = [prompt.category for prompt in prompts]
    save_figure(
        draw_space(places, categories, probes), Path("reports/figures/embedding_space/space.png")
    )
    save_figure(draw_layer_sizes(rows), Path("reports/figures/embedding_space/layers.png"))


if __name__ == "__main__":
    run(main)
