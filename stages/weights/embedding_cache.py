"""data/{studies,embeddings,prompts}/, models/<m>/ -> metrics/embedding_cache.json

Compares embeddings read back from a table with freshly made ones, and the pictures of both.
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Compare cached and fresh embeddings bit by bit, in every number format."""
    import torch

    from zimage_eval.benchmarks.conditioning.embedding_cache import (
        cache_checks,
        compare_pictures,
        compare_roundtrip,
        compare_table,
    )
    from zimage_eval.benchmarks.conditioning.probe_inputs import take_evenly
    from zimage_eval.config.benchmarks import EmbeddingCacheParams
    from zimage_eval.model.devices import pick_device
    from zimage_eval.model.folder import IMAGE_PARTS, TEXT_PARTS, check_parts
    from zimage_eval.model.memory import check_memory
    from zimage_eval.model.transformer import load_image_side
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import write_results
    from zimage_eval.text.embeddings import read_embeddings
    from zimage_eval.text.encoder import load_text_side

    project = Project.open()
    spec = project.spec
    folder = project.model_folder
    entry = project.benchmark("embedding_cache", EmbeddingCacheParams)
    device = pick_device()
    check_parts(folder, (*TEXT_PARTS, *IMAGE_PARTS))
    for parts in (TEXT_PARTS, IMAGE_PARTS):  # one side is loaded after the other
        check_memory(folder, spec.dtype, parts, device)
    table = project.prompt_rows("main", "screen")
    prompts = take_evenly(table, entry.num_texts)
    torch.set_num_threads(
        1
    )  # as in the workers that filled the tables, because last bits depend on it

    text_side = load_text_side(folder, spec.dtype, device)
    rows = {}
    for study in project.studies:
        cached = read_embeddings(Path(f"data/embeddings/{study}.parquet"))
        rows[f"study={study}"] = compare_table(cached, text_side, entry.num_texts)
    drawn = {}
    for name in entry.dtypes:
        dtype = spec.dtype.model_copy(update={"text_encoder": name})
        text_side = load_text_side(folder, dtype, device)
        texts = [row["text"] for row in prompts]
        *drawn[name], rows[f"dtype={name}"] = compare_roundtrip(
            text_side, texts, spec.defaults.encoder
        )
    del text_side
    pipe = load_image_side(folder, spec.dtype, device)
    seeds = [row["seeds"][0] for row in prompts[: entry.num_images]]
    for name, (fresh, back) in drawn.items():
        rows[f"dtype={name}"] |= compare_pictures(pipe, fresh, back, seeds, spec.defaults)
    rows["checks"] = cache_checks(rows)
    write_results(Path("metrics/embedding_cache.json"), {"embedding_cache": rows})


if __name__ == "__main__":
    run(main)
