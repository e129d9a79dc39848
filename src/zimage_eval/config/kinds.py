"""Kinds of facts that a prompt states, and classes of tokens that its text has."""

from typing import Literal, get_args

FactKind = Literal[
    "shape", "color", "size", "fill", "position", "count", "relation", "background", "style"
]
FACT_KINDS: tuple[FactKind, ...] = get_args(FactKind)
TokenClass = Literal["template", "content", "pad"]
"""A token of Qwen3's chat template, of the prompt's words, or of padding."""
TOKEN_CLASSES: tuple[TokenClass, ...] = get_args(TokenClass)
