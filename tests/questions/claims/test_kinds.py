"""Every kind of claim is in the union, and an entry of a question's file is of one kind."""

import inspect
from importlib import import_module
from pkgutil import iter_modules

import pytest

from tests.support.fakes.fake_claims import claim_of
from zimage_eval.questions import claims
from zimage_eval.questions.claims.claim import Claim
from zimage_eval.questions.claims.kinds import KINDS
from zimage_eval.questions.known import Known

RIVALS = {"metric": "alignment", "rivals": ["x"]}
STUDY = {"rule": "higher", "study": "s", "phase": "screen", **RIVALS}


def test_every_file_of_a_kind_is_in_the_union_under_its_name() -> None:
    kinds = {}
    for file in iter_modules(claims.__path__):
        module = import_module(f"{claims.__name__}.{file.name}")
        for _, member in inspect.getmembers(module, inspect.isclass):
            is_kind = issubclass(member, Claim) and not inspect.isabstract(member)
            if is_kind and member.__module__ == module.__name__:
                kinds[file.name] = member
    assert len(kinds) >= 6
    assert kinds == KINDS


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("study", STUDY),
        (
            "benchmark",
            {"rule": "higher", "benchmark": "vae", "better": None, "baseline": "b", "margin": 1.0}
            | RIVALS,
        ),
        (
            "threshold",
            {"rule": "below", "benchmark": "vae", "metric": "m", "variant": "v", "threshold": 1},
        ),
        ("exact", {"rule": "exact", "benchmark": "vae", "checks": ["holds"]}),
        (
            "tested",
            {"rule": "tested", "benchmark": "vae", "row": "r", "p_value": "p", "size": "n"},
        ),
        (
            "number",
            {"rule": "at_most", "benchmark": "vae", "row": "r", "metric": "m", "threshold": 1},
        ),
    ],
)
def test_an_entry_is_of_the_kind_that_has_its_rule(kind: str, fields: dict[str, object]) -> None:
    claim = claim_of(**fields)
    assert type(claim) is KINDS[kind]
    assert claim.source == fields.get("study", "vae")
    assert (claim.scores is None) == (kind != "study")
    assert claim_of(**claim.model_dump()) == claim


def test_a_rule_that_is_none_is_named_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="unknown rule 'hihger', did you mean 'higher'"):
        claim_of(**STUDY | {"rule": "hihger"})


def test_names_that_are_not_known_are_told() -> None:
    known = Known(variants={"s": ["x", "y"]}, categories=["count"], figures=[])
    assert list(claim_of(**STUDY).problems(known)) == []
    wrong = claim_of(**STUDY | {"rivals": ["z"], "baseline": "w", "category": "cuont"})
    baseline, rival, category = wrong.problems(known)
    assert baseline.startswith("baseline: no variant of s is 'w'")
    assert rival.startswith("rivals: no variant of s is 'z'")
    assert "did you mean 'count'" in category
    [study] = claim_of(**STUDY | {"study": "t"}).problems(known)
    assert study.startswith("study: no study is 't'")
    fields = {"rule": "exact", "checks": ["holds"]}
    assert list(claim_of(**fields, benchmark="h100_profile").problems(known)) == []
    [benchmark] = claim_of(**fields, benchmark="profil").problems(known)
    assert "did you mean 'profile'" in benchmark
