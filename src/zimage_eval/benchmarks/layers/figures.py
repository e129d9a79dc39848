"""Figures of the hidden layers: heat map of statistics, scatter plots of tokens, sizes by layer."""

from collections.abc import Mapping, Sequence

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zimage_eval.output.figures import CATEGORY_STYLES, FAINT, INK, WIDTH_INCHES


def layer_heat_map(
    values: Mapping[str, Sequence[float | None]], layers: Sequence[str], target: str
) -> Figure:
    """Draw a row per statistic and a column per layer; colors range over the values of a row.

    Args:
        values: statistic -> one value per layer.
        layers: names of the layers, in order.
        target: the layer that the transformer was trained on; its name is bold.
    """
    with matplotlib.style.context("default"):
        figure = Figure(figsize=(WIDTH_INCHES, 1.4 + 0.42 * len(values)), layout="constrained")
        axes = figure.add_subplot()
        numbers = np.array(
            [[np.nan if v is None else v for v in row] for row in values.values()], dtype=float
        )
        low = np.nanmin(numbers, axis=1, keepdims=True)
        spread = np.nanmax(numbers, axis=1, keepdims=True) - low
        shades = (numbers - low) / np.where(spread > 0, spread, 1)
        axes.imshow(shades, cmap="cividis", aspect="auto", vmin=0, vmax=1)
        for (y, x), number in np.ndenumerate(numbers):
            color = "white" if shades[y, x] < 0.55 else "black"
            text = "" if np.isnan(number) else f"{number:.3g}"
            axes.text(x, y, text, ha="center", va="center", fontsize=8.5, color=color)
        axes.set_xticks(range(len(layers)), layers, fontsize=10)
        axes.set_yticks(range(len(values)), list(values), fontsize=10)
        for label in axes.get_xticklabels():
            label.set_fontweight("bold" if label.get_text() == target else "normal")
        axes.set_xlabel(
            "hidden_layer (-1 after the final norm; bold: the one that conditions; "
            "colors rank a row)"
        )
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        return figure


def scatter_panels(
    panels: Sequence[tuple[str, Mapping[str, NDArray[np.float64]], tuple[float, float]]],
) -> Figure:
    """Draw the points of each class along the first two principal components, one panel per layer.

    Args:
        panels: of each panel its title, class -> `(num_points, 2)`, and the two components' shares
            of the variance.
    """
    columns = min(5, len(panels))
    rows = -(-len(panels) // columns)
    with matplotlib.style.context("default"):
        size = (WIDTH_INCHES, 0.7 + rows * WIDTH_INCHES / columns * 0.95)
        figure = Figure(figsize=size, layout="constrained")
        for index, (title, points, shares) in enumerate(panels):
            axes = figure.add_subplot(rows, columns, index + 1)
            for (name, xy), (color, marker) in zip(points.items(), CATEGORY_STYLES, strict=False):
                axes.plot(xy[:, 0], xy[:, 1], marker, color=color, ms=3, alpha=0.5, label=name)
            axes.set_title(title, fontsize=10, color=INK)
            words = " / ".join(f"{share:.0%}" for share in shares)
            axes.set_xlabel(words, fontsize=8, color=FAINT)
            axes.set_xticks([])
            axes.set_yticks([])
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9
        )
        return figure


def draw_layer_sizes(rows: Mapping[str, Mapping[str, float | None]]) -> Figure:
    """Draw by layer the norms of words, template and first token, and how uneven the channels are.

    Args:
        rows: `layer=<index>` -> the result of `analysis.layer_row`; 0 is the token embedding.
    """
    named = {
        int(name.split("=")[1]): row for name, row in rows.items() if name.startswith("layer=")
    }
    layers = sorted(named)
    words = {k: named[k]["norm_content"] or 0.0 for k in layers}
    norms: dict[str, list[float | None]] = {
        "words": [words[k] for k in layers],
        "template": [named[k]["norm_template"] for k in layers],
        "first token": [
            words[k] * (named[k]["norm_first_token_over_content"] or 0.0) for k in layers
        ],
    }
    with matplotlib.style.context("default"):
        figure = Figure(figsize=(WIDTH_INCHES + 2, 3.6), layout="constrained")
        norm_axes, energy_axes, outlier_axes = figure.subplots(1, 3)
        for (name, values), (color, marker) in zip(norms.items(), CATEGORY_STYLES, strict=False):
            heights = np.array([np.nan if value is None else value for value in values])
            norm_axes.plot(layers, heights, marker=marker, color=color, label=name, ms=5)
        norm_axes.set(yscale="log", title="norm of a token")
        norm_axes.legend(frameon=False, fontsize=8)
        for axes, key, title, least_top in (
            (energy_axes, "largest_channel_share", "energy in the largest channel", 0.0),
            (outlier_axes, "outlier_channels", "outlier channels", 1.0),
        ):
            axes.plot(layers, [named[k][key] for k in layers], "o-", color=INK, ms=5)
            axes.set(title=title)
            axes.set_ylim(0, max(least_top, axes.get_ylim()[1]))
        for axes in (norm_axes, energy_axes, outlier_axes):
            axes.set_xlabel("hidden layer (0: token embedding)")
            axes.title.set_fontsize(11)
            axes.spines[["top", "right"]].set_visible(False)
        return figure
