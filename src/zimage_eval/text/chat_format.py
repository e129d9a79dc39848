"""The chat format: the string that the text encoder reads for a prompt, and its token classes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from zimage_eval.config.kinds import TokenClass
from zimage_eval.config.setting_groups import EncoderSettings

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TURN_START, TURN_END, PAD = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
HEADER_LENGTH = 3
"""Number of tokens before the words of a turn: its start, the role, a line break."""
NO_TOKEN = -1
"""The token id of a vector that stands for several tokens."""
_PROMPT_MARK = "\N{BLACK SQUARE}"


class ChatText(NamedTuple):
    """The prompt and the texts that the chat format puts before and after it."""

    before: str
    prompt: str
    after: str


def format_prompt(
    tokenizer: "PreTrainedTokenizerBase", prompt: str, settings: EncoderSettings
) -> ChatText:
    """The prompt in the chat format of the settings; alone if `chat_template` is false."""
    if not settings.chat_template:
        return ChatText("", prompt, "")
    before, after = chat_parts(tokenizer, settings.system_prompt, settings.think_block)
    return ChatText(before, prompt, after)


def chat_parts(
    tokenizer: "PreTrainedTokenizerBase", system_prompt: str, think_block: str | None
) -> tuple[str, str]:
    r"""The texts before and after a prompt: the user's turn, opened and closed, and other turns.

    Args:
        tokenizer: its chat template is applied as ZImagePipeline applies it.
        system_prompt: content of a system turn in front; empty for no such turn.
        think_block: content of a block `<think>\n...\n</think>\n\n` at the beginning of the
            assistant's turn; None, as in ZImagePipeline, for no such block. The template itself
            writes the empty block for `enable_thinking=False`; it is four tokens.
    """
    system = [{"role": "system", "content": system_prompt}] if system_prompt else []
    string = tokenizer.apply_chat_template(
        [*system, {"role": "user", "content": _PROMPT_MARK}],
        tokenize=False,
        add_generation_prompt=True,
        enable_thinking=True,
    )
    assert isinstance(string, str)
    before, _, after = string.rpartition(_PROMPT_MARK)
    return before, after if think_block is None else f"{after}<think>\n{think_block}\n</think>\n\n"


def token_classes(tokens: Sequence[str]) -> list[TokenClass]:
    r"""The class of each token of an encoded prompt; tokens are spelled as in the vocabulary.

    Content is the inside of the last user turn, `<|im_start|>user\n ... <|im_end|>`; if the turn is
    cut off, its content reaches to the last token. Without a user turn, everything but padding is
    content. System prompt and think block belong to the template.
    """
    start, end = 0, len(tokens)
    for index in range(len(tokens) - 1, -1, -1):
        if tokens[index] == TURN_START and tuple(tokens[index + 1 : index + 2]) == ("user",):
            start = index + HEADER_LENGTH
            turn = list(tokens[start:])
            end = start + (turn.index(TURN_END) if TURN_END in turn else len(turn))
            break
    return [
        "pad" if token == PAD else "content" if start <= index < end else "template"
        for index, token in enumerate(tokens)
    ]
