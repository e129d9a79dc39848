"""The report as Markdown: every sentence in it is computed from parameters and summaries."""

from collections.abc import Mapping, Sequence
from typing import Any

from zimage_eval.benchmarks.machine.results import MachineResults
from zimage_eval.config.model_spec import JudgeName, ModelSpec
from zimage_eval.config.params import Params
from zimage_eval.config.settings import leaves
from zimage_eval.model.environment import NamedEnvironment
from zimage_eval.output.results import Results
from zimage_eval.report.machines import computed_on, machine_section, page_seconds
from zimage_eval.report.page import write_page
from zimage_eval.report.scorecard import calibration_section
from zimage_eval.report.studies import StudyReport, page_values, show_value, studies_section
from zimage_eval.report.verdicts import Answer, verdict_table
from zimage_eval.studies.shown_numbers import show_interval

SECTIONS = ("How to read this", "Machines", "All studies")
JUDGES: Mapping[JudgeName, str] = {
    "scenes": "the scene checker, which reads shapes, colors and places from the pixels",
    "detector": "a detector for things, numbers and places, CLIP for colors and media; backgrounds "
    "are not checked",
    "vlm": "a vision-language model, asked a question for each fact: the score is its "
    "probability of yes",
    "hand_labels": "people, in the pictures that they labeled",
    "none": "none: nobody checks the pictures against the prompts, so there is no alignment",
}
VERDICTS = (
    "Each verdict follows from a rule that its question's file states, by the largest evidence "
    "that there is. Words are graded by the margin, the smallest difference that matters: by more "
    "than matters, by less, or no difference that matters. The chance of any wrong headline is 5 % "
    "at most (Holm); of the full words on sub-questions 5 % are wrong at most, on average. "
    "Intervals are 95 % intervals, unadjusted for how many variants are looked at: what stands out "
    "among many may do so by chance."
)
HOW_TO_READ = """\
- **alignment** is the share of a prompt's stated facts that the judge finds in its picture, \
**all facts** the share of pictures in which every fact holds. ↑ and ↓ mark the better end where \
there is one.
- Prompts are the independent observations: seeds are averaged within a prompt, and intervals are \
t intervals over prompts. Shares of facts get two pseudo-prompts, one at each end of the range, so \
that no interval has zero width. Under 8 prompts there is no interval. What a claim of a page says \
of unbounded numbers, such as sharpness, has intervals of the studentized bootstrap: wider than \
the tables' where a few prompts stand out.
- **difference** (to the baseline) is paired: the same prompt and seed, so the same noise, in \
both. A star says that its interval excludes 0.
- **lpips**, **psnr** and **ssim** say how far a picture is from the baseline's of the same prompt \
and seed. Far is not bad in itself. LPIPS is v0.1 with AlexNet, SSIM has Wang's settings; pictures \
without any difference have no PSNR and are left out of its mean.
- **seed diversity** is the mean LPIPS between the seeds of a prompt, where it has several.
- **sharpness** is the variance of the Laplacian of luma, **edge density** the share of pixels on \
a steep slope, **high frequency share** that of the variance in details of under four pixels; \
noise raises all three.
- Embeddings are described by class of tokens: the prompt's own words (content) and the chat \
template. **Cosine drift** is 0 and **cka** 1 where the encoder says the same as in the baseline.
- Under "sets of pictures", **kid**, **fd**, **precision**, **recall**, **density** and \
**coverage** compare all pictures of a variant with a reference, in the features of the network \
that their name ends in. KID is unbiased and may be below 0; a Fréchet distance of few pictures is \
mostly bias, about as much as the split-half null beside it. **vendi** counts different pictures. \
All but KID depend on the number of pictures, and none has an interval.
- **Chance** is the alignment of the baseline's pictures judged by other prompts' texts: a model \
that ignores its prompt reaches it.
- **By the largest evidence**: where this model's calibration kept scores of more prompts and \
seeds, drawn once on a GPU, those give the word. **With fewer prompts** is what the pictures of \
this run alone say by the same rules; it may leave more open.
- **Open at this size** names the variants that leave it open, and about how many prompts tell no \
difference from one that matters, in four of five studies.
- **Sharpness** is compared by its ratio (x 1.32 is 32 % sharper); 15 % matters.
- **Seconds** of a picture are its forwards x the mean seconds of a forward, plus encoding, \
decoding and saving, of a picture made alone at the profile's size and length of prompt; in \
brackets, every part at its fastest and at its slowest. A column is one machine and one set of \
weights: random ones say what as many forwards take, the quality beside them is not theirs. More \
forwards take longer on every machine, so the front by seconds is the front by forwards.
- **coverage** is the share of the pictures asked for that were made. A failed picture has no \
score, rather than 0.
- Screening looks at every variant. The one contrast named before the run is measured again on \
prompts of its own, under **Confirmed**."""


