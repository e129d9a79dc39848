"""Train the text encoder: a small Qwen3 that paraphrases captions and remembers each word.

Continuing captions alone is not enough: to that task all nouns are alike, and their hidden states
collapse into one (cosine 0.9999 between eight shapes was seen). Whoever has to paraphrase a caption
must know what it says, but may still keep "left" and "right" apart by less than a transformer can
see. So every hidden state has to tell its own token as well, in random directions that differ from
layer to layer: which layer a transformer was trained on then matters.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import trange
from transformers import Qwen2Tokenizer, Qwen3Config, Qwen3Model

from calibration.data.truths import TextEncoderRecipe
from calibration.train.learning_rate import warmup_cosine
from calibration.train.optimizers import Optimizers
from zimage_eval.config.setting_groups import HiddenLayer
from zimage_eval.model.folder import padded_length
from zimage_eval.text.chat_format import chat_parts
from zimage_eval.text.hidden_layers import pick_layer, run_encoder
from zimage_eval.text.tokens import Chunk

_ANSWER_WEIGHT: Final = 2.0
_WORD_WEIGHT: Final = 0.3
_ALL: Final = slice(None)


def build_text_encoder(recipe: TextEncoderRecipe, vocab_size: int) -> Qwen3Model:
    """An untrained `Qwen3Model` with tied embeddings and Qwen3's ratios."""
    config = Qwen3Config(
        vocab_size=vocab_size,
        hidden_size=recipe.hidden_size,
        intermediate_size=recipe.intermediate_size,
        num_hidden_layers=recipe.num_layers,
        num_attention_heads=recipe.num_heads,
        num_key_value_heads=max(1, recipe.num_heads // 2),
        head_dim=recipe.hidden_size // recipe.num_heads,
        max_position_embeddings=4096,
        rms_norm_eps=1e-6,
        tie_word_embeddings=True,
        attention_dropout=0.0,
        use_cache=False,
    )
    return Qwen3Model(config)


class ChatCaption(NamedTuple):
    """A caption as it stands in a chat."""

    text: str
    think_block: str | None
    """As `chat_parts` takes it."""
    chat_template: bool = True
    """Without, the text stands by itself."""


def tokenize_captions(
    tokenizer: Qwen2Tokenizer, captions: Sequence[ChatCaption]
) -> list[list[int]]:
    """Token ids of each caption in the chat format that the text encoder sees."""
    parts: dict[tuple[str | None, bool], tuple[str, str]] = {}
    strings = []
    for text, think_block, chat_template in captions:
        key = (think_block, chat_template)
        if key not in parts:
            parts[key] = chat_parts(tokenizer, "", think_block) if chat_template else ("", "")
        strings.append(text.join(parts[key]))
    return tokenizer(strings).input_ids


class Dialogue(NamedTuple):
    """A caption in the chat format, its answer and the end of the answer's turn."""

    token_ids: list[int]
    caption_length: int
    """Tokens before the answer, chat format included."""


def tokenize_dialogues(
    tokenizer: Qwen2Tokenizer, captions: Sequence[ChatCaption], answers: Sequence[str]
) -> list[Dialogue]:
    """Each caption as a question, with its answer."""
    questions = tokenize_captions(tokenizer, captions)
    replies = tokenizer([f"{answer}{tokenizer.eos_token}" for answer in answers]).input_ids
    return [Dialogue(q + reply, len(q)) for q, reply in zip(questions, replies, strict=True)]


def stack_by_length(
    token_ids: Sequence[Sequence[int]], pad_id: int
) -> dict[int, tuple[list[int], Tensor, Tensor]]:
    """Rows, padded ids `(n, length)` and lengths `(n,)` of the texts of each padded length."""
    rows: dict[int, list[int]] = defaultdict(list)
    for row, ids in enumerate(token_ids):
        rows[padded_length(len(ids))].append(row)
    stacked = {}
    for length, members in sorted(rows.items()):
        padded = [[*token_ids[r], *[pad_id] * (length - len(token_ids[r]))] for r in members]
        lengths = torch.tensor([len(token_ids[r]) for r in members])
        stacked[length] = (members, torch.tensor(padded), lengths)
    return stacked


class _Stack(NamedTuple):
    """Dialogues of one padded length."""

    ids: Tensor
    lengths: Tensor
    """Tokens of caption and answer, `(num_dialogues,)`."""
    caption_lengths: Tensor


def _loss(model: Qwen3Model, word_directions: Tensor, batch: _Stack) -> Tensor:
    """Next tokens, the answer's more than the caption's, and each hidden state's own token."""
    output = model(input_ids=batch.ids, output_hidden_states=True)
    positions = torch.arange(batch.ids.shape[1], device=batch.ids.device)[None]
    is_text = positions < batch.lengths[:, None]
    is_answer = is_text & (positions >= batch.caption_lengths[:, None])
    logits = output.last_hidden_state[:, :-1] @ model.embed_tokens.weight.T
    losses = F.cross_entropy(
        logits.float().flatten(0, 1), batch.ids[:, 1:].flatten(), reduction="none"
    ).view_as(is_text[:, 1:])
    following = _mean_where(is_text[:, 1:], losses)
    answer = _mean_where(is_answer[:, 1:], losses)
    states = torch.stack(output.hidden_states[1:-1])
    words = torch.einsum("lbth,lvh->lbtv", F.rms_norm(states, states.shape[-1:]), word_directions)
    word_losses = F.cross_entropy(
        words.float().flatten(0, 2), batch.ids.repeat(len(states), 1).flatten(), reduction="none"
    ).view(len(states), *batch.ids.shape)
    word = _mean_where(is_text.expand_as(word_losses), word_losses)
    return following + _ANSWER_WEIGHT * answer + _WORD_WEIGHT * word


def draw_word_directions(num_layers: int, vocab_size: int, hidden_size: int) -> Tensor:
    """Random directions of the tokens at each hidden state between the first and the last.

    `(num_layers - 1, vocab_size, hidden_size)`; a state along one makes a logit of about 10.
    """
    directions = torch.randn(num_layers - 1, vocab_size, hidden_size)
    return F.normalize(directions, dim=-1) * 10 / hidden_size**0.5


def _mean_where(mask: Tensor, values: Tensor) -> Tensor:
    return (values * mask).sum() / mask.sum()


def train_text_encoder(
    dialogues: Sequence[Dialogue],
    tokenizer: Qwen2Tokenizer,
    recipe: TextEncoderRecipe,
    seed: int,
    device: torch.device,
) -> Qwen3Model:
    """A text encoder trained to say captions in other words and to remember each of its words."""
    torch.manual_seed(seed)
    model = build_text_encoder(recipe, len(tokenizer)).to(device)
    directions = draw_word_directions(recipe.num_layers, len(tokenizer), recipe.hidden_size)
    directions = directions.to(device)
    rates = (recipe.learning_rate, recipe.matrix_learning_rate)
    optimizers = Optimizers(model, *rates, betas=(0.9, 0.95))
    captions = torch.tensor([dialogue.caption_length for dialogue in dialogues])
    stacked = stack_by_length([d.token_ids for d in dialogues], tokenizer.pad_token_id)
    stacks = [
        _Stack(*(t.to(device) for t in (ids, lengths, captions[rows])))
        for rows, ids, lengths in stacked.values()
    ]
    weights = torch.tensor([float(len(stack.ids)) for stack in stacks])
    share = warmup_cosine(recipe.num_steps)
    loss = torch.zeros(())
    for step in trange(recipe.num_steps, desc="text encoder", mininterval=10):
        stack = stacks[int(torch.multinomial(weights, 1))]
        picked = torch.randint(len(stack.ids), (recipe.batch_size,), device=device)
        optimizers.set_rate(share(step))
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            loss = _loss(model, directions, _Stack(*(column[picked] for column in stack)))
        optimizers.step(loss)
    print(f"text encoder: last loss {loss.item():.3f} nats per token")
    return model.eval()


@torch.no_grad()
def encode_ids(
    model: Qwen3Model, ids: Tensor, hidden_layer: HiddenLayer, batch_size: int = 4096
) -> Tensor:
    """Hidden states `(n, length, hidden_size)` half of right-padded ids `(n, length)`.

    The encoder is causal, so padding on the right changes no token before it.
    """
    parts = []
    for part in ids.split(batch_size):
        states = run_encoder(model, Chunk(part, torch.ones_like(part, dtype=torch.bool), _ALL))
        parts.append(pick_layer(states, hidden_layer).half())
    return torch.cat(parts)
