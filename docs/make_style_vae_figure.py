"""Draw the summary figure of style-vae from the table of its results: ``make figures``."""

from __future__ import annotations

import re
from pathlib import Path

from spatialkit import plots
from spatialkit.results import Bar, Panel

DOCS = Path(__file__).parent
PAGE = DOCS / "guides" / "style-vae" / "results.md"
TARGET = DOCS / "images" / "style-vae.png"
# Columns of the table, and axis labels.
METRICS = {"SNR, dB": "higher is better", "angle error, degrees": "lower is better"}
# Rows to draw: label, then protocol, style and system of the table.
ROWS = {
    "same": {
        "baseline": ("-", "all-channel-stereo"),
        "style of the target": ("own", "style-vae-fast"),
        "style of the target, exact downmix": ("own", "style-vae-fast, exact downmix"),
        "style of another song": ("other", "style-vae-fast"),
        "style of another song, exact downmix": ("other", "style-vae-fast, exact downmix"),
    },
    "independent": {
        "baseline": ("-", "all-channel-stereo"),
        "style of the target": ("own", "style-vae-fast"),
        "style of another song": ("other", "style-vae-fast"),
    },
}
TITLES = {
    "same": "panned like the target",
    "independent": "panned independently",
}
INTERVAL = re.compile(r"(-?[\d.]+) ± [\d.]+ \((-?[\d.]+) to (-?[\d.]+)\)")


def main() -> None:
    """Draw mean and 95 % interval of the held-out song."""
    table = read_table(PAGE.read_text(encoding="utf-8").split("## Tables")[1])
    figure = plots.new_figure(7.4, 5.2)
    figure.set_dpi(200)
    grid = figure.subplots(
        2, 2, sharey="row", height_ratios=[len(rows) + 1 for rows in ROWS.values()]
    )
    for line, (protocol, rows) in zip(grid, ROWS.items(), strict=True):
        panels = []
        for column, label in METRICS.items():
            bars = []
            for title, (style, system) in rows.items():
                group = "baseline" if system == "all-channel-stereo" else "model"
                bars.append(Bar(title, *table[protocol, style, system][column], group=group))
            panels.append(Panel(f"{column}\n{TITLES[protocol]}", label, tuple(bars)))
        plots.plot_benchmark(panels, ax=line)
    for axes in grid[:, 1]:
        axes.tick_params(labelleft=False)
    plots.write_figure(figure, TARGET)
    print(TARGET)


def read_table(text: str) -> dict[tuple[str, str, str], dict[str, tuple[float, ...]]]:
    """Return mean and interval by protocol, style and system of the last table with these."""
    header = next(line for line in text.splitlines() if line.startswith("| protocol | style"))
    names = [name.strip() for name in header.strip("|").split("|")]
    rows = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == len(names) and cells[0] in ROWS:
            system = cells[2].replace(" + exact", ", exact")
            rows[cells[0], cells[1], system] = {
                name: tuple(map(float, INTERVAL.match(cell).groups()))
                for name, cell in zip(names, cells, strict=True)
                if name in METRICS
            }
    return rows


if __name__ == "__main__":
    main()
