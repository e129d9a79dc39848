"""What the context refiner does to a caption's tokens: how far they go, and whether by a map."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from diffusers import ZImageTransformer2DModel
from diffusers.models.transformers.transformer_z_image import ZImageTransformerBlock
from numpy.typing import NDArray

from zimage_eval.metrics.embedding import (
    TokenVectors,
    cosine_drift,
    effective_rank,
    linear_cka,
    norm,
    variance,
)
from zimage_eval.model.captions import EmbeddedCaption, embed_caption, refine
from zimage_eval.output.observations import Measurement
from zimage_eval.statistics.linear_maps import LinearMap, explained_share, fit_linear
from zimage_eval.text.chat_format import NO_TOKEN, PAD, TOKEN_CLASSES, TokenClass
from zimage_eval.text.embeddings import TextEmbeddings

PAD_ID: Final = NO_TOKEN - 1
"""The id of padding, which is no token of the vocabulary: a learned vector of the transformer."""


class RefinedCaption(NamedTuple):
    """One prompt on both sides of the refiner, padding included."""

    prompt_id: str
    before: TokenVectors
    after: TokenVectors
    attention: NDArray[np.float64]
    """`(num_blocks, length, length)`: the weight of each key for each query, mean over heads."""


@torch.no_grad()
def refine_prompt(
    transformer: ZImageTransformer2DModel, prompt_id: str, text: TextEmbeddings
) -> RefinedCaption:
    """A prompt through a loaded transformer's own refiner."""
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
        TokenVectors(tokens, token_ids, one[0].float().cpu().numpy())
        for one in (caption.vectors, vectors)
    )
    return RefinedCaption(prompt_id, before, after, np.stack(weights))


@torch.no_grad()
def attention_weights(
    block: ZImageTransformerBlock, caption: EmbeddedCaption
) -> NDArray[np.float64]:
    """`(length, length)` weights of a block's attention, mean over its heads; rows sum to 1.

    diffusers' ZSingleStreamAttnProcessor up to the softmax, which it leaves to a fused kernel.
    """
    attention = block.attention
    inputs = block.attention_norm1(caption.vectors)
    sides = []
    for project, normalize in (
        (attention.to_q, attention.norm_q),
        (attention.to_k, attention.norm_k),
    ):
        heads = project(inputs).unflatten(-1, (attention.heads, -1))
        heads = heads if normalize is None else normalize(heads)
        pairs = torch.view_as_complex(heads.float().reshape(*heads.shape[:-1], -1, 2))
        sides.append(torch.view_as_real(pairs * caption.freqs_cis[:, :, None]).flatten(3)[0])
    query, key = sides
    logits = torch.einsum("qhc,khc->hqk", query, key) / query.shape[-1] ** 0.5
    weights: NDArray[np.float64] = logits.softmax(-1).mean(0).double().cpu().numpy()
    return weights


def describe_refinement(captions: Sequence[RefinedCaption]) -> list[Measurement]:
    """Of each prompt and class of token: `cosine`, `norm_ratio`, `variance_ratio`, the rank, `cka`.

    Ratios are after over before. Where a class has no two different vectors before (padding is one
    vector), its variance ratio and ranks do not exist.
    """
    found = []
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
            found += [
                Measurement("refined", caption.prompt_id, 0, token_class, name, value)
                for name, value in values.items()
            ]
    return found


def describe_attention(captions: Sequence[RefinedCaption]) -> list[Measurement]:
    """How far a class's tokens attend and to which classes, by block and as evenly spread weights.

    `attention_distance` is the mean number of tokens between query and key, `attention_to_<class>`
    the weight that goes there, `attention_entropy` the exponential of the entropy, over the number
    of tokens: 1 if spread evenly. The variant `even` is what no preference at all would give.
    """
    found = []
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
                        f"attention_to_{other}": weights[rows][:, classes == other].sum(1).mean()
                        for other in TOKEN_CLASSES
                    },
                }
                found += [
                    Measurement(variant, caption.prompt_id, 0, token_class, name, float(value))
                    for name, value in values.items()
                ]
    return found


