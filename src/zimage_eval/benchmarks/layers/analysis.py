"""What each hidden layer of a text encoder holds: norms, outliers, dimensions, readable facts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from zimage_eval.benchmarks.layers.embedding_labels import rows_with_common_label
from zimage_eval.benchmarks.shared.content_vectors import Floats, token_vectors
from zimage_eval.config.setting_groups import EncoderSettings, HiddenLayer
from zimage_eval.metrics.embedding import (
    TokenVectors,
    cosine_drift,
    effective_rank,
    effective_rank_of,
    norm,
    sparsity,
    variance,
)
from zimage_eval.output.observations import Measurement, measurements_of
from zimage_eval.prompts.facts import Facts
from zimage_eval.statistics.components import outlier_channels, principal_components
from zimage_eval.statistics.held_out import (
    MIN_PER_CLASS,
    bag_of_words,
    majority_share,
    probe_held_out,
)
from zimage_eval.text.chat_format import TokenClass
from zimage_eval.text.embeddings import TextEmbeddings
from zimage_eval.text.encoding import TARGET_LAYER, encode_layers
from zimage_eval.text.tokens import tokenize

CLASSES: Final[tuple[TokenClass, ...]] = ("template", "content")
"""Classes of tokens that are described; padding is left out, as it never reaches the caption."""
STATISTICS: Final[Mapping[str, Callable[[TokenVectors, TokenClass], float | None]]] = {
    "norm": norm,
    "variance": variance,
    "sparsity": sparsity,
    "effective_rank": effective_rank,
}
TASKS: Final[Mapping[str, Callable[[Facts], str | None]]] = {
    "name": lambda facts: facts.objects[0].name,
    "color": lambda facts: facts.objects[0].color,
    "relation": lambda facts: facts.relations[0].relation if facts.relations else None,
}
"""Facts that probes predict: name and color of the object named first, and the first relation."""
BAG_OF_WORDS = "bag_of_words"
OUTLIER_RATIO: Final = 6.0
"""A channel is an outlier if its mean size is more than this many times the median channel's
(Dettmers et al. 2022 look for sizes of 6 in activations of about 1)."""


class LayerPrompt(NamedTuple):
    """A prompt with its facts."""

    prompt_id: str
    text: str
    facts: Facts


Layers = Mapping[HiddenLayer, TokenVectors]


def layer_name(layer: HiddenLayer) -> str:
    """The name of a layer's variant."""
    return f"hidden_layer={layer}"


def all_layers(num_hidden_layers: int) -> list[HiddenLayer]:
    """All layers: token embedding, raw output of each block, and -1, which is after the norm."""
    return [*range(-num_hidden_layers - 1, -1), "raw_last", -1]


def encode_prompt_layers(
    tokenizer: PreTrainedTokenizerBase,
    text_encoder: PreTrainedModel,
    prompts: Iterable[LayerPrompt],
    layers: Sequence[HiddenLayer],
    settings: EncoderSettings,
) -> list[Layers]:
    """Encode every layer of every prompt, with one forward per prompt."""
    encoded: list[Layers] = []
    for prompt in prompts:
        entries = encode_layers(text_encoder, tokenize(tokenizer, prompt.text, settings), layers)
        encoded.append(
            {layer: token_vectors(entry) for layer, entry in zip(layers, entries, strict=True)}
        )
    return encoded


def describe_layers(prompts: Sequence[LayerPrompt], encoded: Sequence[Layers]) -> list[Measurement]:
    """Measure statistics of each prompt's tokens, by layer and class of token.

    `cosine_to_-2` is the mean over tokens of the cosine between a layer and layer -2.
    """
    measurements = []
    for prompt, layers in zip(prompts, encoded, strict=True):
        for layer, vectors in layers.items():
            for token_class in CLASSES:
                values = {
                    name: statistic(vectors, token_class) for name, statistic in STATISTICS.items()
                }
                drift = cosine_drift(vectors, layers[TARGET_LAYER], token_class)
                values["cosine_to_-2"] = None if drift is None else 1 - drift
                measurements += measurements_of(
                    values, variant=layer_name(layer), unit=prompt.prompt_id, category=token_class
                )
    return measurements


