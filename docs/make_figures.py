"""Draw the overview figure of README: ``make figures``."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import spatialkit

# Palette of Okabe and Ito, distinguishable with every kind of colour blindness.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
IMAGES = Path(__file__).parent / "images"
TARGET = IMAGES / "overview.png"
# README shows figures about 830 pixels wide. At this width and resolution a 9 point font is shown
# 12 pixels high.
WIDTH_INCHES, DPI = 8.3, 200
SOURCE_AZIMUTH, SOURCE_ELEVATION = -62.0, 20.0


def main() -> None:
    """Draw the overview and the default thumbnail of the gallery."""
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure = plt.figure(figsize=(WIDTH_INCHES, 5.6), dpi=DPI, layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[1.05, 1.0])
    plan, gains = top.subplots(1, 2, width_ratios=[1.0, 1.5])
    draw_plan(plan)
    draw_gains(gains)
    draw_song(bottom.subplots())
    figure.savefig(TARGET)
    print(TARGET)
    thumbnail = plt.figure(figsize=(4.0, 2.8), dpi=100, layout="constrained")
    draw_plan(thumbnail.subplots(), title=False)
    thumbnail.savefig(IMAGES / "thumbnail.png")


def draw_plan(axes: plt.Axes, title: bool = True) -> None:
    """Draw 7.1.4 from above, with the power of each loudspeaker for one source."""
    layout = spatialkit.get_layout("7.1.4")
    gains = spatialkit.vbap_gains(SOURCE_AZIMUTH, SOURCE_ELEVATION, layout=layout, spread=20.0)
    axes.add_patch(plt.Circle((0, 0), 1.0, fill=False, color="0.8", zorder=1))
    for n in layout.loudspeakers:
        x, y, z = layout.directions[n]
        is_top = z > 0.1
        axes.scatter(-y, x, s=30 + 400 * gains[n] ** 2, color=COLOURS[1 if is_top else 0], zorder=2)
        # Labels of the top layer on the inside, away from the source and its line.
        scale = 0.55 if is_top else 1.36
        axes.annotate(layout.labels[n], (-y * scale, x * scale), ha="center", va="center")
    x, y, _ = spatialkit.geometry.to_cartesian(SOURCE_AZIMUTH, SOURCE_ELEVATION)
    axes.plot(-y, x, marker="*", color="black", markersize=11, zorder=3)
    axes.set(xlim=(-1.6, 1.6), ylim=(-1.45, 1.45), aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    if title:
        axes.set_title(
            "Source (star) panned to 7.1.4:\narea = power; top layer in orange", fontsize=9
        )


def draw_gains(axes: plt.Axes) -> None:
    """Draw the gains on 5.0 for a source at every azimuth."""
    azimuth = np.linspace(-180.0, 180.0, 721)
    layout = spatialkit.get_layout("5.0")
    point = spatialkit.vbap_gains(azimuth, layout=layout)
    wide = spatialkit.vbap_gains(azimuth, layout=layout, spread=60.0)
    for n, (label, colour) in enumerate(zip(layout.labels, COLOURS, strict=False)):
        axes.plot(azimuth, point[:, n], color=colour)
        axes.plot(azimuth, wide[:, n], color=colour, linewidth=0.9, linestyle=":")
        axes.annotate(label, (layout.azimuth[n], 1.04), ha="center", color=colour)
    axes.set(xlim=(180, -180), xticks=[180, 110, 30, -30, -110, -180], ylim=(0, 1.12))
    axes.set(xlabel="source azimuth, degrees (left is positive)", ylabel="gain")
    axes.set_yticks([0.0, 0.5, 1.0])
    axes.set_title("VBAP gains on 5.0 (dotted: spread of 60 degrees)", fontsize=9)


def draw_song(axes: plt.Axes) -> None:
    """Draw the level of each channel of the bundled song, upmixed to 7.1.4."""
    song = spatialkit.read(spatialkit.sample_path())
    upmixer = spatialkit.get_upmixer("ambience", layout="7.1.4")
    upmix = upmixer.upmix(song.samples, song.sample_rate)
    labels = upmixer.format.labels
    played = [n for n, label in enumerate(labels) if label != "LFE"]
    frame = song.sample_rate // 5
    count = upmix.shape[1] // frame
    power = (upmix[played, : count * frame].reshape(len(played), count, frame) ** 2).mean(axis=2)
    image = axes.pcolormesh(
        np.arange(count + 1) / 5.0, np.arange(len(played) + 1), 10.0 * np.log10(power + 1e-9),
        vmin=-60, vmax=-15, cmap="cividis", rasterized=True,
    )  # fmt: skip
    axes.set(yticks=np.arange(len(played)) + 0.5, yticklabels=[labels[n] for n in played])
    axes.invert_yaxis()
    axes.set_xlabel("time, s")
    axes.set_title(
        "Bundled stereo song, upmixed to 7.1.4 by 'ambience' (LFE is silent)", fontsize=9
    )
    axes.figure.colorbar(image, ax=axes, label="level, dBFS", pad=0.01)


if __name__ == "__main__":
    main()