def fit_delta(captions: Sequence[RefinedCaption]) -> LinearMap:
    """The linear map from an unrefined token to what the refiner adds to it."""
    sources = [torch.from_numpy(one.before.vectors) for one in captions]
    return fit_linear(sources, [torch.from_numpy(delta_of(one)) for one in captions])


def explained_deltas(
    variant: str,
    captions: Sequence[RefinedCaption],
    delta_map: LinearMap,
    deltas: Sequence[NDArray[np.float32]],
) -> tuple[dict[str, dict[str, float | None]], list[Measurement]]:
    """R² of the map's deltas on prompts that it has not seen, by class of token.

    Returns:
        `<variant>/<class>` with `explained_share` over all tokens of the class; and
        `explained_share_of_prompt`, the same over each prompt's, around the mean of all.
    """
    results: dict[str, dict[str, float | None]] = {}
    found = []
    for token_class in TOKEN_CLASSES:
        pairs = [
            (
                caption.prompt_id,
                delta_map(torch.from_numpy(caption.before.vectors[kept])),
                delta[kept],
            )
            for caption, delta in zip(captions, deltas, strict=True)
            if (kept := caption.before.classes == token_class).any()
        ]
        if not pairs:
            continue
        predicted = torch.cat([pair[1] for pair in pairs])
        wanted = torch.from_numpy(np.concatenate([pair[2] for pair in pairs])).double()
        share = explained_share(predicted, wanted)
        results[f"{variant}/{token_class}"] = {"explained_share": share}
        mean = wanted.mean(0)
        for prompt_id, told, delta in pairs:
            one = torch.from_numpy(delta).double()
            error, total = (told - one).square().sum(), (one - mean).square().sum()
            value = float(1 - error / total) if total else None
            found.append(
                Measurement(variant, prompt_id, 0, token_class, "explained_share_of_prompt", value)
            )
    return results, found


def delta_of(caption: RefinedCaption) -> NDArray[np.float32]:
    """`(length, dim)`: what the refiner adds."""
    delta: NDArray[np.float32] = caption.after.vectors - caption.before.vectors
    return delta


def noise_deltas(captions: Sequence[RefinedCaption], seed: int) -> list[NDArray[np.float32]]:
    """Noise as long as each token's delta, drawn anew for every token of every prompt.

    What a map finds in it is what it would find in a refiner that only adds noise.
    """
    rng = np.random.default_rng(seed)
    found = []
    for caption in captions:
        lengths = np.linalg.norm(delta_of(caption), axis=1, keepdims=True)
        drawn = rng.standard_normal(caption.before.vectors.shape)
        drawn *= lengths / np.linalg.norm(drawn, axis=1, keepdims=True)
        found.append(drawn.astype(np.float32))
    return found


def map_results(
    fitted_on: Sequence[RefinedCaption], tried_on: Sequence[RefinedCaption]
) -> tuple[dict[str, dict[str, float | None]], list[Measurement]]:
    """Linear maps to the refiner's deltas, and to noise of the same lengths, on other prompts.

    `linear_map` is how far the refiner is one; `noise` what is found where there is nothing.
    """
    deltas = [delta_of(one) for one in tried_on]
    own = explained_deltas("linear_map", tried_on, fit_delta(fitted_on), deltas)
    noisy = []
    for one, noise in zip(fitted_on, noise_deltas(fitted_on, 0), strict=True):
        before = one.before
        after = TokenVectors(before.tokens, before.token_ids, before.vectors + noise)
        noisy.append(one._replace(after=after))
    control = explained_deltas("noise", tried_on, fit_delta(noisy), noise_deltas(tried_on, 1))
    return own[0] | control[0], own[1] + control[1]


def points_by_class(
    captions: Sequence[RefinedCaption], side: str
) -> Mapping[TokenClass, NDArray[np.float64]]:
    """`(num_tokens, dim)` of all prompts, `before` or `after` the refiner."""
    return {
        token_class: np.concatenate([getattr(one, side).of(token_class)[1] for one in captions])
        for token_class in TOKEN_CLASSES
    }


def _ratio(after: float | None, before: float | None) -> float | None:
    return after / before if after is not None and before else None
