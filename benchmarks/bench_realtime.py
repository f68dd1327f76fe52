"""Block processors: time per block of moving sources, turning scenes, headphones and rooms.

The median and the 99th percentile of one block, of which at 48 kHz one of 64 samples lasts 1333 us,
one of 512 samples 10667 us, and one of 2048 samples 42667 us.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.signal import butter, sosfilt

from benchmarks.harness import Row, best_times
from spatialkit import LoudspeakerSetup, get_layout, vbap_gains, vbap_pan
from spatialkit.realtime import (
    BinauralProcessor,
    DecoderProcessor,
    EncoderProcessor,
    PannerProcessor,
    Processor,
    RotatorProcessor,
    SetupProcessor,
)

RATE, SIZES, BLOCKS, SOURCES = 48000, (64, 512, 2048), 400, 8
# Small loudspeakers at 1.5 to 3.1 m, a subwoofer for all of them.
LAYOUT = get_layout("7.1.4")
BASS, DISTANCES = 80.0, np.round(np.linspace(1.5, 3.1, LAYOUT.n_channels), 2)
ROOM = LoudspeakerSetup(
    LAYOUT,
    distance=DISTANCES.tolist(),
    crossover=dict.fromkeys(np.array(LAYOUT.labels)[~LAYOUT.is_lfe].tolist(), BASS),
)


def rows() -> list[Row]:
    found = []
    for size in SIZES:
        block = np.random.default_rng(0).standard_normal((64, size)).astype(np.float32)
        tasks: list[tuple[str, str, Callable[[int], Any]]] = [
            ("pan 8 moving sources to 7.1.4", "spatialkit", _panner(block)),
            ("pan 8 moving sources to 7.1.4", "vbap_pan per block", _pan_whole(block)),
            ("pan 8 moving sources to 7.1.4", "NumPy, gains and ramp", _numpy_ramp(block)),
            ("encode 8 moving sources, order 3", "spatialkit", _encoder(block)),
            ("rotate order 3", "spatialkit", _turned(RotatorProcessor(3, RATE), block)),
            ("decode order 3 to 7.1.4, dual-band", "spatialkit", _decoder(block)),
            (
                "7.1.4 to a still head",
                "spatialkit",
                _still(BinauralProcessor("7.1.4", RATE), block),
            ),
            (
                "7.1.4 to a turning head",
                "spatialkit",
                _turned(BinauralProcessor("7.1.4", RATE), block),
            ),
            ("7.1.4 to a room", "spatialkit", _still(SetupProcessor(ROOM, RATE), block)),
        ]
        found += [_row(f"{task}, {size} samples", library, run) for task, library, run in tasks]
        peer = _scipy_room(block)
        found.append(
            _row(f"7.1.4 to a room, {size} samples", "SciPy filters", peer, _room_difference())
        )
    found.append(_whole())
    return found


def _whole() -> Row:
    """Measure moving sources in a whole signal: control points do not depend on blocks."""
    count = 10 * RATE
    audio = np.random.default_rng(2).standard_normal((SOURCES, count)).astype(np.float32)
    path = _azimuths(0)[:, None] + np.linspace(0.0, count / 512.0, 1000)
    task = {"whole": lambda: vbap_pan(audio, path, 10.0, layout="7.1.4")}
    seconds = best_times(task, 3)["whole"] * 512 / count
    title = "pan 8 moving sources to 7.1.4, 512 samples"
    return Row(title, "vbap_pan of 10 s", seconds, "us", note="part of 512 samples")


def _row(
    task: str, library: str, run: Callable[[int], Any], difference: float | None = None
) -> Row:
    run(0)
    times = np.empty(BLOCKS)
    for number in range(BLOCKS):
        start = time.perf_counter()
        run(number)
        times[number] = time.perf_counter() - start
    median, late = np.percentile(times, [50, 99])
    return Row(
        task, library, float(median), "us", difference, f"99th percentile {1e6 * late:.0f} us"
    )


def _azimuths(number: int) -> np.ndarray:
    return 45.0 * np.arange(SOURCES) + number


def _panner(block: np.ndarray) -> Callable[[int], Any]:
    panner = PannerProcessor("7.1.4", RATE, sources=SOURCES)
    return lambda number: panner.process(block[:SOURCES], azimuth=_azimuths(number), elevation=10.0)


def _pan_whole(block: np.ndarray) -> Callable[[int], Any]:
    def run(number: int) -> Any:
        path = np.stack([_azimuths(number), _azimuths(number + 1)], axis=1)
        return vbap_pan(block[:SOURCES], path, 10.0, layout="7.1.4")

    return run


def _numpy_ramp(block: np.ndarray) -> Callable[[int], Any]:
    ramp = np.linspace(0.0, 1.0, block.shape[1], dtype=np.float32)

    def run(number: int) -> Any:
        before, after = (
            vbap_gains(_azimuths(number + n), 10.0, layout="7.1.4").astype(np.float32)
            for n in range(2)
        )
        audio = block[:SOURCES]
        return before.T @ (audio * (1.0 - ramp)) + after.T @ (audio * ramp)

    return run


def _encoder(block: np.ndarray) -> Callable[[int], Any]:
    encoder = EncoderProcessor(3, RATE, sources=SOURCES)
    return lambda number: encoder.process(block[:SOURCES], azimuth=_azimuths(number))


def _decoder(block: np.ndarray) -> Callable[[int], Any]:
    return _still(DecoderProcessor("7.1.4", 3, RATE, weights="dual-band"), block)


def _headphones() -> Processor:
    return BinauralProcessor("7.1.4", RATE)


def _still(processor: Processor, block: np.ndarray) -> Callable[[int], Any]:
    return lambda number: processor.process(block[: processor.n_inputs])


def _turned(processor: Processor, block: np.ndarray) -> Callable[[int], Any]:
    return lambda number: processor.process(
        block[: processor.n_inputs], yaw=float(number), pitch=5.0, roll=2.0
    )


class _SciPyRoom:
    """The room as a program of SciPy's filters would do it: low-pass and high-pass of each channel.

    Both are Butterworth filters of order 2, applied twice (Linkwitz and Riley).
    """

    def __init__(self) -> None:
        bands = (butter(2, 2.0 * BASS / RATE, kind, output="sos") for kind in ("low", "high"))
        self.filters = [np.vstack([band, band]) for band in bands]
        self.states = [np.zeros((2, LAYOUT.n_channels, 2)) for _ in self.filters]
        self.gain = (DISTANCES / DISTANCES.max())[:, None]
        self.delay = np.round((DISTANCES.max() - DISTANCES) / 343.2 * RATE).astype(int)
        self.past = [np.zeros(delay) for delay in self.delay]

    def process(self, block: np.ndarray) -> np.ndarray:
        audio = block.astype(np.float64)
        low, high = audio, audio
        low, self.states[0] = sosfilt(self.filters[0], low, zi=self.states[0])
        high, self.states[1] = sosfilt(self.filters[1], high, zi=self.states[1])
        is_lfe = LAYOUT.is_lfe
        high[is_lfe] = low[~is_lfe].sum(0) + 10.0**0.5 * audio[is_lfe]
        high *= self.gain
        for channel, signal in enumerate(high):
            whole = np.concatenate([self.past[channel], signal])
            high[channel], self.past[channel] = np.split(whole, [len(signal)])
        return high.astype(block.dtype)


def _scipy_room(block: np.ndarray) -> Callable[[int], Any]:
    room = _SciPyRoom()
    return lambda number: room.process(block[: LAYOUT.n_channels])


def _room_difference() -> float:
    noise = np.random.default_rng(1).standard_normal((LAYOUT.n_channels, 4096))
    ours, theirs = SetupProcessor(ROOM, RATE), _SciPyRoom()
    blocks = np.split(noise, 8, axis=1)
    return float(max(np.abs(ours.process(each) - theirs.process(each)).max() for each in blocks))
