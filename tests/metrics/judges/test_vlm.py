"""Facts become questions, the model's answers become probabilities, and these become scores."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stages import compute_scores, measure_judge
from tests.support.models.tiny_vlm import build_tiny_vlm
from tests.support.projects.synthetic_study import write_project
from zimage_eval.config.kinds import FACT_KINDS
from zimage_eval.config.metrics import available_metrics
from zimage_eval.metrics.alignment import (
    alignment,
    alignment_geometric,
    alignment_of_kind,
    all_facts,
)
from zimage_eval.metrics.judges.vlm import (
    PLACE_WORDS,
    RELATION_WORDS,
    VQA_QUESTION,
    fact_questions,
    judge_by_questions,
    vqa_score,
)
from zimage_eval.metrics.networks.files import sha256_of
from zimage_eval.metrics.networks.vision_language import (
    ANSWERS,
    VisionLanguageModel,
    answer_ids,
    load_vision_language,
    yes_probability,
)
from zimage_eval.output.tables import FACTS, SOFT_FACTS, read_table, scores_schema
from zimage_eval.prompts.facts import FactResult, Facts, ObjectFact
from zimage_eval.prompts.scenes.world import POSITIONS, RELATIONS

CPU = torch.device("cpu")
PICTURE = np.zeros((32, 48, 3), dtype=np.uint8)
FACTS_OF_ALL_KINDS = Facts.model_validate(
    {
        "objects": [
            {"name": "star", "color": "red", "size": "large", "fill": "striped", "count": 1},
            {"name": "cup", "color": "blue", "count": 3, "position": "left"},
        ],
        "relations": [{"subject": 0, "relation": "left_of", "object": 1}],
        "background": "brick wall",
        "style": "oil painting",
    }
)


def test_every_kind_of_fact_is_asked_about() -> None:
    questions = list(fact_questions(FACTS_OF_ALL_KINDS))
    assert {question.kind for question in questions} == set(FACT_KINDS)
    assert all(question.words.endswith("? Answer yes or no.") for question in questions)
    words = {
        f"{question.kind} {question.subject}": question.words.removesuffix(" Answer yes or no.")
        for question in questions
    }
    assert words == {
        "shape 0": "Is there at least one star in this picture?",
        "color 0": "Is there at least one red star in this picture?",
        "size 0": "Is the red star in this picture large?",
        "fill 0": "Is the red star in this picture striped?",
        "count 0": "Counting every red star in this picture, are there exactly 1?",
        "shape 1": "Is there at least one cup in this picture?",
        "color 1": "Counting every blue cup in this picture, are there at least 3?",
        "count 1": "Counting every blue cup in this picture, are there exactly 3?",
        "position 1": "Is the blue cup on the left side of this picture?",
        "relation 0": "In this picture, is the red star to the left of the blue cup?",
        "background None": "Is the background of this picture brick wall?",
        "style None": "Is the style or medium of this picture oil painting?",
    }


def test_every_place_and_relation_has_words() -> None:
    assert PLACE_WORDS.keys() == POSITIONS.keys()
    assert RELATION_WORDS.keys() == set(RELATIONS)


def test_a_fact_holds_from_one_half_on() -> None:
    facts = Facts(objects=(ObjectFact(name="cup", color="red"),))

    def ask(image: np.ndarray, questions: Sequence[str]) -> list[float]:
        assert image is PICTURE and len(questions) == 3
        return [0.5, 0.49, 0.9]

    assert judge_by_questions(PICTURE, facts, ask) == [
        FactResult("shape", True, 0, 0.5),
        FactResult("color", False, 0, 0.49),
        FactResult("count", True, 0, 0.9),
    ]


def test_alignment_is_the_mean_of_probabilities_and_beside_it_the_geometric_one() -> None:
    results = [
        FactResult("shape", True, 0, 0.9),
        FactResult("color", False, 0, 0.4),
        FactResult("color", True, 1, 0.8),
    ]
    assert alignment(results) == pytest.approx(0.7)
    assert alignment_of_kind(results, kind="color") == pytest.approx(0.6)
    assert alignment_geometric(results) == pytest.approx(0.288 ** (1 / 3))
    assert all_facts(results) == 0.0
    assert alignment_geometric(results[:1]) == pytest.approx(0.9)
    assert alignment_geometric([*results, FactResult("style", False, None, 0.0)]) == 0.0
    assert alignment_geometric([]) is None
    assert alignment_geometric([*results, FactResult("style", True)]) is None


def test_the_probability_is_of_yes_among_both_answers_alone() -> None:
    """The other tokens don't count, and an answer's spellings are added up."""
    shares = torch.tensor([0.10, 0.20, 0.05, 0.15, 0.50])
    assert yes_probability(shares.log(), (0, 1), (3,)) == pytest.approx(0.3 / 0.45)
    assert yes_probability(shares.log() + 7, (0, 1), (3,)) == pytest.approx(0.3 / 0.45)
    assert yes_probability(shares.log().bfloat16(), (1,), (2,)) == pytest.approx(0.8, abs=0.01)
    far = torch.tensor([900.0, -900.0])
    assert yes_probability(far, (0,), (1,)) == 1.0 and yes_probability(far, (1,), (0,)) == 0.0


class SpacelessTokenizer:
    """Drops a leading space, as some tokenizers do, and has no capitals of `yes`."""

    unk_token_id = 0

    def encode(self, text: str, add_special_tokens: bool) -> list[int]:
        assert not add_special_tokens
        return {"Yes": [5], "yes": [6], "NO": [7, 8], "no": [9]}.get(text.strip(), [0])


def test_an_answers_token_counts_once_and_unknown_or_longer_spellings_not_at_all() -> None:
    tokenizer = SpacelessTokenizer()
    assert answer_ids(tokenizer, ANSWERS["yes"]) == (5, 6)
    assert answer_ids(tokenizer, ANSWERS["no"]) == (9,)
    with pytest.raises(ValueError, match="no single token for NO or Nope"):
        answer_ids(tokenizer, ("NO", "Nope"))


@pytest.fixture(scope="module")
def vlm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vlm")
    build_tiny_vlm(folder)
    return folder


def test_a_model_of_the_right_class_answers_by_its_first_token(vlm: Path) -> None:
    """P(yes) is the one that a plain run of the model gives, and depends on picture and words."""
    model = load_vision_language(vlm, CPU)
    assert isinstance(model, VisionLanguageModel) and load_vision_language(vlm, CPU) is model
    assert type(model.model).__name__ == "Qwen3VLForConditionalGeneration"
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (2, 32, 48, 3), dtype=np.uint8)
    answers = model.yes_probabilities(pictures[0], ["is it red?", "is it a cat?", "is it red?"])
    assert answers[0] == answers[2] != answers[1]
    assert answers[:1] != model.yes_probabilities(pictures[1], ["is it red?"])
    inputs = model.processor(
        text=[
            "<|im_start|>user <|vision_start|><|image_pad|><|vision_end|>is it red?<|im_end|>"
            "<|im_start|>assistant "
        ],
        images=[pictures[0]],
        input_data_format="channels_last",
        return_tensors="pt",
    )
    with torch.inference_mode():
        shares = model.model(**inputs).logits[0, -1].double().softmax(-1)
    names = model.processor.tokenizer.convert_tokens_to_ids
    yes, no = (
        shares[names(spellings)].sum() for spellings in (["Yes", "yes", " yes"], ["No", "no"])
    )
    assert answers[0] == pytest.approx(float(yes / (yes + no)), abs=1e-6)


def test_vqa_score_asks_about_the_whole_prompt(vlm: Path) -> None:
    model = load_vision_language(vlm, CPU)
    assert VQA_QUESTION.format("a cat") == 'Does this figure show "a cat"? Please answer yes or no.'
    scores = vqa_score([PICTURE, PICTURE], ["a cat", "a dog"], model)
    assert scores == [
        model.yes_probabilities(PICTURE, [VQA_QUESTION.format(text)])[0]
        for text in ("a cat", "a dog")
    ]
    assert scores[0] != scores[1] and all(0 < score < 1 for score in scores)


def test_missing_weights_are_refused(vlm: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    for file in vlm.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    del weights["model.visual.merger.linear_fc1.weight"]
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match=r"lacks 1 weights of a vision-language model: .*fc1"):
        load_vision_language(tmp_path, CPU)


def rows(folder: Path, vlm: Path, judge: str, patch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The rows of the score table of a project that declares the model."""
    write_project(folder, judge="none", num_prompts={"screen": 2, "confirm": 2})
    declared = {"vlm": {"path": str(vlm), "sha256": sha256_of([vlm / "model.safetensors"])}}
    file = folder / "models" / "drawn.yaml"
    text = file.read_text().replace("networks: {}", f"networks: {json.dumps(declared)}")
    file.write_text(text.replace("judge: none", f"judge: {judge}"))
    patch.setenv("ZIMAGE_EVAL_STORE", str(folder / "store"))
    patch.chdir(folder)
    compute_scores.main("baseline")
    schema = scores_schema(available_metrics(["vlm"]))
    return read_table(Path("data/scores/baseline.parquet"), schema).to_pylist()


