"""data/trials.parquet, models/<m>/ -> metrics/prompt_quality.json, a predictor

Also reports/prompt_predictor.json, reports/observations/prompt_quality.csv,
reports/figures/prompt_quality/predictions.png
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Correlate features of prompts with alignment, and fit a predictor of alignment."""
    from zimage_eval.benchmarks.prompts.failure_detectors import embedding_statistics
    from zimage_eval.benchmarks.prompts.figures import draw_predictions
    from zimage_eval.benchmarks.prompts.predictor import fit_predictor, write_predictor
    from zimage_eval.benchmarks.prompts.quality import (
        PREDICTOR,
        beats_baselines,
        feature_rows,
        predict_held_out,
        predictor_rows,
        quality_observations,
    )
    from zimage_eval.benchmarks.prompts.trial_tables import read_trials, write_unjudged
    from zimage_eval.benchmarks.shared.content_vectors import mean_vectors, read_caption_norm
    from zimage_eval.benchmarks.shared.drawn_prompts import encode_default, load_text
    from zimage_eval.config.benchmarks import PromptQuality
    from zimage_eval.model.devices import pick_device, start_workers
    from zimage_eval.output.figures import save_figure
    from zimage_eval.output.observations import write_observations
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import write_json, write_results

    project = Project.open()
    spec = project.spec
    plan = project.benchmark("prompt_quality", PromptQuality)
    outputs = (
        Path("metrics/prompt_quality.json"),
        Path("reports/observations/prompt_quality.csv"),
        Path("reports/figures/prompt_quality/predictions.png"),
    )
    if spec.judge == "none":
        write_json(Path("reports/prompt_predictor.json"), None)
        write_unjudged("prompt_quality", *outputs)
        return
    folder, device = project.model_folder, pick_device()
    judged = read_trials(Path("data/trials.parquet"))
    texts = [judged_trial.trial.text for judged_trial in judged]
    with start_workers(device):
        encoded = encode_default(load_text(folder, spec, device), texts, spec)
    norm = read_caption_norm(project.model_folder / "transformer")
    extra = {
        "embedding": mean_vectors(encoded, norm),
        "embedding_statistics": embedding_statistics(encoded, norm),
    }
    predictions = predict_held_out(judged, extra, plan)
    models, features = predictor_rows(predictions, judged), feature_rows(judged, plan.seed)
    is_better = beats_baselines(models)
    predicted = predictions.predicted[PREDICTOR]
    predictor = fit_predictor(
        project.model,
        texts,
        predictions.alignment,
        predicted - predictions.alignment,
        plan.confidence,
        beats_baselines=is_better,
    )
    checks = {"predictor_beats_length_and_bag_of_words_on_held_out_prompts": float(is_better)}
    write_results(
        outputs[0],
        {"prompt_quality": {**models, **features, "checks": checks}},
    )
    write_predictor(Path("reports/prompt_predictor.json"), predictor)
    write_observations(outputs[1], quality_observations(predictions, judged))
    groups = [judged_trial.trial.group for judged_trial in judged]
    save_figure(
        draw_predictions(predicted, predictions.alignment, groups, features),
        outputs[2],
    )


if __name__ == "__main__":
    run(main)
