"""questions, evidence, tables and figures of every study -> verdicts, one page

params.yaml, questions/, models/<model>/, reports/{evidence,tables,figures}/, reports/judge.json
-> reports/report.{md,html}
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Put questions, pictures, tables and figures on one page, in the order of params.yaml."""
    from zimage_eval.evidence import FROZEN_WEIGHTS
    from zimage_eval.model_folder import IMAGE_PARTS, TEXT_PARTS, weights_digest
    from zimage_eval.params import (
        expand_variants,
        load_model_spec,
        load_params,
        prompt_set_of,
    )
    from zimage_eval.questions import load_questions, read_evidence
    from zimage_eval.report import StudyReport, write_report
    from zimage_eval.report_verdicts import Answer
    from zimage_eval.results import read_results
    from zimage_eval.summaries import read_summaries
    from zimage_eval.verdicts import Page, Provenance, decide_report
    from zimage_eval.web_page import render_page

    params = load_params(Path("params.yaml"))
    spec = load_model_spec(Path(f"models/{params.model}.yaml"))
    studies = [
        StudyReport(
            key=key,
            study=study,
            variants=expand_variants(study, spec.defaults),
            summaries=read_summaries(Path(f"reports/tables/{key}.csv")),
        )
        for key, study in params.studies.items()
    ]
    weights = weights_digest(Path(f"models/{params.model}"), TEXT_PARTS + IMAGE_PARTS)
    agreement = read_results(Path("reports/judge.json"))["judge"]["all"]
    questions = load_questions(Path("questions"))
    pages = {}
    for study in studies:
        for name, evidence in read_evidence(Path(f"reports/evidence/{study.key}.json")).items():
            provenance = Provenance(
                model=params.model,
                weights_sha256=weights,
                judge=spec.judge,
                prompt_set=prompt_set_of(spec, study.study.prompts),
                num_hand_labels=round(agreement["num_images"] or 0),
                carries_over=questions[name].carries_over,
            )
            pages[name] = Page(evidence, FROZEN_WEIGHTS, provenance)
    verdicts = decide_report(pages)
    answers = [Answer(questions[name], verdicts[name]) for name in questions if name in verdicts]
    text = write_report(params, spec, weights, studies, agreement, answers)
    Path("reports/report.md").write_text(text, encoding="utf-8")
    Path("reports/report.html").write_text(render_page(text), encoding="utf-8")


if __name__ == "__main__":
    run(main)
