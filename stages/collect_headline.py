"""metrics/<study>.json of every study in params.yaml -> reports/headline.json"""

from pathlib import Path

from stages import run


def main() -> None:
    """Pick the few numbers that tell whether anything changed."""
    from zimage_eval.params import expand_variants, load_model_spec, load_params
    from zimage_eval.results import headline_results, read_results, write_results

    params = load_params(Path("params.yaml"))
    spec = load_model_spec(Path(f"models/{params.model}.yaml"))
    baselines = {
        study: next(v.name for v in expand_variants(entry, spec.defaults) if v.is_baseline)
        for study, entry in params.studies.items()
    }
    results = {
        study: read_results(Path(f"metrics/{study}.json"))[study] for study in params.studies
    }
    write_results(Path("reports/headline.json"), {"headline": headline_results(results, baselines)})


if __name__ == "__main__":
    run(main)
