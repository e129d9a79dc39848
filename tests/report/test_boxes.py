"""What was not measured on the model under study says so on its page."""

from pathlib import Path

from zimage_eval.benchmarks.machine.results import read_machine_results
from zimage_eval.questions.questions import load_questions
from zimage_eval.questions.verdicts import Provenance
from zimage_eval.report.page import write_page
from zimage_eval.report.verdicts import answer_questions

QUESTIONS = load_questions(Path("questions"))
PROVENANCE = Provenance(
    model="z-image-turbo",
    weights_sha256="a" * 64,
    judge="none",
    prompt_set="natural",
    num_hand_labels=0,
    carries_over="nano only",
)
H100 = read_machine_results(Path("reports/machine/h100/profile.json"))


def page(name: str) -> str:
    (answer,) = answer_questions({name: QUESTIONS[name]}, {}, PROVENANCE, {})
    return write_page(answer, {}, [], "", "", [H100])


def test_trainings_are_nanos_and_no_verdict_on_these_weights() -> None:
    text = page("qa3-refiner-timestep-training")
    assert (
        "> **Measured on nano, by short trainings, whichever model is studied.** The design" in text
    )
    assert "- The design" not in text
    assert "- These weights: not testable here" in text
    assert "*Measured on nano, by short trainings, whichever model is studied.*" in text


def test_numbers_of_families_and_of_gpus_are_marked() -> None:
    assert "*Measured on the families of calibration/.*" in page("qt1-chat-format")
    text = page("qp3-compile")
    assert "- The released size: " in text and "- These weights" not in text
    assert "*Measured with random weights of the released size.*" in text
    assert "*Measured" not in page("a04-context-refiner")


def test_what_is_open_says_what_it_takes_and_what_is_known_whence() -> None:
    text = page("a03-shift-steps")
    assert "It takes 512 prompts x 2 seeds x 3 arms: 3,072 pictures, 24,576 forwards" in text
    assert "Known: The paper gives no reason (arXiv 2511.22699)." in page("a09-refiner-timestep")


def test_a_known_answer_names_its_source() -> None:
    for name, question in QUESTIONS.items():
        for sub in question.sub_questions:
            if sub.known is not None:
                assert "(" in sub.known and ")" in sub.known, f"{name}: {sub.question}"
