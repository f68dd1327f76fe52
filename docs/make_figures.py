"""Draw the overview figure of README: ``make figures``."""

from __future__ import annotations

from pathlib import Path

import spatialkit
from spatialkit import plots

IMAGES = Path(__file__).parent / "images"
SOURCE_AZIMUTH, SOURCE_ELEVATION = -62.0, 20.0


def main() -> None:
    """Draw the overview and the default thumbnail of the gallery."""
    figure = plots.new_figure(7.2, 6.2)
    figure.set_dpi(200)
    top, bottom = figure.subfigures(2, 1, height_ratios=[1.05, 1.0])
    plan, gains = top.subplots(1, 2, width_ratios=[1.0, 1.25])
    draw_plan(plan)
    plan.set_title("Source (star) panned to 7.1.4:\narea = power", fontsize=10)
    plots.plot_gains("5.0", ax=gains)
    plots.plot_gains("5.0", spread=60.0, ax=gains, linestyle=":", color="#808080", linewidth=1.0)
    gains.set_title("VBAP gains on 5.0\n(dotted: spread of 60 degrees)", fontsize=10)
    levels = bottom.subplots()
    song = spatialkit.read(spatialkit.sample_path())
    upmixer = spatialkit.get_upmixer("ambience", layout="7.1.4")
    upmix = upmixer.upmix(song.samples, song.sample_rate)
    spatialkit.Audio(upmix, song.sample_rate, "7.1.4").plot(ax=levels)
    levels.set_title("Bundled stereo song, upmixed to 7.1.4 by 'ambience'", fontsize=10)
    plots.write_figure(figure, IMAGES / "overview.png")
    print(IMAGES / "overview.png")
    thumbnail = plots.new_figure(4.0, 2.8)
    thumbnail.set_dpi(100)
    draw_plan(thumbnail.subplots())
    plots.write_figure(thumbnail, IMAGES / "thumbnail.png")


def draw_plan(axes: object) -> None:
    """Draw 7.1.4 from above, with the power of each loudspeaker for one source."""
    source = SOURCE_AZIMUTH, SOURCE_ELEVATION
    gains = spatialkit.vbap_gains(*source, layout="7.1.4", spread=20.0)
    plots.plot_layout("7.1.4", ax=axes, gains=gains, source=source)


if __name__ == "__main__":
    main()
