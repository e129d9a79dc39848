"""Batches depend on the prompt list alone and hold one padded caption length."""

import pytest
import torch

from tests.support.models.tiny_model import LIMITS
from tests.support.projects.as_written import as_written
from tests.support.projects.default_settings import make_settings
from zimage_eval.config.params import PHASES
from zimage_eval.config.variants import Variant
from zimage_eval.sampling.batches import (
    Batch,
    ImageRequest,
    PaintRequest,
    compose_batches,
    divide_request,
    plan_variant,
    request_images,
)
from zimage_eval.text.needed_encodings import PhaseTexts
from zimage_eval.text.wordings import Wording, wording_key

TEXTS: PhaseTexts = {"screen": ["x", "y"], "confirm": ["u", "v"]}


def variant(guidance_scale: float = 0.0, hidden_layer: int = -2) -> Variant:
    settings = make_settings(
        hidden_layer=hidden_layer,
        guidance_scale=guidance_scale,
        negative_prompt="no",
        table_length=66,
    )
    return Variant("v", settings, is_baseline=True)


def test_batches_hold_one_padded_length_in_the_order_of_the_prompts() -> None:
    lengths = [40, 10, 32, 33, 64, 65, 1, 31]
    assert compose_batches(lengths, 3) == [[1, 2, 6], [7], [0, 3, 4], [5]]
    assert compose_batches(lengths, 1) == [[1], [2], [6], [7], [0], [3], [4], [5]]
    assert compose_batches([], 4) == []


def test_a_request_is_divided_into_batches_and_the_places_of_their_pictures() -> None:
    embeds = [torch.full((length, 2), float(length)) for length in (40, 10, 32, 33)]
    request = PaintRequest(make_settings(), embeds, [5, 6, 7, 8], None, None)
    parts = divide_request(request, 2)
    assert [places for places, _ in parts] == [[1, 2], [0, 3]]
    for places, batch in parts:
        assert isinstance(batch, Batch)
        assert batch.seeds == [request.seeds[place] for place in places]
        assert [len(entry) for entry in batch.prompt_embeds] == [len(embeds[p]) for p in places]


def ask(chosen: Variant, *prompts: dict) -> list[ImageRequest]:
    [(_, requests)] = request_images([chosen], None, {"screen": prompts})
    return requests


def test_a_prompt_asks_for_an_image_a_seed() -> None:
    prompts = [{"prompt_id": "a/1", "text": "x", "seeds": [5, 6]}]
    [(_, requests)] = request_images([variant()], None, {"confirm": prompts})
    assert [(entry.prompt_id, entry.seed, entry.phase) for entry in requests] == [
        ("a/1", 5, "confirm"),
        ("a/1", 6, "confirm"),
    ]
    assert requests[0].file == "v/a_1-5.png"


def test_a_phase_asks_for_its_own_variants() -> None:
    variants = [variant(), variant(1.0)._replace(name="rival", is_baseline=False)]
    variants.append(variant(2.0)._replace(name="other", is_baseline=False))
    prompts = {phase: [{"prompt_id": phase, "text": "x", "seeds": [5]}] for phase in PHASES}
    asked = request_images(variants, "rival", prompts)
    assert [(chosen.name, requests[0].phase) for chosen, requests in asked] == [
        ("v", "screen"),
        ("rival", "screen"),
        ("other", "screen"),
        ("v", "confirm"),
        ("rival", "confirm"),
    ]


def test_variant_gets_its_own_embeddings_and_a_negative_only_with_guidance() -> None:
    for scale in (0.0, 1.0):
        chosen = variant(scale)
        encoder = chosen.settings.encoder
        embeddings = {("x", encoder): torch.ones(4, 2), ("no", encoder): torch.zeros(3, 2)}
        requests = ask(chosen, {"prompt_id": "a", "text": "x", "seeds": [5]})
        wordings = as_written(["x"], [chosen])
        [(members, how)] = plan_variant(chosen, requests, wordings, embeddings, LIMITS, TEXTS)
        assert isinstance(how, PaintRequest)
        assert members == requests
        assert how.settings == chosen.settings
        assert how.prompt_embeds[0] is embeddings["x", encoder]
        assert how.seeds == [5]
        batch = Batch([how.prompt_embeds[0]], how.negative_prompt_embeds, [5], None)
        assert divide_request(how, 4) == [([0], batch)]
        assert (how.negative_prompt_embeds is None) == (scale == 0.0)


