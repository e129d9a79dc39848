"""results of all studies -> the few numbers to compare between runs, and what computed them

data/studies/, reports/tables/<study>.csv of every study, reports/evidence.json, reports/full/
-> reports/headline.{json,csv}
data/environment/ -> reports/environment.json
models/<m>.yaml, data/features/<study>/ of the first study -> reports/signatures.json
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Pick the few numbers that tell whether anything changed, and sign every metric.

    The signature of a metric (who computes it, how, with which weights, where) is the same in all
    studies.
    """
    from zimage_eval.config.metrics import available_metrics
    from zimage_eval.metrics.signatures import read_signatures, write_signatures
    from zimage_eval.metrics.signing import image_signatures, set_signatures
    from zimage_eval.model.environment import (
        group_environments,
        ids_of,
        read_environment,
        write_environments,
    )
    from zimage_eval.output.project import Project
    from zimage_eval.questions.evidence import (
        largest_evidence,
        read_evidence,
        read_full_evidence,
    )
    from zimage_eval.questions.verdicts import count_answers
    from zimage_eval.studies.headline import (
        best_rival,
        headline_numbers,
        write_best_rivals,
        write_headline,
    )
    from zimage_eval.studies.summaries import read_summaries

    project = Project.open()
    studies = project.studies
    summaries = {key: read_summaries(Path(f"reports/tables/{key}.csv")) for key in studies}
    full = read_full_evidence(Path("reports/full"), project.model)
    evidence = largest_evidence(read_evidence(Path("reports/evidence.json")), full)
    rivals = {key: best_rival(key, rows) for key, rows in summaries.items()}
    write_headline(
        Path("reports/headline.json"),
        headline_numbers(summaries, studies, rivals, count_answers(evidence)),
    )
    write_best_rivals(Path("reports/headline.csv"), [rival for rival in rivals.values() if rival])

    folder = Path("data/environment")
    names = ["build_reference", "extract_embeddings"]
    for stage in ("generate_images", "compute_features", "compute_scores"):
        names += [f"{stage}/{key}" for key in studies]
    environments = group_environments(
        {name: read_environment(folder / f"{name}.json") for name in names}
    )
    write_environments(Path("reports/environment.json"), environments)

    first, study = next(iter(studies.items()))
    spec = Project.open(model=study.model).spec
    networks = read_signatures(Path(f"data/features/{first}/signatures.json"))
    computed = {
        "compute_scores": image_signatures(available_metrics(spec.networks), spec),
        "compute_features": set_signatures(spec.distribution, networks),
    }
    signatures = {
        metric: {**signature, "environments": ids_of(environments, stage)}
        for stage, signed in computed.items()
        for metric, signature in signed.items()
    }
    write_signatures(Path("reports/signatures.json"), signatures)


if __name__ == "__main__":
    run(main)
