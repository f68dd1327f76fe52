"""Panning: gains of many directions, and audio of static and moving sources."""

from __future__ import annotations

import warnings

import numpy as np

from benchmarks.harness import Row, best_times
from spatialkit.geometry import to_cartesian
from spatialkit.layouts import get_layout
from spatialkit.panning import vbap_gains, vbap_pan

LAYOUT = "7.1.4"
DIRECTIONS = 100_000
PEER_DIRECTIONS = 2_000
SECONDS, RATE = 60, 48_000
QUOTED = "quoted 2026-11-21"


def rows() -> list[Row]:
    """Return all rows of this module."""
    return [*_gains(), *_static(), *_moving()]


def _gains() -> list[Row]:
    rng = np.random.default_rng(0)
    azimuth = rng.uniform(-180.0, 180.0, DIRECTIONS)
    elevation = np.degrees(np.arcsin(rng.uniform(-1.0, 1.0, DIRECTIONS)))
    task = f"gains, {LAYOUT}, one thread"
    times = best_times({"ours": lambda: vbap_gains(azimuth, elevation, layout=LAYOUT)})
    found = [Row(task, "spatialkit", times["ours"] / DIRECTIONS, "us/direction", 0.0, "exact")]
    found += _spaudiopy_gains(task, azimuth[:PEER_DIRECTIONS], elevation[:PEER_DIRECTIONS])
    return [
        *found,
        Row(task, "SAF 1.3.2 (C, float32)", 0.5e-6, "us/direction", None, f"0.5 to 1.2, {QUOTED}"),
        Row(task, "ear 2.1.0 (numpy < 2)", 280e-6, "us/direction", None, f"280 to 400, {QUOTED}"),
    ]


def _spaudiopy_gains(task: str, azimuth: np.ndarray, elevation: np.ndarray) -> list[Row]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a warning where there is no sound card
            from spaudiopy import decoder
    except ImportError:
        return []
    layout = get_layout(LAYOUT)
    hull = decoder.LoudspeakerSetup(*layout.directions[layout.loudspeakers].T)
    vectors = to_cartesian(azimuth, elevation)
    times = best_times({"peer": lambda: decoder.vbap(vectors, hull)}, runs=2)
    theirs = decoder.vbap(vectors, hull)
    ours = vbap_gains(azimuth, elevation, layout=LAYOUT)[:, layout.loudspeakers]
    note = "splits quads along a diagonal; pans on the open floor of the hull"
    difference = float(np.abs(theirs - ours).max())
    return [Row(task, "spaudiopy", times["peer"] / len(azimuth), "us/direction", difference, note)]


def _static() -> list[Row]:
    audio = np.random.default_rng(0).standard_normal(SECONDS * RATE).astype(np.float32)
    gains = vbap_gains(20.0, 10.0, layout=LAYOUT).astype(np.float32)
    task = f"pan {SECONDS} s to {LAYOUT}, static, float32"
    tasks = {
        "spatialkit": lambda: vbap_pan(audio, 20.0, 10.0, layout=LAYOUT),
        "np.multiply(gains[:, None], audio)": lambda: np.multiply(gains[:, None], audio),
    }
    return _against_first(task, tasks)


def _moving() -> list[Row]:
    audio = np.random.default_rng(0).standard_normal(SECONDS * RATE).astype(np.float32)
    turns = np.linspace(0.0, 3600.0, 101)
    rise = np.linspace(-20.0, 60.0, 101)
    gains = vbap_gains(20.0, 10.0, layout=LAYOUT).astype(np.float32)
    task = f"pan {SECONDS} s to {LAYOUT}, moving, float32"
    times = best_times(
        {
            "spatialkit": lambda: vbap_pan(audio, turns, rise, layout=LAYOUT),
            "multiply": lambda: np.multiply(gains[:, None], audio),
        }
    )
    return [
        Row(task, "spatialkit", times["spatialkit"], "ms", None, "10 turns, rising 80 degrees"),
        Row(task, "np.multiply, static", times["multiply"], "ms", None, "lower bound"),
    ]


def _against_first(task: str, tasks: dict) -> list[Row]:
    times, results = best_times(tasks), {library: run() for library, run in tasks.items()}
    ours = next(iter(results.values()))
    return [
        Row(task, library, times[library], "ms", float(np.abs(results[library] - ours).max()))
        for library in tasks
    ]