def test_what_the_model_cannot_do_is_a_reason() -> None:
    prompts = [
        {"prompt_id": "a", "text": "short", "seeds": [1]},
        {"prompt_id": "b", "text": "long", "seeds": [2]},
    ]
    chosen = variant()
    encoder = chosen.settings.encoder
    embeddings = {("short", encoder): torch.ones(64, 2), ("long", encoder): torch.ones(65, 2)}
    requests = ask(chosen, *prompts)
    wordings = as_written(["short", "long"], [chosen])
    [(members, how)] = plan_variant(chosen, requests, wordings, embeddings, LIMITS, TEXTS)
    assert members == requests and isinstance(how, PaintRequest)
    parts = divide_request(how, 4)
    assert parts[0][0] == [0] and isinstance(parts[0][1], Batch)
    assert parts[1:] == [([1], "65 tokens: captions end at 64")]
    with_long_negative = how._replace(negative_prompt_embeds=torch.ones(66, 2))
    words = "66 tokens: captions end at 64"
    assert divide_request(with_long_negative, 4) == [([0], words), ([1], words)]
    too_deep = variant(hidden_layer=-7)
    [(members, reason)] = plan_variant(too_deep, requests, {}, {}, LIMITS, TEXTS)
    assert members == requests
    assert reason == "hidden_layer -7: this text encoder has -4 to 3"


def test_text_without_embeddings_is_refused() -> None:
    requests = ask(variant(), {"prompt_id": "a", "text": "x", "seeds": [1]})
    with pytest.raises(ValueError, match="no wording of 'x'"):
        plan_variant(variant(), requests, {}, {}, LIMITS, TEXTS)
    wordings = as_written(["x"], [variant()])
    with pytest.raises(ValueError, match="no embeddings of 'x'"):
        plan_variant(variant(), requests, wordings, {}, LIMITS, TEXTS)


def test_a_prompt_that_cannot_be_worded_so_is_a_reason_and_the_others_go_on() -> None:
    chosen = variant()
    prompts = [{"prompt_id": text, "text": text, "seeds": [1]} for text in ("x", "y")]
    requests = ask(chosen, *prompts)
    wordings = {
        wording_key("x", chosen.settings): Wording(None, "no caption"),
        wording_key("y", chosen.settings): Wording("why", None),
    }
    embeddings = {("why", chosen.settings.encoder): torch.ones(4, 2)}
    lacking, (members, request) = plan_variant(
        chosen, requests, wordings, embeddings, LIMITS, TEXTS
    )
    assert lacking == ([requests[0]], "no caption")
    assert members == [requests[1]] and isinstance(request, PaintRequest)
    assert request.prompt_embeds == [embeddings["why", chosen.settings.encoder]]


@pytest.mark.parametrize(("text", "others"), [("x", "uv"), ("u", "xy"), ("by hand", "xy")])
def test_a_map_in_the_refiners_place_is_fitted_on_the_other_prompts(text: str, others: str) -> None:
    settings = make_settings(refiner_delta="linear")
    chosen = Variant("v", settings, is_baseline=False)
    texts = {*others, text}
    embeddings = {
        (word, settings.encoder): torch.full((3, 2), float(ord(word[0]))) for word in texts
    }
    requests = ask(chosen, {"prompt_id": "a", "text": text, "seeds": [1]})
    wordings = as_written([text], [chosen])
    [(_, how)] = plan_variant(chosen, requests, wordings, embeddings, LIMITS, TEXTS)
    assert isinstance(how, PaintRequest)
    [(_, batch)] = divide_request(how, 4)
    assert isinstance(batch, Batch)
    assert batch.refiner_fit is not None
    assert [float(one[0, 0]) for one in batch.refiner_fit.captions] == [ord(one) for one in others]
    del embeddings[others[1], settings.encoder]
    with pytest.raises(ValueError, match=f"no embeddings of '{others[1]}'"):
        plan_variant(chosen, requests, wordings, embeddings, LIMITS, TEXTS)
