"""Encodings and wordings from the store, and those that it lacks made anew.

Neither torch nor transformers is imported where the store holds everything. A text is encoded
alone, so what is computed beside it changes no bit of its vectors.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.config.params import Phase
from zimage_eval.config.setting_groups import EncoderSettings
from zimage_eval.config.settings import Settings
from zimage_eval.config.variants import Variant, phase_variants
from zimage_eval.model.folder import TEXT_PARTS, weights_digest
from zimage_eval.output.store import ENCODINGS, WORDINGS, Store, load_or_compute
from zimage_eval.output.stored.entry_keys import computed_by, entry_key
from zimage_eval.text.embeddings import EmbeddedText, TextEmbeddings
from zimage_eval.text.needed_encodings import Encoding, PhaseTexts, fit_phase
from zimage_eval.text.wordings import Wording, WordingKey, word_prompts, wording_key


class TextModel(NamedTuple):
    """Where the text side of a model is, and in which number format it runs."""

    folder: Path
    dtype: DtypeSettings


class TextStores(NamedTuple):
    """The stores of what texts become."""

    encodings: Store
    wordings: Store


def open_text_stores(root: Path | None) -> TextStores:
    """Both stores in one folder; None keeps nothing."""
    return TextStores(Store(root, ENCODINGS), Store(root, WORDINGS))


def stored_encodings(
    encodings: Collection[Encoding], texts: PhaseTexts, model: TextModel, store: Store
) -> dict[Encoding, EmbeddedText]:
    """All encodings, as few of them as possible by the text encoder; shows a progress bar then.

    Args:
        encodings: texts and settings.
        texts: the prompt set that maps are fitted on.
        model: the text encoder.
        store: of encodings.
    """
    keys = _encoding_keys(encodings, texts, model) if store.root else {}
    entries: dict[Encoding, EmbeddedText] = {}
    for encoding, key in keys.items():
        stored = store.load([key], lambda data, pair=encoding: _unpack(data, *pair))  # type: ignore[misc]
        if stored:
            [entries[encoding]] = stored
    missing = [encoding for encoding in encodings if encoding not in entries]
    for encoding, embedded in _encode(missing, texts, model).items() if missing else ():
        entries[encoding] = embedded.as_rows()
        if keys:
            store.save([keys[encoding]], [_pack(entries[encoding])])
    return entries


def stored_wordings(
    variants: Sequence[Variant],
    confirm: str | None,
    texts: Mapping[Phase, Sequence[str]],
    model: TextModel,
    fillers: Sequence[str],
    store: Store,
) -> dict[WordingKey, Wording]:
    """The wordings of a study's prompts, as `wordings.study_wordings` finds them.

    A tokenizer is loaded only for a filler that the store does not know.
    """
    wordings: dict[WordingKey, Wording] = {}
    for phase, prompts in texts.items():
        for variant in phase_variants(variants, phase, confirm):
            settings = variant.settings
            if settings.prompt.filler_tokens:
                wordings |= _filled_prompts(prompts, settings, model, fillers, store)
            else:
                wordings |= word_prompts(prompts, [settings], None, fillers)
    return wordings


def _filled_prompts(
    prompts: Sequence[str],
    settings: Settings,
    model: TextModel,
    fillers: Sequence[str],
    store: Store,
) -> dict[WordingKey, Wording]:
    """The wordings of prompts under settings with a filler; one entry of the store."""
    key = entry_key(
        kind=WORDINGS.name,
        tokenizer=weights_digest(model.folder, ("tokenizer",)),
        prompts=list(prompts),
        settings=[settings.prompt.canonical(), settings.encoder.canonical()],
        fillers=list(fillers),
        **computed_by(__name__),
    )

    def fill() -> list[Wording]:
        from zimage_eval.text.encoder import load_tokenizer

        filled = word_prompts(prompts, [settings], load_tokenizer(model.folder), fillers)
        return [filled[wording_key(text, settings)] for text in prompts]

    wordings = [Wording(*pair) for pair in load_or_compute(store, key, fill)]
    return {wording_key(text, settings): w for text, w in zip(prompts, wordings, strict=True)}


def _encode(
    encodings: Collection[Encoding], texts: PhaseTexts, model: TextModel
) -> Mapping[Encoding, TextEmbeddings]:
    from zimage_eval.model.devices import load_once, pick_device, start_workers
    from zimage_eval.model.memory import check_memory
    from zimage_eval.text.encoder import load_text_encoder, load_tokenizer
    from zimage_eval.text.encoding import encode_texts

    folder, device = model.folder, pick_device()
    check_memory(folder, model.dtype, TEXT_PARTS, device)
    load_encoder = load_once(lambda: load_text_encoder(folder, model.dtype, device))
    with start_workers(device) as workers:
        return encode_texts(encodings, texts, load_tokenizer(folder), load_encoder, workers)


def _encoding_keys(
    encodings: Collection[Encoding], texts: PhaseTexts, model: TextModel
) -> dict[Encoding, str]:
    """A mapped layer's key also holds the prompts that the map is fitted on."""
    shared = entry_key(
        kind=ENCODINGS.name,
        weights=weights_digest(model.folder, TEXT_PARTS),
        dtype=model.dtype.text_encoder,
        **computed_by(__name__),
    )
    names = {settings: settings.canonical() for _, settings in encodings}
    fitted = {phase: entry_key(texts=list(texts[phase])) for phase in texts}

    def fit_of(text: str, settings: EncoderSettings) -> str | None:
        return None if settings.layer_map == "none" else fitted[fit_phase(text, texts)]

    return {
        (text, settings): entry_key(
            shared=shared, text=text, encoder=names[settings], fitted_on=fit_of(text, settings)
        )
        for text, settings in encodings
    }


def _pack(entry: EmbeddedText) -> bytes:
    """As safetensors; the spellings of the tokens are bytes of JSON."""
    spellings = json.dumps(entry.tokens, ensure_ascii=False).encode()
    arrays = {
        "token_ids": entry.token_ids,
        "tokens": np.frombuffer(spellings, np.uint8),
        "vectors": np.ascontiguousarray(entry.vectors),
    }
    return save(arrays)


def _unpack(data: bytes, text: str, settings: EncoderSettings) -> EmbeddedText:
    try:
        arrays = load(data)
        tokens = json.loads(arrays["tokens"].tobytes())
        return EmbeddedText(text, settings, arrays["token_ids"], tokens, arrays["vectors"])
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"it holds no encoding ({error})") from error
