"""data/{studies,embeddings,prompts}/, models/<m>/ -> metrics/embedding_cache.json

Compares embeddings read back from a table with freshly made ones, and the pictures of both. What
was compared before is taken from the store (stages/generate_images.py says more of it).
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Compare cached and fresh embeddings bit by bit, in every number format."""
    from zimage_eval.benchmarks.conditioning.stored_checks import CacheComparison, cache_checks
    from zimage_eval.config.benchmarks import EmbeddingCacheParams
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import write_results
    from zimage_eval.output.store import RESULTS, open_kind
    from zimage_eval.output.stored.store_contents import note_uses

    project = Project.open()
    store = open_kind(project.folder, RESULTS)
    entry = project.benchmark("embedding_cache", EmbeddingCacheParams)
    comparison = CacheComparison(
        project.model_folder, project.spec.defaults, project.spec.dtype, entry, store
    )
    formats = comparison.format_rows(project.prompt_rows("main", "screen"))
    rows = {
        f"study={study}": comparison.study_row(Path(f"data/embeddings/{study}.parquet"))
        for study in project.studies
    }
    rows |= {f"dtype={name}": row for name, row in formats.items()}
    rows["checks"] = cache_checks(rows)
    write_results(Path("metrics/embedding_cache.json"), {"embedding_cache": rows})
    note_uses(Path("metrics/embedding_cache.json"), [store])


if __name__ == "__main__":
    run(main)
