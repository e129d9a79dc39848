"""metrics/<study>.json of every study in params.yaml -> reports/headline.json"""

from pathlib import Path

from stages import run


def main() -> None:
    """Collect the few numbers that show whether results have changed."""
    from zimage_eval.config.model_spec import load_model_spec
    from zimage_eval.config.params import load_params
    from zimage_eval.output.results import read_results, write_results
    from zimage_eval.prompts.templates import study_variants
    from zimage_eval.studies.results import headline_results

    params = load_params(Path("params.yaml"))
    spec = load_model_spec(Path(f"models/{params.model}.yaml"))
    variants = {
        study: study_variants(entry, spec, Path("prompts/templates"))
        for study, entry in params.studies.items()
    }
    baselines = {
        study: next(variant.name for variant in expanded if variant.is_baseline)
        for study, expanded in variants.items()
    }
    results = {
        study: read_results(Path(f"metrics/{study}.json"))[study] for study in params.studies
    }
    write_results(Path("reports/headline.json"), {"headline": headline_results(results, baselines)})


if __name__ == "__main__":
    run(main)
