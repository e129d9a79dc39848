"""Prompt -> the string whose tokens the text encoder reads."""

from transformers import PreTrainedTokenizerBase


def format_prompt(tokenizer: PreTrainedTokenizerBase, prompt: str, *, enable_thinking: bool) -> str:
    r"""The prompt as the user's turn, followed by the opening of the assistant's turn.

    `enable_thinking=True` is what ZImagePipeline asks for, and adds nothing. `False` appends an
    empty think block, `<think>\n\n</think>\n\n`, which is four tokens.
    """
    string = tokenizer.apply_chat_template(
        [{"role": "user", "content": prompt}],
        tokenize=False,
        add_generation_prompt=True,
        enable_thinking=enable_thinking,
    )
    assert isinstance(string, str)
    return string
