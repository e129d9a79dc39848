"""`comparison:` of params.yaml: which models are compared, and on what."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from zimage_eval.frozen import Frozen
from zimage_eval.setting_groups import Count

ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
"""Name of models/<model>.yaml and of the weights in models/<model>/."""
FolderName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class Comparison(Frozen):
    """Several models on the same prompts, each by its own pipeline at its recommended settings.

    Judge, backbones and reference are those of the model under study, for all alike.
    """

    models: Annotated[tuple[ModelName, ...], Field(strict=False, min_length=1)]
    """In the order in which they are shown; a difference is between two of them."""
    prompt_set: FolderName
    """Folder of prompts/ that all of them are asked."""
    num_prompts: Count
    """An equal share of each of its categories."""
    num_seeds: Count
    """With one there is no seed diversity."""
    capabilities: FolderName | None
    """Folder of prompts/ that asks for what a model may be unable to do; null for none."""
    num_capability_seeds: Count

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for name in self.models:
            if self.models.count(name) > 1:
                raise ValueError(f"models: {name!r} stands twice")
        if self.capabilities == self.prompt_set:
            raise ValueError(f"capabilities: {self.capabilities!r} is the prompt set itself")
        return self


def need_comparison(entry: Comparison | None) -> Comparison:
    """The entry; a ValueError if params.yaml leaves it out."""
    if entry is None:
        raise ValueError("params.yaml: there is no entry 'comparison'")
    return entry
