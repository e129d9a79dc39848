"""prompts/templates/<set>.yaml: words put around the prompts of a set, a variant each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from zimage_eval.config.frozen import Frozen, cut, parse, read_yaml, unknown, yaml_files
from zimage_eval.config.model_spec import ModelSpec, prompt_set_of
from zimage_eval.config.params import Study
from zimage_eval.config.variants import Variant, expand_variants

Words = Annotated[str, StringConstraints(pattern=r"^(\S+( \S+)*)?$")]


class Template(Frozen):
    """What is put in the place of a prompt's own first words, or behind it."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    category: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    """What kind of words these are; the study is also read by it."""
    prefix: Words = ""
    suffix: Words = ""
    filler_tokens: Annotated[int, Field(ge=0)] = 0
    """Of the model's filler sentences instead: as long as a template, and says nothing."""

    @model_validator(mode="after")
    def _words_or_filler(self) -> Self:
        if self.filler_tokens and (self.prefix or self.suffix):
            raise ValueError(f"{self.name}: has words or filler_tokens, not both")
        return self

    def changes(self) -> dict[str, dict[str, Any]]:
        """What it changes in `Settings`, as a named variant of a study says it."""
        words = self.model_dump(include={"prefix", "suffix", "filler_tokens"})
        return {"prompt": {"own_lead": False} | {key: v for key, v in words.items() if v}}


def load_templates(folder: Path, prompt_set: str) -> tuple[Template, ...]:
    """The templates for a prompt set, in the order of the file.

    Raises:
        ValueError: the set has no file, or an entry is malformed, or a name or the words stand
            twice; names the file and the entry.
    """
    file = folder / f"{prompt_set}.yaml"
    if not file.is_file():
        known = ", ".join(path.stem for path in yaml_files(folder)) or "none"
        raise ValueError(f"{file}: no templates for prompt set {prompt_set!r}; there are: {known}")
    entries = read_yaml(file)
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"{file}: must be a list of templates, each with name, category, words")
    names: set[str] = set()
    owners: dict[str, str] = {}
    templates = []
    for index, entry in enumerate(entries):
        name = entry.get("name") if isinstance(entry, Mapping) else None
        template = parse(entry, Template, f"{file}: {cut(str(name or f'entry {index}'))}")
        if template.name in names:
            raise ValueError(f"{file}: name {template.name!r} stands twice")
        twin = owners.setdefault(str(template.changes()), template.name)
        if twin != template.name:
            raise ValueError(f"{file}: {twin!r} and {template.name!r} say the same")
        names.add(template.name)
        templates.append(template)
    return tuple(templates)


def check_template_files(folder: Path) -> None:
    """Check that every file of templates is for a prompt set that is there.

    Args:
        folder: of all prompt sets; its templates/ has the templates.

    Raises:
        ValueError: there is no such set; names the nearest.
    """
    sets = sorted(path.name for path in folder.glob("*/") if path.name != "templates")
    for path in yaml_files(folder / "templates"):
        if path.stem not in sets:
            raise ValueError(f"{path}: no prompt set is {unknown(path.stem, sets)}")


def study_variants(study: Study, spec: ModelSpec, templates: Path) -> tuple[Variant, ...]:
    """The variants of a study; `variants: templates` stands for one a template of its prompt set.

    Args:
        study: an entry of params.yaml.
        spec: of the model, whose prompt sets and defaults they are.
        templates: folder of the templates' files.

    Raises:
        ValueError: there are no templates for the prompt set, or as `expand_variants` says.
    """
    named = None
    if study.variants == "templates":
        library = load_templates(templates, prompt_set_of(spec, study.prompts))
        named = {template.name: template.changes() for template in library}
    return expand_variants(study, spec.defaults, named)
