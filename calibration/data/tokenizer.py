"""nano's tokenizer: Qwen3's format and special tokens over a small byte-level BPE vocabulary."""

import json
from collections.abc import Sequence

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers
from tokenizers.trainers import BpeTrainer
from transformers import Qwen2Tokenizer

# Qwen3's cut into words: contractions, letters with one leading sign, single digits, signs, breaks.
PRETOKENIZE_REGEX = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# Qwen3's 26 added tokens in its order. The last twelve are ordinary text to `skip_special_tokens`.
CONTROL_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
TEXT_TOKENS = (
    "<tool_call>",
    "</tool_call>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
    "<tool_response>",
    "</tool_response>",
    "<think>",
    "</think>",
)

# Pieces of the chat template that are one token in Qwen3 and have to be one token here.
TEMPLATE_PIECES = ("user", "assistant", "system", "\n", "\n\n")

# Behaves as Qwen3's template without tools. An assistant turn after the last user turn carries a
# think block (also an empty one); in earlier assistant turns the thinking is dropped.
CHAT_TEMPLATE = r"""
{%- set turns = namespace(last_user=messages|length - 1) %}
{%- for message in messages %}
  {%- if message.role == 'user' %}{% set turns.last_user = loop.index0 %}{% endif %}
{%- endfor %}
{%- for message in messages %}
  {%- if message.role not in ['system', 'user', 'assistant'] %}
    {{- raise_exception('unknown role ' ~ message.role ~ ': system, user or assistant') }}
  {%- endif %}
  {{- '<|im_start|>' ~ message.role ~ '\n' }}
  {%- if message.role != 'assistant' %}
    {{- message.content }}
  {%- else %}
    {%- set answer = message.content %}
    {%- set thinking = '' %}
    {%- if message.reasoning_content is string %}
      {%- set thinking = message.reasoning_content %}
    {%- elif '</think>' in answer %}
      {%- set thinking = answer.split('</think>')[0].split('<think>')[-1] %}
      {%- set answer = answer.split('</think>')[-1].lstrip('\n') %}
    {%- endif %}
    {%- set thinking = thinking.strip('\n') %}
    {%- if loop.index0 > turns.last_user and (loop.last or thinking) %}
      {{- '<think>\n' ~ thinking ~ '\n</think>\n\n' ~ answer.lstrip('\n') }}
    {%- else %}
      {{- answer }}
    {%- endif %}
  {%- endif %}
  {{- '<|im_end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
  {{- '<|im_start|>assistant\n' }}
  {%- if enable_thinking is defined and enable_thinking is false %}
    {{- '<think>\n\n</think>\n\n' }}
  {%- endif %}
{%- endif %}
""".strip()


def build_tokenizer(texts: Sequence[str], vocab_size: int) -> Qwen2Tokenizer:
    """Train nano's tokenizer: same class, format and special tokens as Qwen3's, fewer words.

    Ids 0-255 are the bytes, then come the learned pieces, then the 26 added tokens. The result
    does not depend on the order of `texts`. Pads with `<|endoftext|>` on the right, ends a turn
    with `<|im_end|>`; `save_pretrained` writes a folder that `AutoTokenizer` and
    `Qwen2Tokenizer` load.

    Args:
        texts: captions as the model will see them; a word that is frequent here is one token.
        vocab_size: number of tokens in all; fewer if `texts` has no more pairs to merge.

    Raises:
        ValueError: `vocab_size` is too small for the pieces of the chat template.
    """
    vocab, merges = _train_bpe(texts, vocab_size - len(CONTROL_TOKENS) - len(TEXT_TOKENS))
    added = [AddedToken(token, normalized=False, special=True) for token in CONTROL_TOKENS]
    added += [AddedToken(token, normalized=False, special=False) for token in TEXT_TOKENS]
    tokenizer = Qwen2Tokenizer(
        vocab=vocab,
        merges=merges,
        unk_token=None,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        added_tokens_decoder={len(vocab) + i: token for i, token in enumerate(added)},
        padding_side="right",
        model_max_length=131072,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    for piece in TEMPLATE_PIECES:
        if len(tokenizer(piece).input_ids) != 1:
            raise ValueError(f"vocab_size {vocab_size} leaves no single token for {piece!r}")
    return tokenizer


def _train_bpe(texts: Sequence[str], num_tokens: int) -> tuple[dict[str, int], list]:
    """Vocabulary and merges, best first, of a byte-level BPE of at most `num_tokens` tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = BpeTrainer(
        vocab_size=num_tokens,
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    # Each text brings the template's pieces along, so that they rank with its commonest words.
    around = "\n".join(("", *(piece for piece in TEMPLATE_PIECES if piece.strip()), "\n"))
    tokenizer.train_from_iterator((text + around for text in texts), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(merge) for merge in model["merges"]]