def write_report(
    params: Params,
    spec: ModelSpec,
    weights: str,
    studies: Sequence[StudyReport],
    agreement: Mapping[str, float | None],
    answers: Sequence[Answer],
    results: Mapping[str, Results],
    scorecard: Mapping[str, Any],
    machines: Sequence[MachineResults],
    environments: Mapping[str, NamedEnvironment],
) -> str:
    """The whole report: scorecard, verdicts, a page a question, then all numbers of every study.

    Args:
        params: params.yaml.
        spec: of the model.
        weights: SHA-256 of its weights.
        studies: in the order of params.yaml.
        agreement: of the judge with people over all facts, as reports/judge.json has it.
        answers: to the questions that were asked, in their order.
        results: by name of their file, for what pages cite.
        scorecard: of the calibration.
        machines: what was measured of them.
        environments: what the numbers of the studies were computed in, by id.
    """
    keys = [report.key for report in studies]
    parts = [
        f"# Evaluation of {spec.title}",
        _describe_run(params, spec, weights, studies, agreement, environments),
        calibration_section(scorecard),
        "## Verdicts",
        VERDICTS,
        verdict_table(answers),
        "## Contents",
        "\n".join(
            [f"- [{name}](#{name.lower().replace(' ', '-')})" for name in SECTIONS]
            + [f"- [{a.question.row}: {a.question.title}](#{a.name})" for a in answers]
        ),
        "## How to read this",
        HOW_TO_READ,
        *(
            write_page(
                a,
                results,
                keys,
                page_values(a.question.claims, studies),
                page_seconds(a.question.sources, studies, machines, results),
                machines,
            )
            for a in answers
        ),
        machine_section(machines),
        studies_section(studies, spec.distribution),
    ]
    return "\n\n".join(parts) + "\n"


def _describe_run(
    params: Params,
    spec: ModelSpec,
    weights: str,
    studies: Sequence[StudyReport],
    agreement: Mapping[str, float | None],
    environments: Mapping[str, NamedEnvironment],
) -> str:
    screen, confirm = params.phases.screen, params.phases.confirm
    defaults = [
        f"`{leaf}={show_value(value)}`" for (_, leaf), value in leaves(spec.defaults.model_dump())
    ]
    count = f"{len(studies)} studies, {sum(len(report.variants) for report in studies)} variants"
    facts = {
        "model": f"`{params.model}`, weights sha256 `{weights[:16]}`",
        "judge": f"{JUDGES[spec.judge]} ({_describe_agreement(agreement)})",
        "size": f"{count}; n = {screen.num_prompts} prompts "
        f"x {_plural(screen.num_seeds, 'seed')} to screen every variant, {confirm.num_prompts} "
        f"other prompts x {_plural(confirm.num_seeds, 'seed')} to confirm one contrast a study "
        f"(prompt set `{spec.prompt_sets['main']}`)",
        "defaults": ", ".join(defaults),
        "computed on": computed_on(environments),
    }
    return "\n".join(f"- **{name}**: {value}" for name, value in facts.items())


def _describe_agreement(agreement: Mapping[str, float | None]) -> str:
    if not agreement["num_images"]:
        return "not compared with people"
    ends = agreement["agreement_low"], agreement["agreement_high"]
    shown = show_interval(agreement["agreement"], *ends, decimals=2)
    return (
        f"agrees with people on {shown} of the facts of a picture, "
        f"n = {agreement['num_images']:.0f} pictures"
    )


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
