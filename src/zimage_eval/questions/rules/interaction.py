"""The rule `interaction`: two changes together do other than the sum of each."""

from collections.abc import Sequence

from zimage_eval.questions.contrasts import Contrast
from zimage_eval.questions.rules.comparison import Comparison, Rule
from zimage_eval.questions.rules.differs import climb_difference
from zimage_eval.questions.rules.gains import GAINS


def beyond_the_sum(comparison: Comparison) -> Comparison:
    """One contrast: what both changes do beyond the sum of each.

    Raises:
        ValueError: the claim does not name the first change, the second, and both together.
    """
    return comparison._replace(contrasts=[_beyond_the_sum(comparison.contrasts)], costs={})


def _beyond_the_sum(contrasts: Sequence[Contrast]) -> Contrast:
    if len(contrasts) != 3:
        raise ValueError(f"an interaction names two changes and both, not {len(contrasts)}")
    first, second, both = contrasts
    shared = first.differences.keys() & second.differences.keys() & both.differences.keys()
    differences = {
        prompt: both.differences[prompt] - first.differences[prompt] - second.differences[prompt]
        for prompt in sorted(shared)
    }
    coverage = min(contrast.coverage for contrast in contrasts)
    name = f"{both.variant} beyond the sum"
    return Contrast(
        variant=name,
        metric=both.metric,
        differences=differences,
        coverage=coverage,
        bounds=None,
        better=None,
        min_prompts=both.min_prompts,
    )


INTERACTION = Rule(
    hypothesis="two changes together do other than the sum of each",
    yes=GAINS,
    no=("no_difference",),
    climb=climb_difference,
    needs_direction=False,
    prepare=beyond_the_sum,
)
