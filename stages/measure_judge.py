"""facts as the judge found them, people's labels of pictures -> how often they agree

data/facts/<study>.parquet of every study in params.yaml, models/<m>.yaml -> reports/judge.json
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Hold the judge to people's labels; without any, say that there are none."""
    from zimage_eval.config.model_spec import load_model_spec
    from zimage_eval.config.params import load_params
    from zimage_eval.metrics.judges.errors import judge_errors, judge_results, shared_facts
    from zimage_eval.metrics.judges.hand_labels import describe_unmatched, read_hand_labels
    from zimage_eval.output.results import write_results
    from zimage_eval.output.tables import FACTS, read_table

    params = load_params(Path("params.yaml"))
    spec = load_model_spec(Path(f"models/{params.model}.yaml"))
    labels = read_hand_labels(spec.hand_labels) if spec.hand_labels else {}
    facts = [
        row
        for study in params.studies
        for row in read_table(Path(f"data/facts/{study}.parquet"), FACTS).to_pylist()
    ]
    if unmatched := describe_unmatched(labels, facts):
        print(unmatched)
    errors = judge_errors(shared_facts(facts, labels))
    write_results(Path("reports/judge.json"), {"judge": judge_results(errors)})


if __name__ == "__main__":
    run(main)
