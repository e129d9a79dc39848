"""The library of templates: what a study makes of it, and that a malformed one is named."""

from collections import Counter
from pathlib import Path

import pytest

from tests.support.repository import ROOT
from zimage_eval.config.model_spec import load_model_spec
from zimage_eval.config.params import Study, load_params
from zimage_eval.prompts.sets import load_prompt_set
from zimage_eval.prompts.templates import load_templates, study_variants
from zimage_eval.text.encoder import load_tokenizer
from zimage_eval.text.wordings import word_prompt

LIBRARY = ROOT / "prompts/templates"
STUDY = load_params(ROOT / "params.yaml").get_study("templates")


def write(folder: Path, text: str) -> Path:
    (folder / "scenes.yaml").write_text(text)
    return folder


def test_nanos_variants_are_those_of_scenes() -> None:
    variants = study_variants(STUDY, load_model_spec(ROOT / "models/nano.yaml"), LIBRARY)
    prompts = {variant.name: variant.settings.prompt for variant in variants}
    assert list(prompts) == ["baseline", "bare", "crisp", "lovely", "fine", "filler"]
    assert [prompt.own_lead for prompt in prompts.values()] == [True] + [False] * 5
    assert prompts["crisp"].prefix == "a crisp picture of"
    assert prompts["bare"].prefix == prompts["filler"].prefix == ""
    assert prompts["filler"].filler_tokens == 4


def test_a_released_model_has_dozens_in_several_categories() -> None:
    spec = load_model_spec(ROOT / "models/z-image-turbo.yaml")
    templates = load_templates(LIBRARY, "natural")
    assert [v.name for v in study_variants(STUDY, spec, LIBRARY)][1:] == [t.name for t in templates]
    sizes = Counter(template.category for template in templates)
    assert len(templates) > 48
    assert min(sizes[c] for c in ("photography", "painting", "illustration", "design")) >= 10


def test_every_template_of_scenes_has_four_tokens() -> None:
    """So that with any of them a caption is padded to the same multiple."""
    tokenizer = load_tokenizer(ROOT / "models/nano")
    for template in load_templates(LIBRARY, "scenes"):
        if template.prefix:
            assert len(tokenizer(template.prefix).input_ids) == 4, template.name


def test_words_of_natural_templates_read_on_into_a_prompt() -> None:
    spec = load_model_spec(ROOT / "models/z-image-turbo.yaml")
    tokenizer = load_tokenizer(ROOT / "models/nano")
    prompt = load_prompt_set(ROOT / "prompts/natural")[0]
    worded = {
        variant.name: word_prompt(prompt.text, variant.settings, tokenizer, spec.filler_sentences)
        for variant in study_variants(STUDY, spec, LIBRARY)
    }
    assert worded["bare"] == worded["baseline"] == prompt.text
    words = [text for name, text in worded.items() if not name.startswith("filler")]
    assert len(set(words)) == len(words) - 1  # nano's tokenizer is too coarse for the fillers
    bare = prompt.text.removesuffix(".")
    for name, text in worded.items():
        assert bare[1:] in text, name
        assert "  " not in text and " ," not in text, name


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "must be a list of templates"),
        ("- 3", "entry 0"),
        ("- {name: a}", "scenes.yaml: a: category: missing"),
        ("- {name: a, category: b, prefx: c}", "unknown key 'prefx', did you mean 'prefix'"),
        ("- {name: a, category: b, prefix: 'c '}", "scenes.yaml: a: prefix"),
        ("- {name: a, category: b, prefix: c, filler_tokens: 2}", "words or filler_tokens"),
        ("- {name: a, category: b}\n- {name: a, category: b, prefix: c}", "'a' stands twice"),
        ("- {name: a, category: b}\n- {name: c, category: d}", "'a' and 'c' say the same"),
    ],
)
def test_what_is_malformed_is_named(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r".*") as error:
        load_templates(write(tmp_path, text), "scenes")
    assert problem in str(error.value)


def test_a_prompt_set_without_templates_is_named() -> None:
    spec = load_model_spec(ROOT / "models/nano.yaml")
    study = Study(question="?", prompts="concepts", vary={}, variants="templates", confirm=None)
    with pytest.raises(ValueError, match=r"'scene_concepts'; there are: natural, scenes"):
        study_variants(study, spec, LIBRARY)
