"""Table of the page "The published baseline": which definitions give its figures.

Run ``python docs/make_published_baseline.py SONGS`` with a folder of songs as stems; it prints a
Markdown table. The songs of the page are "Everything is free" (CC0, six songs with four stems,
https://github.com/ichbinsoftware/everythingisfree).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

from spatialkit import get_upmixer
from spatialkit.metrics import angle_error, sd_sdr, si_sdr, snr, wild
from spatialkit_models.data.scenes import load_configurations, mix
from spatialkit_models.data.songs import SILENCE
from spatialkit_models.evaluation import POOL, SongExcerpts

# The row of Table 1 of the paper: mean and standard deviation over excerpts.
PUBLISHED = {"SNR": "4.20 ± 0.71", "angle error": "49.75 ± 19.75", "WILD": "70.84 ± 10.03"}
LAYOUT, RATE = "5.0", 44100
FLOORS = (-60.0, -80.0, -90.0, -100.0)
CLIPS = (20.0, 60.0, 120.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("songs", help="folder of songs, each a folder of stems")
    parser.add_argument("--examples", type=int, default=120, help="number of excerpts")
    options = parser.parse_args()
    excerpts = SongExcerpts([(options.songs, 1.0)], split="all").open()
    rows: dict[tuple[str, str], list[float]] = {}
    for number in range(options.examples):
        for name, value in definitions(excerpts.excerpt(2 * POOL * number), number):
            rows.setdefault(name, []).append(float(value))
    print("| figure | definition | mean ± deviation | median | the paper |")
    print("|---|---|---:|---:|---:|")
    for (figure, definition), values in rows.items():
        known = np.array(values)[np.isfinite(values)]
        spread = f"{known.mean():.1f} ± {known.std():.1f} | {np.median(known):.1f}"
        print(f"| {figure} | {definition} | {spread} | {PUBLISHED[figure]} |")


def definitions(stems: np.ndarray, number: int) -> Iterator[tuple[tuple[str, str], float]]:
    """Yield figure and definition with the value of one excerpt (4, samples)."""
    configuration = load_configurations(20)[number % 20]
    target = mix(stems, configuration.gains)
    baseline = get_upmixer("all-channel-stereo", gain=0.5)
    upmixes = {
        protocol: baseline.upmix(mix(stems, configuration.seed_gains(protocol)), RATE)
        for protocol in ("same", "independent")
    }
    upmix = upmixes["same"]
    yield ("SNR", "all channels; copies at 0.5; stereo panned like the target"), snr(target, upmix)
    yield ("SNR", "the same; stereo panned independently"), snr(target, upmixes["independent"])
    yield ("SNR", "copies at 1"), snr(target, 2.0 * upmix)
    yield ("SNR", "mean over the channels that sound"), per_channel(target, upmix)
    yield ("SNR", "SD-SDR (Le Roux et al.), all channels"), sd_sdr(target, upmix)
    yield ("SNR", "SI-SDR, all channels"), si_sdr(target, upmix)
    loud = np.mean(np.square(stems), axis=1) > SILENCE
    for weighting in ("amplitude", "energy"):
        errors = angle_error(stems, upmix, configuration.azimuth, LAYOUT, weighting=weighting)
        name = f"directions of the mixing gains, weights: {weighting}"
        yield ("angle error", name), mean(errors[loud])
    errors = angle_error(stems, upmixes["independent"], configuration.azimuth, LAYOUT)
    yield ("angle error", "amplitude; stereo panned independently"), mean(errors[loud])
    for floor in FLOORS:
        for clip in CLIPS:
            if floor == -90.0 or clip == 60.0:
                name = f"floor {floor:g} dB, limit {clip:g} dB"
                yield ("WILD", name), wild(target, upmix, floor_db=floor, clip_db=clip)


def per_channel(target: np.ndarray, upmix: np.ndarray) -> float:
    """Return the mean SNR over the channels that sound in the target."""
    return mean(snr(target, upmix, per_channel=True)[np.any(target, axis=1)])


def mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else np.nan


if __name__ == "__main__":
    main()
