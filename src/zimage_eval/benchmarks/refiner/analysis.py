"""How far the context refiner moves a caption's tokens, and whether a linear map can replace it."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from diffusers import ZImageTransformer2DModel
from diffusers.models.transformers.transformer_z_image import ZImageTransformerBlock
from numpy.typing import NDArray

from zimage_eval.config.kinds import TOKEN_CLASSES, TokenClass
from zimage_eval.metrics.embedding import (
    TokenVectors,
    cosine_drift,
    effective_rank,
    linear_cka,
    norm,
    variance,
)
from zimage_eval.model.captions import EmbeddedCaption, embed_caption, refine
from zimage_eval.output.observations import Measurement, measurements_of
from zimage_eval.statistics.linear_maps import LinearMap, explained_share, fit_linear
from zimage_eval.text.chat_format import NO_TOKEN, PAD
from zimage_eval.text.embeddings import TextEmbeddings

PAD_ID: Final = NO_TOKEN - 1
"""Id for padding, which is no token of the vocabulary but a learned vector of the transformer."""


class RefinedCaption(NamedTuple):
    """One prompt before and after the refiner, including padding."""

    prompt_id: str
    before: TokenVectors
    after: TokenVectors
    attention: NDArray[np.float64]
    """`(num_blocks, length, length)`: the weight of each key for each query, mean over heads."""


@torch.no_grad()
def refine_prompt(
    transformer: ZImageTransformer2DModel, prompt_id: str, text: TextEmbeddings
) -> RefinedCaption:
    """Run the transformer's refiner on one prompt, and record its vectors and attention weights."""
    caption = embed_caption(transformer, text.prompt_embeds)
    blocks = list(transformer.context_refiner)
    weights, vectors = [], caption.vectors
    for block in blocks:
        weights.append(attention_weights(block, EmbeddedCaption(vectors, caption.freqs_cis)))
        vectors = refine(block, EmbeddedCaption(vectors, caption.freqs_cis))
    num_pads = vectors.shape[1] - len(text.tokens)
    tokens = [*text.tokens, *[PAD] * num_pads]
    token_ids = np.concatenate([text.token_ids.numpy(), np.full(num_pads, PAD_ID)])
    before, after = (
        TokenVectors(tokens, token_ids, side[0].float().cpu().numpy())
        for side in (caption.vectors, vectors)
    )
    return RefinedCaption(prompt_id, before, after, np.stack(weights))


@torch.no_grad()
def attention_weights(
    block: ZImageTransformerBlock, caption: EmbeddedCaption
) -> NDArray[np.float64]:
    """`(length, length)` attention weights of a block, mean over its heads; rows sum to 1.

    It repeats diffusers' ZSingleStreamAttnProcessor up to the softmax, because diffusers' fused
    kernel does not return the weights.
    """
    attention = block.attention
    inputs = block.attention_norm1(caption.vectors)
    projections = []
    for project, normalize in (
        (attention.to_q, attention.norm_q),
        (attention.to_k, attention.norm_k),
    ):
        heads = project(inputs).unflatten(-1, (attention.heads, -1))
        heads = heads if normalize is None else normalize(heads)
        pairs = torch.view_as_complex(heads.float().reshape(*heads.shape[:-1], -1, 2))
        projections.append(torch.view_as_real(pairs * caption.freqs_cis[:, :, None]).flatten(3)[0])
    query, key = projections
    logits = torch.einsum("qhc,khc->hqk", query, key) / query.shape[-1] ** 0.5
    weights: NDArray[np.float64] = logits.softmax(-1).mean(0).double().cpu().numpy()
    return weights


def describe_refinement(captions: Sequence[RefinedCaption]) -> list[Measurement]:
    """Measure for each prompt and class of token: `cosine`, `norm_ratio`, `variance_ratio`, ...

    The others are `effective_rank_before`, `effective_rank_after` and `cka`. Ratios are after over
    before. If all vectors of a class are equal before the refiner (as padding is), its variance
    ratio and ranks are None.
    """
    measurements = []
    for caption in captions:
        before, after = caption.before, caption.after
        for token_class in TOKEN_CLASSES:
            drift = cosine_drift(after, before, token_class)
            values = {
                "cosine": None if drift is None else 1 - drift,
                "norm_ratio": _ratio(norm(after, token_class), norm(before, token_class)),
                "variance_ratio": _ratio(
                    variance(after, token_class), variance(before, token_class)
                ),
                "effective_rank_before": effective_rank(before, token_class),
                "effective_rank_after": effective_rank(after, token_class),
                "cka": linear_cka(after, before, token_class),
            }
            measurements += measurements_of(
                values, variant="refined", unit=caption.prompt_id, category=token_class
            )
    return measurements


