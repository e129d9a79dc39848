"""results of all studies -> the few numbers to compare between runs, and who computed each metric

data/studies/, metrics/<study>.json of every study -> reports/headline.json
models/<m>.yaml, data/features/<study>/ of the first study -> reports/signatures.json
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Pick the few numbers that tell whether anything changed, and sign every metric.

    The signature of a metric (who computes it, how, with which weights) is the same in all studies.
    """
    from zimage_eval.config.metrics import available_metrics
    from zimage_eval.metrics.signatures import read_signatures, write_signatures
    from zimage_eval.metrics.signing import image_signatures, set_signatures
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import read_results, write_results
    from zimage_eval.studies.results import headline_results

    studies = Project.open().studies
    baselines = {key: study.baseline for key, study in studies.items()}
    results = {key: read_results(Path(f"metrics/{key}.json"))[key] for key in studies}
    write_results(Path("reports/headline.json"), {"headline": headline_results(results, baselines)})

    first, study = next(iter(studies.items()))
    spec = Project.open(model=study.model).spec
    networks = read_signatures(Path(f"data/features/{first}/signatures.json"))
    signatures = image_signatures(available_metrics(spec.networks), spec)
    signatures |= set_signatures(spec.distribution, networks)
    write_signatures(Path("reports/signatures.json"), signatures)


if __name__ == "__main__":
    run(main)