def test_the_scoring_stage_writes_probabilities(
    vlm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = rows(tmp_path, vlm, "vlm", monkeypatch)
    facts = read_table(Path("data/facts/baseline.parquet"), SOFT_FACTS).to_pylist()
    assert all(fact["held"] == (fact["probability"] >= 0.5) for fact in facts)
    drawn = [row for row in scores if row["variant"] == "baseline"]
    for row in drawn:
        keys = ("variant", "phase", "prompt_id", "seed")
        probabilities = [
            fact["probability"] for fact in facts if all(fact[key] == row[key] for key in keys)
        ]
        assert row["alignment"] == pytest.approx(np.mean(probabilities))
        logs = np.mean([math.log(probability) for probability in probabilities])
        assert row["alignment_geometric"] == pytest.approx(math.exp(logs))
        assert 0 < row["vqa_score"] < 1
    swapped = [row for row in scores if row["variant"] != "baseline"]
    assert len(swapped) == len(drawn)
    assert all(row["alignment_geometric"] and row["vqa_score"] is None for row in swapped)
    table = Path("data/facts/baseline.parquet").read_bytes()
    compute_scores.main("baseline")  # from the store
    assert Path("data/facts/baseline.parquet").read_bytes() == table
    Path("data/facts/hidden_layer.parquet").write_bytes(table)
    measure_judge.main()


def test_a_judge_of_yes_and_no_has_the_table_that_it_had(
    vlm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = rows(tmp_path, vlm, "scenes", monkeypatch)
    assert read_table(Path("data/facts/baseline.parquet"), FACTS).num_rows > 0
    assert all(row["alignment_geometric"] is None for row in scores)
