"""nano's text encoder: a small Qwen3 that learned to say captions in other words.

Continuing captions alone is not enough: to that task all nouns are alike, and their hidden states
collapse into one (cosine 0.9999 between eight shapes was seen). Whoever has to paraphrase a caption
must keep what it says.
"""

from collections import defaultdict
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import trange
from transformers import Qwen2Tokenizer, Qwen3Config, Qwen3Model

from calibration.learning_rate import warmup_cosine
from calibration.truths import TextEncoderRecipe
from zimage_eval.chat_format import format_prompt
from zimage_eval.model_folder import padded_length


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


def tokenize(tokenizer: Qwen2Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text in the chat format that the text encoder sees."""
    marker = "\N{BLACK SQUARE}"
    before, after = format_prompt(tokenizer, marker, enable_thinking=True).split(marker)
    return tokenizer([before + text + after for text in texts]).input_ids


def tokenize_dialogues(
    tokenizer: Qwen2Tokenizer, texts: Sequence[str], answers: Sequence[str]
) -> list[list[int]]:
    """Token ids of each text in the chat format, with an answer and the end of its turn."""
    questions = tokenize(tokenizer, texts)
    replies = tokenizer([f"{answer}{tokenizer.eos_token}" for answer in answers]).input_ids
    return [question + reply for question, reply in zip(questions, replies, strict=True)]


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


def train_text_encoder(
    token_ids: Sequence[Sequence[int]],
    tokenizer: Qwen2Tokenizer,
    recipe: TextEncoderRecipe,
    seed: int,
    device: torch.device,
) -> Qwen3Model:
    """A text encoder trained to predict each next token of captions and their paraphrases."""
    torch.manual_seed(seed)
    model = build_text_encoder(recipe, len(tokenizer)).to(device)
    optimizer = torch.optim.AdamW(
        model.parameters(), recipe.learning_rate, betas=(0.9, 0.95), weight_decay=0.05
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, warmup_cosine(recipe.num_steps))
    stacked = list(stack_by_length(token_ids, tokenizer.pad_token_id).values())
    weights = torch.tensor([float(len(rows)) for rows, _, _ in stacked])
    rng = torch.Generator().manual_seed(seed)
    progress = trange(recipe.num_steps, desc="text encoder", mininterval=10)
    for _ in progress:
        _, ids, lengths = stacked[int(torch.multinomial(weights, 1, generator=rng))]
        picked = torch.randint(len(ids), (recipe.batch_size,), generator=rng)
        batch, length = ids[picked].to(device), lengths[picked].to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            hidden = model(input_ids=batch).last_hidden_state
            logits = hidden @ model.embed_tokens.weight.T
        is_text = torch.arange(batch.shape[1], device=device)[None, 1:] < length[:, None]
        targets = batch[:, 1:].masked_fill(~is_text, -100)
        loss = F.cross_entropy(logits[:, :-1].float().flatten(0, 1), targets.flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    print(f"text encoder: last loss {loss.item():.3f} nats per token")
    return model.eval()


@torch.no_grad()
def encode_ids(model: Qwen3Model, ids: Tensor, hidden_layer: int, batch_size: int = 4096) -> Tensor:
    """Hidden states `(n, length, hidden_size)` half of right-padded ids `(n, length)`.

    The encoder is causal, so padding on the right changes no token before it.
    """
    device = model.embed_tokens.weight.device
    parts = [
        model(input_ids=part.to(device), output_hidden_states=True)
        .hidden_states[hidden_layer]
        .half()
        for part in ids.split(batch_size)
    ]
    return torch.cat(parts)
