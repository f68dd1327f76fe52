"""Draw where a song comes from, in stereo and made Ambisonics: ``make figures``."""

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
from spatialkit_models.data.scenes import combined, leftover
from spatialkit_models.stem_names import STEMS

TARGET = Path(__file__).parent / "ambisonizer.png"
BAND = (1.0, 1.0, 1.0, -1.0)  # what stage=band means, in the order of STEMS
# Samples of a frame and from one to the next; frames whose intensity is taken together.
N_FFT, HOP, FRAMES = 2048, 1024, 3
# Cells of the picture, and how far below the loudest one all are alike.
SECONDS, DEGREES = 0.25, 7.5
LOWEST_DB = -40.0


def main() -> None:
    """Draw the figure."""
    plt.rcParams.update({"font.size": 9})
    song = spatialkit.read(spatialkit.sample_path())
    scenes = {
        "The stereo song: W and Y, X = 0": upmixed(song, "foa-sides"),
        "stage=front": upmixed(song, "ambisonizer", stage="front"),
        "stage=band: other instruments behind": upmixed(song, "ambisonizer", stage="band"),
        "stage=band of the true stems: what it should be": true_band(),
    }
    pictures = {title: histogram(scene, song.sample_rate) for title, scene in scenes.items()}
    loudest = max(picture.max() for picture in pictures.values())
    figure, panels = plt.subplots(
        2, 2, sharex=True, sharey=True, figsize=(10.0, 5.6), dpi=160, layout="constrained"
    )
    for axes, (title, picture) in zip(panels.flat, pictures.items(), strict=True):
        rows, columns = picture.shape
        drawn = axes.pcolormesh(
            SECONDS * np.arange(columns + 1),
            DEGREES * (np.arange(rows + 1) - rows / 2),
            10.0 * np.log10(picture / loudest + 1e-12),
            vmin=LOWEST_DB, vmax=0.0, cmap="cividis", rasterized=True,
        )  # fmt: skip
        axes.set_title(title, fontsize=9)
        axes.set(xlim=(0.0, song.duration), ylim=(-180.0, 180.0))
    for axes in panels[:, 0]:
        axes.set_yticks(
            [180, 90, 0, -90, -180], labels=["behind", "left 90", "ahead 0", "right -90", "behind"]
        )
        axes.set_ylabel("azimuth, degrees")
    for axes in panels[-1]:
        axes.set_xlabel("seconds")
    figure.colorbar(drawn, ax=panels, label="energy, dB below the loudest", pad=0.01)
    figure.savefig(TARGET)
    print(TARGET)


def upmixed(song: spatialkit.Audio, name: str, **options: Any) -> NDArray[Any]:
    """The song as AmbiX (4, samples)."""
    return spatialkit.get_upmixer(name, **options).upmix(song.samples, song.sample_rate)


def true_band() -> NDArray[Any]:
    """AmbiX (4, samples) of the song's stems on the stage, each with its own X."""
    left, right = np.stack(
        [spatialkit.read(spatialkit.sample_path(name)).samples for name in STEMS], 1
    )
    pairs = np.stack([(left + right) / 2.0, (left - right) / 2.0], 1)
    stems = np.concatenate([pairs, leftover(pairs)[:, None]], 1)
    w, y, x = combined(stems, np.array(BAND, np.float32))
    return np.stack([w, y, np.zeros_like(w), x])


def histogram(scene: NDArray[Any], sample_rate: int) -> NDArray[np.float64]:
    """Energy by the azimuth that the intensity points to, from -180 to 180, and by time."""
    spectrum = spatialkit.stft(scene, n_fft=N_FFT, hop=HOP)
    # In bands one ERB wide (Glasberg and Moore, 1990), as the benchmark has them.
    frequency = np.arange(N_FFT // 2 + 1) * sample_rate / N_FFT
    erbs = np.floor(21.4 * np.log10(1.0 + 4.37e-3 * frequency))
    starts = np.flatnonzero(np.diff(erbs, prepend=-1.0))
    x, y, _ = np.add.reduceat(active_intensity(spectrum, frames=FRAMES), starts, axis=1)
    energy = np.add.reduceat(np.abs(spectrum[0]) ** 2, starts, axis=0)
    # Cells have their middle at 0, 90 and so on: the first one and the last are the same.
    around = round(360.0 / DEGREES)
    rows = np.rint(np.degrees(np.arctan2(y, x)) / DEGREES).astype(int) + around // 2
    columns = (np.arange(energy.shape[1]) * HOP / (SECONDS * sample_rate)).astype(int)
    picture = np.zeros((around + 1, columns[-1] + 1))
    np.add.at(picture, (rows % around, np.broadcast_to(columns, rows.shape)), energy)
    picture[-1] = picture[0]
    return picture


if __name__ == "__main__":
    main()
