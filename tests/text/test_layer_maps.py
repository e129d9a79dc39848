"""Maps between layers find what was planted, and never see the text they are used on."""

from pathlib import Path

import pytest
import torch

from tests.support.projects.default_settings import make_settings
from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.text.embeddings import TextEmbeddings
from zimage_eval.text.encoder import TextSide, load_text_side
from zimage_eval.text.encoding import encode_layers, map_layers, plan_forwards
from zimage_eval.text.hidden_layers import unit_rms
from zimage_eval.text.layer_maps import fit_linear_map, fit_moments
from zimage_eval.text.needed_encodings import Encoding, PhaseTexts
from zimage_eval.text.tokens import tokenize

FLOAT32 = DtypeSettings(text_encoder="float32", transformer="float32", vae="float32")
TEXTS: PhaseTexts = {
    "screen": ["a red circle", "a blue star", "a small green square", "a large star"],
    "confirm": ["a yellow triangle", "a large blue circle", "a small red star"],
}
CHANNELS = 12


def random_texts(num_texts: int, seed: int) -> list[torch.Tensor]:
    """Correlated channels of different means and sizes, 20 tokens a text."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(CHANNELS, CHANNELS, generator=torch.Generator().manual_seed(1))
    return [
        torch.randn(20, CHANNELS, generator=generator) @ mixing + torch.arange(CHANNELS)
        for _ in range(num_texts)
    ]


def error(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """Share of the variance that is missed, mean over channels."""
    target = unit_rms(wanted)
    return float(((unit_rms(found) - target).square().mean(0) / target.var(0)).mean())


def test_moments_of_each_channel_become_the_targets() -> None:
    sources, targets = random_texts(30, 2), [text * 3 + 1 for text in random_texts(30, 3)]
    mapped = fit_moments(sources, targets)(torch.cat(sources))
    target = unit_rms(torch.cat(targets))
    assert torch.allclose(mapped.mean(0), target.mean(0), atol=1e-5)
    assert torch.allclose(mapped.std(0), target.std(0), atol=1e-5)


def test_a_layer_mapped_to_itself_stays() -> None:
    texts = random_texts(30, 2)
    for fit, tolerance in ((fit_moments, 1e-5), (fit_linear_map, 1e-2)):
        mapped = fit(texts, texts)(torch.cat(texts))
        assert torch.allclose(mapped, unit_rms(torch.cat(texts)), atol=tolerance), fit.__name__


def test_ridge_undoes_a_change_of_coordinates_on_other_texts_and_moments_do_not() -> None:
    rotation = torch.linalg.qr(
        torch.randn(CHANNELS, CHANNELS, generator=torch.Generator().manual_seed(4))
    )[0]
    texts, others = random_texts(40, 5), random_texts(10, 6)
    rotated = [text @ rotation for text in texts]
    hidden, wanted = torch.cat(others) @ rotation, torch.cat(others)
    assert error(fit_linear_map(rotated, texts)(hidden), wanted) < 1e-3
    assert error(fit_moments(rotated, texts)(hidden), wanted) > 0.3


def test_ridge_does_not_bring_back_what_a_layer_has_lost() -> None:
    texts, others = random_texts(40, 5), random_texts(10, 6)
    lost = torch.randn(40, 20, CHANNELS, generator=torch.Generator().manual_seed(7))
    noise = fit_linear_map(list(lost), texts)  # nothing of the target in it
    assert error(noise(lost[0]), texts[0]) > 0.8
    assert error(fit_linear_map(texts, texts)(torch.cat(others)), torch.cat(others)) < 1e-3


def test_more_channels_than_tokens_and_constant_channels_are_no_trouble() -> None:
    wide = [torch.randn(3, 64, generator=torch.Generator().manual_seed(i)) for i in range(4)]
    wide = [torch.cat([text, torch.zeros(3, 1)], dim=1) for text in wide]
    for texts in (wide, wide[:1]):
        found = fit_linear_map(texts, texts)(wide[0])
        assert found.isfinite().all() and found.dtype == torch.float32
        assert torch.equal(fit_linear_map(texts, texts)(wide[0]), found)  # the same again


@pytest.fixture(scope="module")
def side(tiny_folder: Path) -> TextSide:
    return load_text_side(tiny_folder, FLOAT32, torch.device("cpu"))


def run(side: TextSide, forwards: dict[Encoding, set]) -> dict[Encoding, TextEmbeddings]:
    plain = {}
    for key, layers in forwards.items():
        for entry in encode_layers(side.text_encoder, tokenize(side.tokenizer, *key), layers):
            plain[entry.text, entry.settings] = entry
    return plain


def test_texts_run_once_for_all_layers_and_maps(side: TextSide) -> None:
    layers = [-2, -3, "raw_last", (-2, -3)]
    settings = [
        make_settings(hidden_layer=layer, layer_map=how).encoder
        for layer in layers
        for how in ("none", "moments", "ridge")
    ]
    wanted = {(text, one) for one in settings for text in TEXTS["screen"]}
    forwards = plan_forwards(wanted, TEXTS)
    assert {text for text, _ in forwards} == {*TEXTS["screen"], *TEXTS["confirm"]}
    assert len(forwards) == 7
    assert all(found == {-2, -3, "raw_last", (-2, -3)} for found in forwards.values())
    assert set(map_layers(wanted, run(side, forwards), TEXTS)) == wanted
    other = {(text, make_settings(padding_side="left").encoder) for text in TEXTS["screen"]}
    assert len(plan_forwards(wanted | other, TEXTS)) == 7 + 4


@pytest.mark.parametrize("layer_map", ["moments", "ridge"])
def test_no_text_is_mapped_by_a_map_that_has_seen_it(side: TextSide, layer_map: str) -> None:
    settings = make_settings(hidden_layer=-3, layer_map=layer_map).encoder
    texts = [*TEXTS["screen"], *TEXTS["confirm"], "a word of its own"]
    wanted = {(text, settings) for text in texts}
    plain = run(side, plan_forwards(wanted, TEXTS))
    before = map_layers(wanted, plain, TEXTS)
    target = settings.model_copy(update={"hidden_layer": -2, "layer_map": "none"})
    for fitted_on, unmoved in (("screen", TEXTS["screen"]), ("confirm", TEXTS["confirm"])):
        changed = dict(plain)
        for text in TEXTS[fitted_on]:  # type: ignore[index]
            entry = plain[text, target]
            changed[text, target] = entry._replace(prompt_embeds=entry.prompt_embeds.flip(1))
        after = map_layers(wanted, changed, TEXTS)
        for text in texts:
            same = torch.equal(
                after[text, settings].prompt_embeds, before[text, settings].prompt_embeds
            )
            is_held_out = text in unmoved or (fitted_on == "confirm" and text == texts[-1])
            assert same is is_held_out, (fitted_on, text)


def test_mapped_embeddings_keep_their_tokens_and_differ(side: TextSide) -> None:
    settings = {
        how: make_settings(hidden_layer=-3, layer_map=how).encoder for how in ("none", "ridge")
    }
    wanted = {(TEXTS["screen"][0], one) for one in settings.values()}
    found = map_layers(wanted, run(side, plan_forwards(wanted, TEXTS)), TEXTS)
    plain, mapped = (found[TEXTS["screen"][0], settings[how]] for how in ("none", "ridge"))
    assert mapped.tokens == plain.tokens and mapped.settings == settings["ridge"]
    assert not torch.allclose(mapped.prompt_embeds, plain.prompt_embeds, atol=1e-2)
