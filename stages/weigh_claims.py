"""questions, scores of every study, results of benchmarks -> the evidence on every claim

questions/, data/studies/, data/scores/, metrics/, reports/{observations,machine}/,
calibration/ablations.csv -> reports/evidence.json
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Weigh every claim of every question on the measurements."""
    from zimage_eval.config.metrics import available_metrics
    from zimage_eval.output.observations import read_observations
    from zimage_eval.output.project import Project
    from zimage_eval.output.tables import read_table, scores_schema
    from zimage_eval.questions.evidence import write_evidence
    from zimage_eval.questions.measurements import Measurements, StudyScores
    from zimage_eval.questions.questions import load_questions, places
    from zimage_eval.questions.sources import read_measured
    from zimage_eval.questions.terms import load_terms

    project = Project.open()
    spec = project.spec
    questions = load_questions(Path("questions"))
    schema = scores_schema(available_metrics(spec.networks))
    asked = set().union(*(question.sources for question in questions.values()))
    expanded, studies = project.studies, {}
    for key in expanded.keys() & asked:
        table = read_table(Path(f"data/scores/{key}.parquet"), schema)
        studies[key] = StudyScores(table.to_pylist(), expanded[key].baseline)
    benchmarks = sorted(asked - expanded.keys())
    trained = Path("calibration/ablations.csv")  # made beforehand, on a GPU
    runs = {"ablations": read_observations(trained)} if trained.is_file() else {}
    measured = Measurements(
        studies=studies,
        observations={
            name: read_observations(path)
            for name in benchmarks
            if (path := Path(f"reports/observations/{name}.csv")).is_file()
        }
        | runs,
        results={
            name: results[name]
            for name, results in read_measured(
                benchmarks, Path("metrics"), Path("reports/machine")
            ).items()
        },
        terms=load_terms(Path("questions")),
    )
    evidence = {
        place: claim.weigh(measured)
        for name, question in questions.items()
        for place, claim in places(name, question)
    }
    write_evidence(Path("reports/evidence.json"), evidence)


if __name__ == "__main__":
    run(main)
