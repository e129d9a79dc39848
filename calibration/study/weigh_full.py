"""Weigh the questions' claims on a study of full size: `python -m calibration.study.weigh_full`.

    questions/, calibration/families/<model>/results/ -> reports/full/<model>.json

Claims and rules are those of the stage `weigh_claims`; the scores are those that `run_study` kept,
of many more prompts and seeds. Claims on benchmarks, on other phases and on metrics that were not
kept are left out.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from calibration.scorecard.find_answers import PHASE, read_scores
from calibration.study.summarize_runs import FAMILIES
from zimage_eval.output.project import Project
from zimage_eval.prompts.templates import study_variants
from zimage_eval.questions.claims.claim import Claim
from zimage_eval.questions.evidence import Evidence, Place, write_evidence
from zimage_eval.questions.measurements import Measurements, StudyScores
from zimage_eval.questions.questions import Question, load_questions, places
from zimage_eval.questions.terms import load_terms

MODELS = Path("models")
QUESTIONS = Path("questions")
OUT = Path("reports/full")


def main() -> None:
    """Weigh what can be weighed on the scores of each model that is in the repository."""
    for results in sorted(FAMILIES.glob("*/results")):
        model = results.parent.name
        if (MODELS / f"{model}.yaml").is_file():
            write_evidence(OUT / f"{model}.json", weigh_results(model, results))


def weigh_results(model: str, results: Path) -> dict[Place, Evidence]:
    """The evidence on each claim that a model's scores, in the folder `results`, can decide."""
    project = Project.open(model=model)
    studies = {}
    for key, study in project.params.studies.items():
        variants = study_variants(study, project.spec, project.templates)
        baseline = next(variant.name for variant in variants if variant.is_baseline)
        studies[key] = StudyScores(read_scores(results, key).to_dict("records"), baseline)
    terms = load_terms(QUESTIONS)
    measured = Measurements(studies=studies, observations={}, results={}, terms=terms)
    return {
        place: claim.weigh(measured)
        for place, claim in kept_claims(load_questions(QUESTIONS), studies)
    }


def kept_claims(
    questions: Mapping[str, Question], studies: Mapping[str, StudyScores]
) -> Iterator[tuple[Place, Claim]]:
    """Claims on screened pictures in a metric that was kept."""
    for name, question in questions.items():
        for place, claim in places(name, question):
            column = claim.scores
            if column is None or column.study not in studies or column.phase != PHASE:
                continue
            if column.metric in studies[column.study].rows[0]:
                yield place, claim


if __name__ == "__main__":
    main()
