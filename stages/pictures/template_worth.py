"""scores and wordings of the study `templates` -> gains by template, category and token

prompts/templates/, data/studies/templates.json, data/{scores,wordings}/templates.parquet,
data/prompts/<role>/screen.parquet, models/<m>/tokenizer/
-> metrics/template_worth.json, reports/observations/template_worth.csv,
reports/figures/template_worth/worth.png
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Compare every template and every category with the bare prompt and with a filler."""
    from zimage_eval.benchmarks.prompts.template_worth import (
        count_added_tokens,
        draw_worth,
        worth_observations,
        worth_rows,
    )
    from zimage_eval.config.metrics import available_metrics
    from zimage_eval.config.model_spec import prompt_set_of
    from zimage_eval.output.figures import save_figure
    from zimage_eval.output.observations import write_observations
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import write_results
    from zimage_eval.output.tables import read_table, scores_schema
    from zimage_eval.prompts.templates import load_templates
    from zimage_eval.text.encoder import load_tokenizer
    from zimage_eval.text.wordings import read_wordings, wording_key

    project = Project.open()
    spec = project.spec
    study = project.study("templates")
    library = load_templates(project.templates, prompt_set_of(spec, study.prompts))
    settings = {variant.name: variant.settings for variant in study.variants}
    texts = [row["text"] for row in project.prompt_rows(study.prompts, "screen")]
    wordings = read_wordings(Path("data/wordings/templates.parquet"))
    worded = {
        template.name: [
            wordings[wording_key(text, settings[template.name])].text or text for text in texts
        ]
        for template in library
    }
    tokenizer = load_tokenizer(project.model_folder)
    tokens = count_added_tokens(worded, "bare", lambda text: len(tokenizer(text).input_ids))
    schema = scores_schema(available_metrics(spec.networks))
    table = read_table(Path("data/scores/templates.parquet"), schema).to_pandas()
    scores = table[table["phase"] == "screen"]

    worth = worth_rows(scores, library, tokens)
    write_results(Path("metrics/template_worth.json"), {"template_worth": worth})
    observations = worth_observations(scores, library)
    write_observations(Path("reports/observations/template_worth.csv"), observations)
    save_figure(draw_worth(worth), Path("reports/figures/template_worth/worth.png"))


if __name__ == "__main__":
    run(main)
