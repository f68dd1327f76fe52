"""Table of the guide "First-order recordings": known sources in measured rooms.

Run ``python docs/make_rooms_table.py FOLDER``, with first-order responses in AmbiX and an
``index.json`` of their files, titles, and directions of the direct sound (``direct_azimuth_deg``,
``direct_elevation_deg``). Each response is rotated, so that its direct sound comes from where a
source is. What is measured is from which loudspeakers the direct sound comes: the first
millisecond of the impulse responses from sources to loudspeakers. For one talker, the direction is
also that of `angle_error`, to which early reflections contribute.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from make_first_order_table import LAYOUT, RATE, Scene, speech
from scipy.signal import csd, fftconvolve, welch

from spatialkit import decode_foa, read, rotate_foa
from spatialkit.geometry import to_cartesian
from spatialkit.metrics import angle_error

COLUMNS = ("one talker", "three talkers", "steady noise", "one talker, projected")
SEGMENT = 16384
# Samples before and after the direct sound that belong to it.
BEFORE, AFTER = round(0.0005 * RATE), round(0.001 * RATE)


def main() -> None:
    """Print a Markdown table of mean direction errors in degrees: linear / dirac."""
    parser = argparse.ArgumentParser(description="Print the table of measured rooms.")
    parser.add_argument("folder", type=Path, help="folder of responses with index.json")
    folder = parser.parse_args().folder
    rooms = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    print("| room | direct sound, dB |", " | ".join(COLUMNS), "|\n|---|" + "---:|" * 5)
    errors = np.array([direction_errors(response_of(folder, room)) for room in rooms])
    for room, row in zip(rooms, errors, strict=True):
        level = direct_level(response_of(folder, room))
        cells = [f"{linear:.1f} / {sharp:.1f}" for linear, sharp in row]
        print(f"| {room['title']} | {level:.1f} |", " | ".join(cells), "|")
    higher = np.sum(errors[..., 1] > errors[..., 0], axis=0)
    print("| higher by dirac | |", " | ".join(f"{n} of {len(rooms)}" for n in higher), "|")


def response_of(folder: Path, room: dict[str, Any]) -> np.ndarray:
    """Read a response, and rotate it so that its direct sound comes from ahead."""
    response = read(folder / room["file"], sample_rate=RATE).samples.astype(np.float64)
    response = rotate_foa(response, yaw=-room["direct_azimuth_deg"])
    return rotate_foa(response, pitch=-room["direct_elevation_deg"])


def direct_start(response: np.ndarray) -> int:
    """Return the sample of the direct sound, the first within 6 dB of the largest of W."""
    return int(np.argmax(np.abs(response[0]) > 0.5 * np.abs(response[0]).max()))


def direct_level(response: np.ndarray) -> float:
    """Return the energy of the direct sound in W relative to what follows, in dB."""
    end = direct_start(response) + AFTER
    return float(10.0 * np.log10(np.sum(response[0, :end] ** 2) / np.sum(response[0, end:] ** 2)))


def direction_errors(response: np.ndarray) -> list[list[float]]:
    """Return the direction errors of each column, decoded linearly and by "dirac"."""
    talkers = speech()
    talker = Scene(talkers.sources[:1], talkers.azimuth[:1], talkers.elevation[:1])
    noise = 0.1 * np.random.default_rng(9).standard_normal(talker.sources.shape)
    steady = Scene(noise, talker.azimuth, talker.elevation)
    found = [
        [direct_error(scene, feeds) for feeds in decoded(response, scene)]
        for scene in (talker, talkers, steady)
    ]
    directions = talker.azimuth, LAYOUT
    projected = [
        angle_error(talker.sources, feeds, *directions, weighting="energy")
        for feeds in decoded(response, talker)
    ]
    return [*found, [float(error.mean()) for error in projected]]


def decoded(response: np.ndarray, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Return the loudspeaker signals of sources in a room, decoded linearly and by "dirac"."""
    samples, start = scene.sources.shape[1], direct_start(response)
    field = np.zeros((4, samples))
    for source, azimuth in zip(scene.sources, scene.azimuth, strict=True):
        wet = fftconvolve(source[None], rotate_foa(response, yaw=azimuth), axes=-1)
        field += wet[:, start : start + samples]
    return (
        decode_foa(field, LAYOUT),
        decode_foa(field, LAYOUT, decoder="dirac", sample_rate=RATE),
    )


def direct_error(scene: Scene, feeds: np.ndarray) -> float:
    """Return the mean angle of the energy vectors of the direct sound of all sources."""
    errors = []
    for source, azimuth in zip(scene.sources, scene.azimuth, strict=True):
        power = welch(source, nperseg=SEGMENT)[1]
        transfer = csd(source[None], feeds[LAYOUT.loudspeakers], nperseg=SEGMENT)[1] / (
            power + 1e-4 * power.max()
        )
        response = np.roll(np.fft.irfft(transfer), BEFORE, axis=-1)[:, : BEFORE + AFTER]
        vector = np.sum(response**2, axis=-1) @ LAYOUT.directions[LAYOUT.loudspeakers]
        cosine = vector @ to_cartesian(azimuth, 0.0) / np.linalg.norm(vector)
        errors.append(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
    return float(np.mean(errors))


if __name__ == "__main__":
    main()
