"""Create the bundled song excerpt: ``python docs/make_sample.py FOLDER``.

FOLDER contains ``vocals.ogg``, ``drums.ogg``, ``bass.ogg`` and ``other.ogg`` of "Francium", the
grouped stems of the album in spatialkit/data/README.md, decoded to equal length.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import soundfile

START_SECONDS = 134.9
DURATION_SECONDS = 30.0  # 16 bars at 128 beats per minute
FADE_SECONDS = 0.015
STEMS = ("vocals", "drums", "bass", "other")
STEM_QUALITY = 0.4
# High quality: the mixture should equal the sum of the decoded stems.
MIXTURE_QUALITY = 1.0
# Block size: libsndfile crashes when a long Vorbis signal is written at once.
BLOCK = 16384


def write_vorbis(path: Path, audio: np.ndarray, rate: int, quality: float) -> None:
    """Write frames-first audio as Ogg Vorbis; quality from 0 to 1."""
    with soundfile.SoundFile(
        path,
        "w",
        rate,
        audio.shape[1],
        format="OGG",
        subtype="VORBIS",
        compression_level=1 - quality,
    ) as file:
        for start in range(0, len(audio), BLOCK):
            file.write(audio[start : start + BLOCK])


def faded(audio: np.ndarray, rate: int) -> np.ndarray:
    """Apply raised-cosine fades to both ends."""
    length = round(FADE_SECONDS * rate)
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length)
    audio = audio.copy()
    audio[:length] *= ramp[:, None]
    audio[-length:] *= ramp[::-1, None]
    return audio


def decibels(signal: np.ndarray, error: np.ndarray) -> float:
    """Return the ratio of the energies in dB."""
    return float(10 * np.log10(np.sum(signal**2) / np.sum(error**2)))


def main(source: Path, target: Path) -> None:
    """Cut, fade and encode the stems, and sum their decoded signals to the mixture."""
    mixture: np.ndarray | float = 0.0
    for stem in STEMS:
        rate = soundfile.info(source / f"{stem}.ogg").samplerate
        start, frames = round(START_SECONDS * rate), round(DURATION_SECONDS * rate)
        audio, _ = soundfile.read(source / f"{stem}.ogg", start=start, frames=frames)
        path = target / f"francium-{stem}.ogg"
        write_vorbis(path, faded(audio, rate), rate, STEM_QUALITY)
        decoded, _ = soundfile.read(path)
        mixture = mixture + decoded
    path = target / "francium-mixture.ogg"
    write_vorbis(path, mixture, rate, MIXTURE_QUALITY)
    decoded, _ = soundfile.read(path)
    size = sum(file.stat().st_size for file in target.glob("francium-*.ogg"))
    peak = np.abs(decoded).max()
    print(f"{len(decoded)} samples at {rate} Hz, {size / 1e6:.2f} MB in total, peak {peak:.3f}")
    print(f"mixture against the sum of the stems: {decibels(mixture, mixture - decoded):.1f} dB")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(__file__).parents[1] / "spatialkit" / "data")
