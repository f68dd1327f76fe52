"""
A moving source
===============

Pan a voice once around the listener and upwards in ten seconds, and write it as a 7.1.4 file. Files
are written to the folder given as an argument (default: demo-output).
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import spatialkit
from spatialkit import plots

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output")
folder.mkdir(parents=True, exist_ok=True)
audio = spatialkit.read(spatialkit.sample_path("vocals"))
rate = audio.sample_rate
voice = audio.samples.mean(axis=0)[: 10 * rate]

# %%
# The points of a trajectory are equally spaced in time, from the first to the last sample. The
# gains are computed at most 1 degree apart, interpolated linearly and normalized to unit power at
# every sample, so that the movement causes neither clicks nor level changes.
azimuth = [0.0, 90.0, 180.0, 270.0, 360.0]
elevation = [0.0, 10.0, 20.0, 30.0, 40.0]
panned = spatialkit.vbap_pan(voice, azimuth, elevation, layout="7.1.4", spread=20.0)

# %%
# The level of each loudspeaker in time.
layout = spatialkit.get_layout("7.1.4")
level = plots.channel_levels(panned, sample_rate=rate, format=layout, frame=0.1).level
for second in range(0, 10, 2):
    loudest = np.argsort(level[:, 10 * second])[::-1][:3]
    print(f"second {second}: loudest in", ", ".join(layout.labels[n] for n in loudest))

figure, (path, levels) = plt.subplots(
    1, 2, figsize=(10, 4), width_ratios=[1.0, 1.3], layout="constrained"
)
plots.plot_trajectory(azimuth, elevation, layout=layout, ax=path)
plots.plot_levels(panned, sample_rate=rate, format=layout, frame=0.1, floor_db=-70, ax=levels)
plt.show()

# %%
# The WAVE file has the channel mask of 7.1.4. The stereo downmix is for the player of this page.
path = folder / "moving-voice-7.1.4.wav"
spatialkit.write(path, panned, rate, format="7.1.4", overwrite=True)
written = spatialkit.info(path)
print(written.format, f"mask {written.wave_mask:#x}, {written.samples} samples")
stereo = spatialkit.downmix(panned, "7.1.4")
spatialkit.write(folder / "moving-voice-stereo-downmix.ogg", stereo, rate, overwrite=True)
