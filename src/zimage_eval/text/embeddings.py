"""Tables of prompt embeddings: writing and reading Parquet files with one row for each token."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zimage_eval.config.setting_groups import EncoderSettings
from zimage_eval.config.settings import value_name
from zimage_eval.output.tables import embeddings_schema, read_list_size, read_table, write_table

# torch takes seconds to import, and what the store holds needs none of it.
if TYPE_CHECKING:
    import torch


class TextEmbeddings(NamedTuple):
    """The embeddings of one text under one encoder setting."""

    text: str
    settings: EncoderSettings
    token_ids: "torch.Tensor"
    """`(num_tokens,)` integers."""
    tokens: list[str]
    """The vocabulary's spelling of each token."""
    prompt_embeds: "torch.Tensor"
    """`(num_tokens, hidden_size)` float32, bfloat16 or float16."""

    def as_rows(self) -> "EmbeddedText":
        """The same as a table holds it, the vectors in float32, without loss."""
        vectors = self.prompt_embeds.float().numpy()
        ids = self.token_ids.numpy().astype(np.int32)
        return EmbeddedText(self.text, self.settings, ids, self.tokens, vectors)


class EmbeddedText(NamedTuple):
    """The embeddings of one text under one encoder setting, as a table holds them."""

    text: str
    settings: EncoderSettings
    token_ids: NDArray[np.int32]
    """`(num_tokens,)`."""
    tokens: list[str]
    vectors: NDArray[np.float32]
    """`(num_tokens, hidden_size)`."""


def write_embeddings(path: Path, embeddings: Iterable[TextEmbeddings | EmbeddedText]) -> None:
    """Write the rows sorted by text and settings; vectors become float32, without loss.

    Raises:
        ValueError: there are two embeddings of one text under the same settings.
    """
    entries = [
        entry.as_rows() if isinstance(entry, TextEmbeddings) else entry for entry in embeddings
    ]
    canonical = {settings: settings.canonical() for settings in {e.settings for e in entries}}
    ordered = sorted(entries, key=lambda entry: (entry.text, canonical[entry.settings]))
    lengths = [len(entry.tokens) for entry in ordered]
    vectors = np.concatenate([entry.vectors for entry in ordered])
    schema = embeddings_schema(vectors.shape[1])

    def repeat(values: list, kind: pa.DataType) -> pa.Array:
        return pa.array(values, kind).take(np.repeat(np.arange(len(ordered)), lengths))

    columns = [
        repeat([entry.text for entry in ordered], pa.string()),
        repeat([canonical[entry.settings] for entry in ordered], pa.string()),
        repeat([value_name(entry.settings.hidden_layer) for entry in ordered], pa.string()),
        pa.array(np.concatenate([np.arange(length) for length in lengths]), pa.int32()),
        pa.array(np.concatenate([entry.token_ids for entry in ordered]), pa.int32()),
        pa.array([token for entry in ordered for token in entry.tokens], pa.string()),
        pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1]),
    ]
    write_table(path, schema, pa.Table.from_arrays(columns, schema=schema.columns))


def read_embeddings(path: Path) -> dict[tuple[str, EncoderSettings], "torch.Tensor"]:
    """(text, settings) -> `(num_tokens, hidden_size)` float32, for all rows of a table.

    Raises:
        ValueError: the file is missing or is no table of embeddings.
    """
    import torch

    hidden_size = read_list_size(path, "vector")
    table = read_table(path, embeddings_schema(hidden_size)).combine_chunks()
    vectors = table["vector"].combine_chunks().flatten().to_numpy().reshape(-1, hidden_size)
    starts = np.flatnonzero(table["position"].to_numpy() == 0)
    heads = table.select(["text", "encoder"]).take(starts).to_pylist()
    parts = np.split(vectors, starts[1:])
    settings = {
        name: EncoderSettings.model_validate_json(name) for name in {h["encoder"] for h in heads}
    }
    return {
        (head["text"], settings[head["encoder"]]): torch.from_numpy(part.copy())
        for head, part in zip(heads, parts, strict=True)
    }
