"""Every kind of claim, and which of them an entry of a question's file is."""

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import Discriminator, Tag

from zimage_eval.questions.claims.benchmark import BenchmarkClaim
from zimage_eval.questions.claims.claim import Claim
from zimage_eval.questions.claims.exact import ExactClaim
from zimage_eval.questions.claims.needs_training import NeedsTrainingClaim
from zimage_eval.questions.claims.number import NumberClaim
from zimage_eval.questions.claims.study import StudyClaim
from zimage_eval.questions.claims.tested import TestedClaim
from zimage_eval.questions.claims.threshold import ThresholdClaim


def _kind_of(data: Any) -> str:  # noqa: ANN401 - whatever the file holds, or a claim
    """The kind whose rules have the entry's rule, or else by whether a benchmark is named."""

    def field(name: str) -> object:
        return data.get(name) if isinstance(data, Mapping) else getattr(data, name, None)

    for name, kind in KINDS.items():
        if field("rule") in get_args(kind.model_fields["rule"].annotation):
            return name
    return "study" if field("benchmark") is None else "benchmark"


AnyClaim = Annotated[
    Annotated[StudyClaim, Tag("study")]
    | Annotated[BenchmarkClaim, Tag("benchmark")]
    | Annotated[ThresholdClaim, Tag("threshold")]
    | Annotated[ExactClaim, Tag("exact")]
    | Annotated[TestedClaim, Tag("tested")]
    | Annotated[NumberClaim, Tag("number")]
    | Annotated[NeedsTrainingClaim, Tag("needs_training")],
    Discriminator(_kind_of),
]
"""A claim in a question's file. A new kind is a line here; its tag is its file's name."""
KINDS: Mapping[str, type[Claim]] = {
    get_args(kind)[1].tag: get_args(kind)[0] for kind in get_args(get_args(AnyClaim)[0])
}
"""By tag."""
