"""Prompt -> the string whose tokens the text encoder reads."""

from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

from zimage_eval.setting_groups import EncoderSettings

_PLACE = "\N{BLACK SQUARE}"


class ChatText(NamedTuple):
    """A string in three parts: the prompt, and what the chat format puts around it."""

    before: str
    prompt: str
    after: str


def format_prompt(
    tokenizer: PreTrainedTokenizerBase, prompt: str, settings: EncoderSettings
) -> ChatText:
    """The prompt in the chat format of these settings, or by itself without `chat_template`."""
    if not settings.chat_template:
        return ChatText("", prompt, "")
    before, after = chat_parts(tokenizer, settings.system_prompt, settings.think_block)
    return ChatText(before, prompt, after)


def chat_parts(
    tokenizer: PreTrainedTokenizerBase, system_prompt: str, think_block: str | None
) -> tuple[str, str]:
    r"""What stands before and after a prompt: the user's turn, opened and closed, and more.

    Args:
        tokenizer: its chat template is asked as ZImagePipeline asks it.
        system_prompt: content of a system's turn in front; empty for no such turn.
        think_block: what stands in `<think>\n...\n</think>\n\n` at the beginning of the
            assistant's turn; None, as in ZImagePipeline, for no such block. The empty one is what
            the template itself writes for `enable_thinking=False`, and is four tokens.
    """
    system = [{"role": "system", "content": system_prompt}] if system_prompt else []
    string = tokenizer.apply_chat_template(
        [*system, {"role": "user", "content": _PLACE}],
        tokenize=False,
        add_generation_prompt=True,
        enable_thinking=True,
    )
    assert isinstance(string, str)
    before, _, after = string.rpartition(_PLACE)
    return before, after if think_block is None else f"{after}<think>\n{think_block}\n</think>\n\n"
