"""What contrasts with one baseline say by the rule of a claim."""

from collections.abc import Mapping, Sequence

from zimage_eval.claims import ContrastRule
from zimage_eval.contrasts import Assay, Contrast, Terms
from zimage_eval.evidence import (
    Evidence,
    baseline_best,
    best_of_grid,
    interaction,
    no_difference,
    not_testable,
    shifted,
    some_better,
)
from zimage_eval.heterogeneity import depends_on_category


def decide(
    rule: ContrastRule,
    contrasts: Sequence[Contrast],
    baseline: str,
    terms: Terms,
    assay: Assay,
    lead: float,
    categories: Mapping[str, str],
) -> Evidence:
    """What contrasts with one baseline say by a rule.

    Args:
        rule: of the claim.
        contrasts: one a rival, in the claim's order.
        baseline: name of what they are compared with.
        terms: margin and coverage.
        assay: whether the judge is sensitive.
        lead: how far ahead the better must be.
        categories: of each prompt; read where an effect may depend on them.
    """
    if rule == "baseline_best":
        return baseline_best(contrasts, terms, assay, lead)
    if rule == "some_better":
        return some_better(contrasts, terms, assay, lead)
    if rule == "no_difference":
        return no_difference(contrasts, terms, assay)
    if rule == "best_of_grid":
        return best_of_grid(contrasts, baseline, terms, assay)
    if rule == "interaction":
        return interaction(_beyond_the_sum(contrasts), terms, assay)
    if rule == "depends_on_category":
        return depends_on_category(contrasts, categories, terms, assay)
    return shifted(contrasts, terms, assay, rule)


def find_rivals(
    named: str | Sequence[str], made: Mapping[str, None], others: Sequence[str]
) -> Sequence[str] | Evidence:
    """The rivals of a claim, or why it can't be tested.

    A rival that is not there, or that is the baseline itself (another model has other defaults),
    makes the claim one that this run can't test.
    """
    known = [variant for variant in made if variant not in others]
    rivals = known if named == "all" else list(named)
    lacking = [rival for rival in rivals if rival not in known]
    if lacking:
        return not_testable(f"there is no rival named {', '.join(map(repr, lacking))}")
    return rivals or not_testable("there is no rival")


def _beyond_the_sum(contrasts: Sequence[Contrast]) -> Contrast:
    if len(contrasts) != 3:
        raise ValueError(f"an interaction names two changes and both, not {len(contrasts)}")
    one, other, both = contrasts
    shared = one.differences.keys() & other.differences.keys() & both.differences.keys()
    differences = {
        prompt: both.differences[prompt] - one.differences[prompt] - other.differences[prompt]
        for prompt in sorted(shared)
    }
    coverage = min(contrast.coverage for contrast in contrasts)
    name = f"{both.variant} beyond the sum"
    return Contrast(name, both.metric, differences, coverage, None, None)
