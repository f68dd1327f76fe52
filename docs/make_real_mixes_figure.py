"""Draw where the stems of real mixes go, from the tables of the page: ``make figures``."""

from __future__ import annotations

from pathlib import Path

from spatialkit import plots
from spatialkit.results import Bar, Panel

DOCS = Path(__file__).parent
PAGE = DOCS / "guides" / "real-mixes.md"
TARGET = DOCS / "images" / "real-mixes.png"
STEMS = ("vocals", "drums", "bass", "other")
SYSTEM = "style-vae, `band`"
SONGS = {"francium": "francium (held out)", "caesium": "caesium (training data in part)"}


def main() -> None:
    """Draw the energy in place by stem: before, now, and with true stems."""
    now, before = PAGE.read_text(encoding="utf-8").split("## Before the new separator")
    panels = []
    for song, title in SONGS.items():
        values = {
            "own networks": in_place(now, song),
            "before": in_place(before, song),
            "true stems": [100.0] * len(STEMS),
        }
        bars = [
            Bar(f"{stem}, {label}", values[label][number], group=label)
            for number, stem in enumerate(STEMS)
            for label in ("before", "own networks", "true stems")
        ]
        panels.append(Panel(title, "energy in place, %", tuple(bars), decimals=0))
    figure = plots.plot_benchmark(panels)[0].figure
    figure.set_dpi(200)
    plots.write_figure(figure, TARGET)


def in_place(text: str, song: str) -> list[float]:
    """Read the energy in place by stem from the second table with a song and the system."""
    rows = [
        line.split("|") for line in text.splitlines() if line.startswith(f"| {song} | {SYSTEM}")
    ]
    return [float(value) for value in rows[1][3].split("/")]


if __name__ == "__main__":
    main()
