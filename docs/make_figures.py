"""Draw the pictures of the README with the code that they show: ``make figures``."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import spatialkit

# Okabe and Ito's palette, which colour-blind people tell apart.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
TARGET = Path(__file__).parent / "overview.png"


def main() -> None:
    """Draw the overview."""
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure = plt.figure(figsize=(10.0, 3.6), dpi=160, layout="constrained")
    room, panned, song = figure.subplots(1, 3, width_ratios=[1.0, 1.25, 1.5])
    draw_room(room)
    draw_gains(panned)
    draw_song(song)
    figure.savefig(TARGET)
    print(TARGET)


def draw_room(axes: plt.Axes) -> None:
    """7.1.4 from above, and the gains of one source in it."""
    layout = spatialkit.get_layout("7.1.4")
    gains = spatialkit.vbap_gains(-62.0, 20.0, layout=layout, spread=20.0)
    for n in layout.loudspeakers:
        x, y, z = layout.directions[n]
        colour = COLOURS[1] if z > 0.1 else COLOURS[0]
        axes.scatter(-y, x, s=30 + 500 * gains[n] ** 2, color=colour, alpha=0.85, zorder=2)
        # Names of the tops inside the ring, of the others outside.
        away = 0.62 if z > 0.1 else 1.27
        axes.annotate(layout.labels[n], (-y * away, x * away), ha="center", va="center")
    axes.add_patch(plt.Circle((0, 0), 1.0, fill=False, color="0.8", zorder=1))
    x, y, _ = spatialkit.geometry.to_cartesian(-62.0, 20.0)
    axes.plot([0, -y], [0, x], color="0.4", linewidth=1, zorder=1)
    axes.plot(-y, x, marker="*", color=COLOURS[4], markersize=11, zorder=3)
    axes.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_title("A source panned to 7.1.4\n(areas are powers; tops in orange)", fontsize=9)


def draw_gains(axes: plt.Axes) -> None:
    """Gains on 5.0 all around."""
    azimuth = np.linspace(-180.0, 180.0, 721)
    gains = spatialkit.vbap_gains(azimuth, layout="5.0")
    wide = spatialkit.vbap_gains(azimuth, layout="5.0", spread=60.0)
    labels = spatialkit.get_layout("5.0").labels
    for label, point, cap, colour in zip(labels, gains.T, wide.T, COLOURS, strict=False):
        axes.plot(azimuth, point, color=colour, label=label)
        axes.plot(azimuth, cap, color=colour, linewidth=0.9, linestyle=":")
    axes.set(xlim=(180, -180), xticks=[180, 110, 30, 0, -30, -110, -180], ylim=(0, 1.28))
    axes.set(xlabel="azimuth in degrees (left is positive)", yticks=[0.0, 0.5, 1.0])
    axes.set_title("VBAP gains on 5.0\n(dotted: a spread of 60 degrees)", fontsize=9)
    axes.legend(ncols=5, frameon=False, loc="upper center", fontsize=8, handlelength=1.0)


def draw_song(axes: plt.Axes) -> None:
    """Levels of the bundled song's channels, upmixed to 7.1.4."""
    song = spatialkit.read(spatialkit.sample_path())
    upmixer = spatialkit.get_upmixer("ambience", layout="7.1.4")
    upmix = upmixer.upmix(song.samples, song.sample_rate)
    frame = song.sample_rate // 5
    count = upmix.shape[1] // frame
    power = (upmix[:, : count * frame].reshape(len(upmix), count, frame) ** 2).mean(axis=2)
    level = 10.0 * np.log10(power + 1e-9)
    picture = axes.pcolormesh(
        np.arange(count + 1) / 5.0, np.arange(len(upmix) + 1), level, vmin=-60, vmax=-15,
        cmap="cividis", rasterized=True,
    )  # fmt: skip
    axes.set(yticks=np.arange(len(upmix)) + 0.5, yticklabels=upmixer.format.labels)
    axes.invert_yaxis()
    axes.set_xlabel("seconds")
    axes.set_title("The bundled song, upmixed from stereo to 7.1.4\nby 'ambience'", fontsize=9)
    axes.figure.colorbar(picture, ax=axes, label="level, dBFS")


if __name__ == "__main__":
    main()
