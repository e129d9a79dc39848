"""data/studies/, metrics/<study>.json of every study -> reports/headline.json"""

from pathlib import Path

from stages import run


def main() -> None:
    """Pick the few numbers that tell whether anything changed."""
    from zimage_eval.config.variants import read_studies
    from zimage_eval.output.results import read_results, write_results
    from zimage_eval.studies.results import headline_results

    studies = read_studies(Path("data/studies"))
    baselines = {key: study.baseline for key, study in studies.items()}
    results = {key: read_results(Path(f"metrics/{key}.json"))[key] for key in studies}
    write_results(Path("reports/headline.json"), {"headline": headline_results(results, baselines)})


if __name__ == "__main__":
    run(main)
