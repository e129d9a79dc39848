"""questions, evidence, tables and figures of every study -> the report with all verdicts

params.yaml, questions/, models/<model>/, metrics/, reports/{tables,figures}/, reports/judge.json,
reports/{evidence,environment}.json, reports/full/
-> reports/report.{md,html}
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Write questions, pictures, tables and figures on one page, in the order of params.yaml."""
    from zimage_eval.benchmarks.machine.results import read_machine_results
    from zimage_eval.model.environment import read_environments
    from zimage_eval.model.folder import IMAGE_PARTS, TEXT_PARTS, weights_digest
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import read_results
    from zimage_eval.prompts.templates import study_variants
    from zimage_eval.questions.evidence import read_evidence, read_full_evidence
    from zimage_eval.questions.questions import load_questions
    from zimage_eval.questions.sources import read_measured
    from zimage_eval.report.citations import cited_sources
    from zimage_eval.report.report import write_report
    from zimage_eval.report.scorecard import read_scorecard
    from zimage_eval.report.studies import StudyReport
    from zimage_eval.report.verdicts import answer_questions, provenance_of
    from zimage_eval.report.web_page import render_page
    from zimage_eval.studies.summaries import read_summaries

    project = Project.open()
    params, spec = project.params, project.spec
    studies = [
        StudyReport(
            key=key,
            study=study,
            variants=study_variants(study, spec, project.templates),
            summaries=read_summaries(Path(f"reports/tables/{key}.csv")),
        )
        for key, study in params.studies.items()
    ]
    weights = weights_digest(project.model_folder, TEXT_PARTS + IMAGE_PARTS)
    agreement = read_results(Path("reports/judge.json"))["judge"]["all"]
    questions = load_questions(Path("questions"))
    provenance = provenance_of(project.model, spec, weights, round(agreement["num_images"] or 0))
    evidence = read_evidence(Path("reports/evidence.json"))
    full = read_full_evidence(Path("reports/full"), project.model)
    answers = answer_questions(questions, evidence, provenance, full)
    cited = set(params.studies).union(
        *(cited_sources(text) for question in questions.values() for text in question.sentences),
        *(question.sources for question in questions.values()),
    )
    results = read_measured(cited, Path("metrics"), Path("reports/machine"))
    machines = [
        read_machine_results(path)
        for name in ("", "h100", "h200")
        for path in sorted((Path("reports/machine") / name).glob("*.json"))
    ]
    scorecard = read_scorecard(Path("metrics/calibration.json"))
    text = write_report(
        params,
        spec,
        weights,
        studies,
        agreement,
        answers,
        results,
        scorecard,
        machines,
        read_environments(Path("reports/environment.json")),
    )
    Path("reports/report.md").write_text(text, encoding="utf-8")
    Path("reports/report.html").write_text(render_page(text), encoding="utf-8")


if __name__ == "__main__":
    run(main)