def pooled_statistics(
    encoded: Sequence[Layers], layer: HiddenLayer, token_class: TokenClass
) -> dict[str, float | None]:
    """Statistics over the tokens of all prompts: principal components and outlier channels."""
    vectors = all_vectors(encoded, layer, token_class)
    number, share = outlier_channels(vectors)
    shares = principal_components(vectors).shares
    return {
        "outlier_channels": number,
        "largest_channel_share": share,
        **{f"pca_share_{count}": float(shares[:count].sum()) for count in (1, 3, 10)},
    }


def all_vectors(
    encoded: Sequence[Layers], layer: HiddenLayer, token_class: TokenClass
) -> NDArray[np.float64]:
    """`(num_tokens, hidden_size)` of all prompts."""
    return np.concatenate([layers[layer].of(token_class)[1] for layers in encoded])


def probe_layers(prompts: Sequence[LayerPrompt], encoded: Sequence[Layers]) -> list[Measurement]:
    """Measure whether a probe reads each fact from a layer (1 or 0), or from a bag of words.

    `probe` reads the mean of the content tokens. `probe_last` reads the last token of the caption,
    the only one that has seen all others. Each vector is first scaled to a root mean square of 1,
    as the transformer does.
    """
    measurements = []
    for task, label_of in TASKS.items():
        labels = [label_of(prompt.facts) for prompt in prompts]
        kept = rows_with_common_label(labels, MIN_PER_CLASS)
        if not kept:
            continue
        chosen = [label for index in kept if (label := labels[index]) is not None]
        inputs = {(BAG_OF_WORDS, "probe"): bag_of_words([prompts[index].text for index in kept])}
        for layer in encoded[0]:
            ends = [encoded[index][layer].vectors[-1].astype(np.float64) for index in kept]
            means = [_unit(encoded[index][layer].of("content")[1]).mean(axis=0) for index in kept]
            inputs[layer_name(layer), "probe"] = np.stack(means)
            inputs[layer_name(layer), "probe_last"] = _unit(np.stack(ends))
        for (variant, metric), features in inputs.items():
            measurements += [
                Measurement(
                    variant=variant,
                    unit=prompts[index].prompt_id,
                    replicate=0,
                    category=task,
                    metric=metric,
                    value=float(is_right),
                )
                for index, is_right in zip(kept, probe_held_out(features, chosen), strict=True)
            ]
        measurements += [
            Measurement(
                variant="chance",
                unit=prompts[index].prompt_id,
                replicate=0,
                category=task,
                metric="probe",
                value=majority_share(chosen),
            )
            for index in kept
        ]
    return measurements


def layer_row(encoded: Sequence[TextEmbeddings]) -> dict[str, float | None]:
    """Statistics of one layer over many texts. The first token may be a sink, so it is apart."""
    texts = [token_vectors(entry) for entry in encoded]
    words = np.concatenate([text.of("content")[1] for text in texts])
    template = np.concatenate([text.of("template")[1][1:] for text in texts])
    first = np.stack([text.vectors[0].astype(np.float64) for text in texts])
    sizes = np.abs(words).mean(axis=0)
    energy = (words**2).mean(axis=0)
    median = _length(words)
    return {
        "norm_content": median,
        "norm_content_spread": float(np.linalg.norm(words, axis=1).std() / median),
        "norm_template": _length(template) if len(template) else None,
        "norm_first_token_over_content": _length(first) / median,
        "outlier_channels": int((sizes > OUTLIER_RATIO * np.median(sizes)).sum()),
        "largest_channel_share": float(energy.max() / energy.sum()),
        "constant_channels": int((words.std(axis=0) < 1e-6 * words.std()).sum()),
        "effective_rank": effective_rank_of(words),
        "num_channels": words.shape[1],
    }


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    sizes = np.sqrt(np.square(vectors).mean(axis=-1, keepdims=True))
    unit: NDArray[np.float64] = vectors / sizes.clip(1e-12)
    return unit


def _length(vectors: Floats) -> float:
    return float(np.median(np.linalg.norm(vectors, axis=1)))
