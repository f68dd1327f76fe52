"""Draw where the stems of real mixes go, from the tables of the page: ``make figures``."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

DOCS = Path(__file__).parent
PAGE = DOCS / "guides" / "real-mixes.md"
TARGET = DOCS / "images" / "real-mixes.png"
STEMS = ("vocals", "drums", "bass", "other")
SYSTEM = "style-vae, `band`"
SONGS = {"francium": "francium (held out)", "caesium": "caesium (training data in part)"}
COLOURS = {"before": "#E69F00", "own network": "#0072B2", "true stems": "#009E73"}


def main() -> None:
    """Draw the energy in place by stem: before, now, and with true stems."""
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    now, before = PAGE.read_text(encoding="utf-8").split("## Before the new separator")
    figure, panels = plt.subplots(
        1, 2, figsize=(8.3, 2.9), dpi=200, layout="constrained", sharey=True
    )
    positions = np.arange(len(STEMS))
    for axes, (song, title) in zip(panels, SONGS.items(), strict=True):
        values = {
            "before": in_place(before, song),
            "own network": in_place(now, song),
            "true stems": [100.0] * len(STEMS),
        }
        for number, (label, heights) in enumerate(values.items()):
            bars = axes.bar(
                positions + 0.27 * (number - 1), heights, 0.25, color=COLOURS[label], label=label
            )
            axes.bar_label(bars, fmt="%.0f", fontsize=8)
        axes.set(xticks=positions, xticklabels=STEMS, ylim=(0, 112))
        axes.set_title(title, fontsize=9, loc="left")
    panels[0].set_ylabel("energy in place, %")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    figure.savefig(TARGET)


def in_place(text: str, song: str) -> list[float]:
    """Read the energy in place by stem from the second table with a song and the system."""
    rows = [
        line.split("|") for line in text.splitlines() if line.startswith(f"| {song} | {SYSTEM}")
    ]
    return [float(value) for value in rows[1][3].split("/")]


if __name__ == "__main__":
    main()
