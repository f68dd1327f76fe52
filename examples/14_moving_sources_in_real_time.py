"""
Moving sources in real time
===========================

Drive eight sources in a loop over blocks, as a game or an installation does: their directions
change with every block, and gains follow in ramps. Then listen on headphones with a turning head.
Files are written to the folder given as an argument (default: demo-output).
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import spatialkit
from spatialkit import plots
from spatialkit.realtime import BinauralProcessor, PannerProcessor
from spatialkit.trajectory import Trajectory

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output")
folder.mkdir(parents=True, exist_ok=True)
rate, size, sources = 48000, 512, 8
seconds = np.arange(4 * rate) / rate
audio = np.array([0.1 * np.sin(2 * np.pi * 110 * n * seconds) for n in range(1, sources + 1)])

# %%
# One path per source, of points at any times. `Trajectory.at` returns the parameters that a panner
# needs.
paths = [
    Trajectory([0.0, 2.0, 4.0], 45.0 * n + np.array([0.0, 90.0, 180.0]), [0.0, 30.0, 0.0])
    for n in range(sources)
]
print(paths[0], "is at", paths[0].at(1.0))

# %%
# The loop. Each block has the directions of its end; in between, gains change sample by sample.
# `PannerProcessor` and `BinauralProcessor` have no latency.
panner = PannerProcessor("7.1.4", rate, sources=sources)
headphones = BinauralProcessor("7.1.4", rate)
surround, ears = [], []
for start in range(0, audio.shape[1], size):
    time = (start + size) / rate
    places = [path.at(time) for path in paths]
    azimuth, elevation = ([place[name] for place in places] for name in ("azimuth", "elevation"))
    block = panner.process(audio[:, start : start + size], azimuth=azimuth, elevation=elevation)
    surround.append(block)
    ears.append(headphones.process(block, yaw=-40.0 * np.sin(time)))
surround, ears = (np.concatenate(blocks, axis=1) for blocks in (surround, ears))
spatialkit.write(folder / "eight-sources.wav", surround, rate, format="7.1.4", overwrite=True)
headphones_file = folder / "eight-sources-on-headphones.ogg"
spatialkit.write(headphones_file, ears, rate, format="stereo", overwrite=True)
print(f"{surround.shape[0]} loudspeakers and {ears.shape[0]} ears, {surround.shape[1]} samples")

# %%
# A step of the gains, as without ramps, is a click: it raises the spectrum far from the tones.
steps = [
    spatialkit.vbap_pan(
        audio[:, start : start + size],
        [path.at(start / rate)["azimuth"] for path in paths],
        [path.at(start / rate)["elevation"] for path in paths],
        layout="7.1.4",
    )
    for start in range(0, audio.shape[1], size)
]
levels = {}
for label, signal in (("steps", np.concatenate(steps, axis=1)), ("PannerProcessor", surround)):
    window = np.blackman(signal.shape[1])
    spectrum = np.abs(np.fft.rfft(signal[0] * window)) / window.sum()
    level = 20 * np.log10(spectrum[: 20000 * 4].reshape(-1, 80).max(axis=1) + 1e-9)
    levels[label] = level
    print(f"{label}: {level[250:].max():.0f} dB above 5 kHz")
figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
kilohertz = np.arange(len(level)) * 20 / 1000
labels = {"x_label": "frequency, kHz", "y_label": "front left, dB"}
plots.plot_curves(kilohertz, levels, ax=axes, **labels)
axes.set_ylim(-150, -20)
figure.savefig(folder / "eight-sources.png")
print(f"{folder}/eight-sources.wav, {headphones_file.name}")
