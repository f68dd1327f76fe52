"""Draw the energy of a song by azimuth, in stereo and in Ambisonics: ``make figures``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import spatialkit
from spatialkit import plots
from spatialkit_models.data.scenes import mix_stage, residual_x
from spatialkit_models.stem_names import STEMS

TARGET = Path(__file__).parent / "images" / "ambisonizer.png"
BAND = (1.0, 1.0, 1.0, -1.0)  # the stage "band" in the order of STEMS


def main() -> None:
    """Draw the figure."""
    song = spatialkit.read(spatialkit.sample_path())
    scenes = {
        "stereo (W and Y; X = 0)": upmixed(song, "foa-sides"),
        "stage=front: all in front": upmixed(song, "ambisonizer", stage="front"),
        "stage=band: other at the rear": upmixed(song, "ambisonizer", stage="band"),
        "stage=band of the true stems (reference)": true_band(),
    }
    found = {
        title: plots.anglegram(
            scene, sample_rate=song.sample_rate, format="foa", azimuths=48, frame_rate=4.0
        )
        for title, scene in scenes.items()
    }
    loudest = max(float(each.power.max()) for each in found.values())
    figure = plots.new_figure(7.6, 5.4)
    figure.set_dpi(200)
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    for axes, (title, each) in zip(panels.flat, found.items(), strict=True):
        plots.plot_anglegram(each, ax=axes, reference=loudest, colorbar=False)
        axes.set_title(title, fontsize=10)
        axes.set_xlim(0.0, song.duration)
        axes.label_outer()
    image = panels[0, 0].collections[0]
    figure.colorbar(image, ax=panels, label="energy relative to the loudest cell, dB", pad=0.01)
    plots.write_figure(figure, TARGET)
    print(TARGET)


def upmixed(song: spatialkit.Audio, name: str, **options: Any) -> NDArray[Any]:
    """Return the song as AmbiX (4, samples)."""
    return spatialkit.get_upmixer(name, **options).upmix(song.samples, song.sample_rate)


def true_band() -> NDArray[Any]:
    """Return AmbiX (4, samples) of the true stems on the stage, each with its own X."""
    left, right = np.stack(
        [spatialkit.read(spatialkit.sample_path(name)).samples for name in STEMS], 1
    )
    pairs = np.stack([(left + right) / 2.0, (left - right) / 2.0], 1)
    stems = np.concatenate([pairs, residual_x(pairs)[:, None]], 1)
    w, y, x = mix_stage(stems, np.array(BAND, np.float32))
    return np.stack([w, y, np.zeros_like(w), x])


if __name__ == "__main__":
    main()
