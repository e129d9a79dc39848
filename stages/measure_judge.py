"""judged facts, people's labels of the same pictures -> how often the two agree

data/studies/, data/facts/<study>.parquet of every study, models/<m>.yaml -> reports/judge.json
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Compare the judge with people's labels; without labels, write results without numbers."""
    from zimage_eval.metrics.judges.errors import judge_errors, judge_results, shared_facts
    from zimage_eval.metrics.judges.hand_labels import describe_unmatched, read_hand_labels
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import write_results
    from zimage_eval.output.tables import facts_schema, read_table

    project = Project.open()
    spec = project.spec
    labels = read_hand_labels(spec.hand_labels) if spec.hand_labels else {}
    schema = facts_schema(spec.judge)
    facts = [
        row
        for study in project.studies
        for row in read_table(Path(f"data/facts/{study}.parquet"), schema).to_pylist()
    ]
    if unmatched := describe_unmatched(labels, facts):
        print(unmatched)
    errors = judge_errors(shared_facts(facts, labels))
    write_results(Path("reports/judge.json"), {"judge": judge_results(errors)})


if __name__ == "__main__":
    run(main)
