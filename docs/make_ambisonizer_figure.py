"""Draw the energy of a song by azimuth, in stereo and in Ambisonics: ``make figures``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

import spatialkit
from spatialkit.metrics import active_intensity
from spatialkit_models.data.scenes import mix_stage, residual_x
from spatialkit_models.stem_names import STEMS

TARGET = Path(__file__).parent / "images" / "ambisonizer.png"
BAND = (1.0, 1.0, 1.0, -1.0)  # the stage "band" in the order of STEMS
# Frame length and hop in samples; number of frames that the intensity is averaged over.
N_FFT, HOP, FRAMES = 2048, 1024, 3
# Size of a cell; lower limit of the colour scale relative to the loudest cell.
SECONDS, DEGREES = 0.25, 7.5
MIN_DB = -40.0


def main() -> None:
    """Draw the figure."""
    plt.rcParams.update({"font.size": 9})
    song = spatialkit.read(spatialkit.sample_path())
    scenes = {
        "stereo (W and Y; X = 0)": upmixed(song, "foa-sides"),
        "stage=front: all in front": upmixed(song, "ambisonizer", stage="front"),
        "stage=band: other at the rear": upmixed(song, "ambisonizer", stage="band"),
        "stage=band of the true stems (reference)": true_band(),
    }
    cells = {title: histogram(scene, song.sample_rate) for title, scene in scenes.items()}
    loudest = max(energy.max() for energy in cells.values())
    figure, panels = plt.subplots(
        2, 2, sharex=True, sharey=True, figsize=(8.3, 5.4), dpi=200, layout="constrained"
    )
    for axes, (title, energy) in zip(panels.flat, cells.items(), strict=True):
        rows, columns = energy.shape
        image = axes.pcolormesh(
            SECONDS * np.arange(columns + 1),
            DEGREES * (np.arange(rows + 1) - rows / 2),
            10.0 * np.log10(energy / loudest + 1e-12),
            vmin=MIN_DB, vmax=0.0, cmap="cividis", rasterized=True,
        )  # fmt: skip
        axes.set_title(title, fontsize=9)
        axes.set(xlim=(0.0, song.duration), ylim=(-180.0, 180.0))
    for axes in panels[:, 0]:
        axes.set_yticks(
            [180, 90, 0, -90, -180],
            labels=["rear 180", "left 90", "front 0", "right -90", "rear -180"],
        )
        axes.set_ylabel("azimuth, degrees")
    for axes in panels[-1]:
        axes.set_xlabel("time, s")
    figure.colorbar(image, ax=panels, label="energy relative to the loudest cell, dB", pad=0.01)
    figure.savefig(TARGET)
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


def histogram(scene: NDArray[Any], sample_rate: int) -> NDArray[np.float64]:
    """Return the energy by azimuth of the intensity, from -180 to 180 degrees, and by time."""
    spectrum = spatialkit.stft(scene, n_fft=N_FFT, hop=HOP)
    # Bands of one ERB (Glasberg and Moore, 1990), as in the benchmark.
    frequency = np.arange(N_FFT // 2 + 1) * sample_rate / N_FFT
    erbs = np.floor(21.4 * np.log10(1.0 + 4.37e-3 * frequency))
    starts = np.flatnonzero(np.diff(erbs, prepend=-1.0))
    x, y, _ = np.add.reduceat(active_intensity(spectrum, frames=FRAMES), starts, axis=1)
    energy = np.add.reduceat(np.abs(spectrum[0]) ** 2, starts, axis=0)
    # Cells are centred at 0, 90 etc.: the first and the last one are the same.
    around = round(360.0 / DEGREES)
    rows = np.rint(np.degrees(np.arctan2(y, x)) / DEGREES).astype(int) + around // 2
    columns = (np.arange(energy.shape[1]) * HOP / (SECONDS * sample_rate)).astype(int)
    cells = np.zeros((around + 1, columns[-1] + 1))
    np.add.at(cells, (rows % around, np.broadcast_to(columns, rows.shape)), energy)
    cells[-1] = cells[0]
    return cells


if __name__ == "__main__":
    main()
