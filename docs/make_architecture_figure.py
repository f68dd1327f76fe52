"""Draw the architecture diagram of the documentation: ``make figures``."""

from __future__ import annotations

import os
from pathlib import Path

import matplotlib
from matplotlib.patches import FancyBboxPatch

from spatialkit import plots

TARGET = Path(__file__).parent / "images" / "architecture.svg"
BLUE, ORANGE, GREY = "#d6e6f5", "#fbe3cd", "#ececec"
# Rows from the bottom to the top: (colour, names of the boxes).
CORE = (
    (GREY, ("errors", "typing", "validation", "geometry")),
    (BLUE, ("layouts", "audio", "panning", "ambisonics", "downmix")),
    (BLUE, ("stft", "files", "binaural", "rendering", "metrics", "plots")),
    (BLUE, ("batch", "upmixing", "listening", "report")),
    (BLUE, ("commands", "page")),
)
MODELS = (
    (ORANGE, ("losses", "modules", "metrics")),
    (ORANGE, ("weights", "inference", "data", "training")),
    (ORANGE, ("style_vae", "ambisonizer", "evaluation")),
    (ORANGE, ("upmixers", "commands")),
)


def main() -> None:
    """Draw both packages side by side."""
    # The same file in every run: text as paths, no random names, and no date.
    os.environ["SOURCE_DATE_EPOCH"] = "0"
    settings = {"font.size": 9, "svg.fonttype": "path", "svg.hashsalt": "spatialkit"}
    with matplotlib.rc_context(settings):
        draw()
    print(TARGET)


def draw() -> None:
    """Draw the figure with the present settings of matplotlib."""
    figure = plots.new_figure(8.3, 3.6)
    axes = figure.subplots()
    draw_package(axes, 0.0, 5.8, "spatialkit (core)", CORE)
    draw_package(axes, 6.7, 3.6, "spatialkit_models (plug-in)", MODELS)
    style = {"arrowstyle": "-|>", "color": "0.3"}
    axes.annotate("", (5.9, 3.0), (6.6, 3.0), arrowprops=style)
    axes.text(6.25, 3.12, "public\nnames", ha="center", va="bottom", fontsize=8)
    axes.annotate("", (-0.15, 0.1), (-0.15, 4.9), arrowprops=style)
    axes.text(-0.3, 2.5, "imports", rotation=90, ha="center", va="center", fontsize=8)
    axes.set(xlim=(-0.5, 10.4), ylim=(-0.1, 5.6))
    axes.axis("off")
    plots.write_figure(figure, TARGET)


def draw_package(axes, left, width, title, rows) -> None:
    """Draw the rows of one package from the bottom up."""
    axes.text(left + width / 2, 5.25, title, ha="center", fontsize=10, weight="bold")
    for number, (colour, names) in enumerate(rows):
        step = width / len(names)
        for column, name in enumerate(names):
            box = FancyBboxPatch(
                (left + column * step + 0.04, number + 0.12), step - 0.08, 0.72,
                boxstyle="round,pad=0,rounding_size=0.08", facecolor=colour, edgecolor="0.5",
            )  # fmt: skip
            axes.add_patch(box)
            axes.text(left + (column + 0.5) * step, number + 0.48, name, ha="center", va="center")


if __name__ == "__main__":
    main()
