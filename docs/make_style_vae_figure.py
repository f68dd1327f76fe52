"""Draw the summary figure of style-vae from the table of its results: ``make figures``."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

DOCS = Path(__file__).parent
PAGE = DOCS / "guides" / "style-vae" / "results.md"
TARGET = DOCS / "images" / "style-vae.png"
# Columns of the table, and axis labels.
METRICS = {"SNR, dB": "SNR, dB (higher is better)", "angle error, degrees": "angle error, degrees"}
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
    "same": "stereo panned like the target",
    "independent": "stereo panned independently",
}
BASELINE, MODEL = "#E69F00", "#0072B2"
INTERVAL = re.compile(r"(-?[\d.]+) ± [\d.]+ \((-?[\d.]+) to (-?[\d.]+)\)")


def main() -> None:
    """Draw mean and 95 % interval of the held-out song."""
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    table = read_table(PAGE.read_text(encoding="utf-8").split("## Tables")[1])
    figure, panels = plt.subplots(
        2, 2, figsize=(8.3, 3.9), dpi=200, layout="constrained", sharex="col", sharey="row",
        height_ratios=[len(rows) for rows in ROWS.values()],
    )  # fmt: skip
    for line, (protocol, rows) in zip(panels, ROWS.items(), strict=True):
        for axes, (column, label) in zip(line, METRICS.items(), strict=True):
            for position, (style, system) in enumerate(rows.values()):
                mean, low, high = table[protocol, style, system][column]
                colour = BASELINE if system == "all-channel-stereo" else MODEL
                axes.barh(position, mean, color=colour, height=0.65)
                axes.plot([low, high], [position, position], color="black", linewidth=1.5)
                axes.text(high, position, f"  {mean:.1f}", va="center")
            axes.set(yticks=range(len(rows)), yticklabels=rows)
            axes.set_title(TITLES[protocol], fontsize=9, loc="left")
            if protocol == "independent":
                axes.set_xlabel(label if "SNR" in label else f"{label} (lower is better)")
        line[0].invert_yaxis()
    figure.savefig(TARGET)
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