def describe_attention(captions: Sequence[RefinedCaption]) -> list[Measurement]:
    """Measure how far the tokens of a class attend, and to which classes, by block.

    `attention_distance` is the mean number of tokens between query and key. `attention_to_<class>`
    is the weight on keys of a class. `attention_entropy` is the exponential of the entropy over the
    number of tokens: 1 if the weights are even. The variant `even` has the same values for even
    weights, for comparison.
    """
    measurements = []
    for caption in captions:
        classes = caption.before.classes
        length = len(classes)
        steps = np.abs(np.arange(length)[:, None] - np.arange(length))
        even = np.full((length, length), 1 / length)
        blocks = {f"block={index}": weights for index, weights in enumerate(caption.attention)}
        for variant, weights in {**blocks, "even": even}.items():
            entropy = -(weights * np.log(weights.clip(1e-30))).sum(axis=1)
            for token_class in TOKEN_CLASSES:
                rows = classes == token_class
                if not rows.any():
                    continue
                values = {
                    "attention_distance": (weights * steps)[rows].sum(axis=1).mean(),
                    "attention_entropy": np.exp(entropy[rows]).mean() / length,
                    **{
                        f"attention_to_{key_class}": weights[rows][:, classes == key_class]
                        .sum(1)
                        .mean()
                        for key_class in TOKEN_CLASSES
                    },
                }
                measurements += [
                    Measurement(
                        variant=variant,
                        unit=caption.prompt_id,
                        replicate=0,
                        category=token_class,
                        metric=name,
                        value=float(value),
                    )
                    for name, value in values.items()
                ]
    return measurements


def fit_delta(captions: Sequence[RefinedCaption]) -> LinearMap:
    """Fit the linear map from an unrefined token to the vector that the refiner adds to it."""
    sources = [torch.from_numpy(caption.before.vectors) for caption in captions]
    return fit_linear(sources, [torch.from_numpy(delta_of(caption)) for caption in captions])


def explained_deltas(
    variant: str,
    captions: Sequence[RefinedCaption],
    delta_map: LinearMap,
    deltas: Sequence[NDArray[np.float32]],
) -> tuple[dict[str, dict[str, float | None]], list[Measurement]]:
    """R² of a map's deltas on prompts that it was not fitted on, by class of token.

    Returns:
        Rows `<variant>/<class>` with `explained_share` over all tokens of the class. And
        measurements `explained_share_of_prompt` over the tokens of each prompt, where the variance
        is around the mean of all prompts.
    """
    results: dict[str, dict[str, float | None]] = {}
    measurements = []
    for token_class in TOKEN_CLASSES:
        pairs = [
            (
                caption.prompt_id,
                delta_map(torch.from_numpy(caption.before.vectors[is_of_class])),
                delta[is_of_class],
            )
            for caption, delta in zip(captions, deltas, strict=True)
            if (is_of_class := caption.before.classes == token_class).any()
        ]
        if not pairs:
            continue
        predicted = torch.cat([pair[1] for pair in pairs])
        targets = torch.from_numpy(np.concatenate([pair[2] for pair in pairs])).double()
        share = explained_share(predicted, targets)
        results[f"{variant}/{token_class}"] = {"explained_share": share}
        mean = targets.mean(0)
        for prompt_id, prediction, delta in pairs:
            target = torch.from_numpy(delta).double()
            error, total = (prediction - target).square().sum(), (target - mean).square().sum()
            value = float(1 - error / total) if total else None
            measurements.append(
                Measurement(
                    variant=variant,
                    unit=prompt_id,
                    replicate=0,
                    category=token_class,
                    metric="explained_share_of_prompt",
                    value=value,
                )
            )
    return results, measurements


def delta_of(caption: RefinedCaption) -> NDArray[np.float32]:
    """`(length, dim)`: the vectors that the refiner adds."""
    delta: NDArray[np.float32] = caption.after.vectors - caption.before.vectors
    return delta


def noise_deltas(captions: Sequence[RefinedCaption], seed: int) -> list[NDArray[np.float32]]:
    """Random vectors with the length of each token's delta, independent for every token.

    They stand for a refiner that only adds noise: what a map explains of them is its floor.
    """
    rng = np.random.default_rng(seed)
    deltas = []
    for caption in captions:
        lengths = np.linalg.norm(delta_of(caption), axis=1, keepdims=True)
        drawn = rng.standard_normal(caption.before.vectors.shape)
        drawn *= lengths / np.linalg.norm(drawn, axis=1, keepdims=True)
        deltas.append(drawn.astype(np.float32))
    return deltas


def map_results(
    fitted_on: Sequence[RefinedCaption], tried_on: Sequence[RefinedCaption]
) -> tuple[dict[str, dict[str, float | None]], list[Measurement]]:
    """Fit linear maps to the refiner's deltas and to noise; test them on other prompts.

    `linear_map` is how well a linear map replaces the refiner. `noise` is the same for noise of the
    same lengths, as a control.
    """
    deltas = [delta_of(caption) for caption in tried_on]
    refiner_result = explained_deltas("linear_map", tried_on, fit_delta(fitted_on), deltas)
    noisy = []
    for caption, noise in zip(fitted_on, noise_deltas(fitted_on, 0), strict=True):
        before = caption.before
        after = TokenVectors(before.tokens, before.token_ids, before.vectors + noise)
        noisy.append(caption._replace(after=after))
    control = explained_deltas("noise", tried_on, fit_delta(noisy), noise_deltas(tried_on, 1))
    return refiner_result[0] | control[0], refiner_result[1] + control[1]


def points_by_class(
    captions: Sequence[RefinedCaption], side: str
) -> Mapping[TokenClass, NDArray[np.float64]]:
    """Class -> `(num_tokens, dim)` over all prompts; `side` is `before` or `after` the refiner."""
    return {
        token_class: np.concatenate(
            [getattr(caption, side).of(token_class)[1] for caption in captions]
        )
        for token_class in TOKEN_CLASSES
    }


def _ratio(after: float | None, before: float | None) -> float | None:
    return after / before if after is not None and before else None
