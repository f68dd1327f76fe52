"""Rendering for headphones: convolution, whole scenes, rotation and filter design."""

from __future__ import annotations

import time
import warnings

import numpy as np

from benchmarks.harness import Row, best_times
from spatialkit import read_hrtf, render
from spatialkit.binaural import HRTF, binaural_filters, binauralize

SECONDS, RATE = 30, 48_000
TAPS = 256
QUOTED = "quoted 2026-11-29"
# By order; version 0.2.0 fails with SciPy 1.17.
SPAUDIOPY_SECONDS = {3: 0.199, 7: 0.477}


def rows() -> list[Row]:
    """Return all rows of this module."""
    return [*_convolution(12), *_convolution(16), *_rendering(), *_sofalizer(), *_design()]


def _convolution(channels: int) -> list[Row]:
    from scipy.signal import oaconvolve

    rng = np.random.default_rng(0)
    audio = rng.standard_normal((channels, SECONDS * RATE)).astype(np.float32)
    filters = rng.standard_normal((2, channels, TAPS)).astype(np.float32)
    size = audio.shape[-1]

    def peer() -> np.ndarray:
        ears = [
            sum(oaconvolve(a, f)[:size] for a, f in zip(audio, ear, strict=True)) for ear in filters
        ]
        return np.stack(ears)

    tasks = {"ours": lambda: binauralize(audio, filters), "peer": peer}
    times, ours = best_times(tasks, runs=3), tasks["ours"]()
    task = f"{channels} channels to both ears, {TAPS} taps, {SECONDS} s, float32"
    difference = float(np.abs(ours - peer()).max() / np.abs(ours).max())
    speed = f"{SECONDS / times['ours']:.0f} x real time"
    return [
        Row(task, "spatialkit", times["ours"], "ms", None, speed),
        Row(task, "scipy.signal.oaconvolve", times["peer"], "ms", difference, "one by one"),
    ]


def _rendering() -> list[Row]:
    audio = np.random.default_rng(0).standard_normal((12, SECONDS * RATE)).astype(np.float32)
    turns = np.linspace(0.0, 360.0, 5)
    tasks = {
        "7.1.4": lambda: render(audio, "7.1.4", "binaural", sample_rate=RATE),
        "7.1.4, scene rotates by 360 degrees": lambda: render(
            audio, "7.1.4", "binaural", sample_rate=RATE, yaw=turns
        ),
        "7.1.4 through order 5": lambda: render(
            audio, "7.1.4", "binaural", sample_rate=RATE, order=5
        ),
    }
    times = best_times(tasks, runs=3)
    return [
        Row(f"render {name} for headphones, {SECONDS} s", "spatialkit", times[name], "ms")
        for name in tasks
    ]


def _sofalizer() -> list[Row]:
    hrtf = read_hrtf()
    audio = np.random.default_rng(0).standard_normal((8, SECONDS * RATE)).astype(np.float32)
    run = best_times(
        {"ours": lambda: render(audio, "7.1", "binaural", sample_rate=RATE, hrtf=hrtf)}, runs=3
    )
    task = f"render 7.1 for headphones, {SECONDS} s"
    note = f"type=freq, 256 taps, user time less that of reading both files, {QUOTED}"
    return [
        Row(task, "spatialkit", run["ours"], "ms"),
        Row(task, "ffmpeg 5.1 sofalizer", 0.094, "ms", None, note),
    ]


def _design() -> list[Row]:
    hrtf = read_hrtf()
    found = []
    for order in (3, 7):
        task = f"design of filters, magnitude least squares, order {order}"
        # A new object: the filters of a set that was used before are in a cache.
        fields = (hrtf.ir, hrtf.azimuth, hrtf.elevation, hrtf.sample_rate, hrtf.delays)
        copies = [HRTF(*fields) for _ in range(4)]
        for copy in copies:
            copy.weights  # noqa: B018  # cached property
        start = time.perf_counter()
        for copy in copies:
            binaural_filters(copy, order, method="magls")
        seconds = (time.perf_counter() - start) / len(copies)
        found.append(Row(task, "spatialkit", seconds, "ms", None, "5 phase iterations"))
        note = f"1 iteration, SciPy 1.16, {QUOTED}"
        quoted = Row(task, "spaudiopy 0.2.0", SPAUDIOPY_SECONDS[order], "ms", None, note)
        found += _spaudiopy_design(task, order) or [quoted]
    return found


def _spaudiopy_design(task: str, order: int) -> list[Row]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a warning where there is no sound card
            from spaudiopy import decoder, sig
    except ImportError:
        return []
    hrtf = read_hrtf()
    angles = np.radians(hrtf.azimuth), np.radians(90.0 - hrtf.elevation)
    peer = sig.HRIRs(hrtf.ir[:, 0], hrtf.ir[:, 1], *angles, 48000)
    try:
        times = best_times({"peer": lambda: decoder.magls_bin(peer, order)}, runs=2)
    except AttributeError:  # sph_harm was removed from SciPy 1.17
        return []
    return [Row(task, "spaudiopy", times["peer"], "ms", None, "1 iteration")]
