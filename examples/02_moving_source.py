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
frames = panned[:, : 10 * rate].reshape(layout.n_channels, 100, -1)
level = 10.0 * np.log10((frames.astype(np.float64) ** 2).mean(axis=2) + 1e-9)
for second in range(0, 10, 2):
    loudest = np.argsort(level[:, 10 * second])[::-1][:3]
    print(f"second {second}: loudest in", ", ".join(layout.labels[n] for n in loudest))

figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
image = axes.pcolormesh(
    np.arange(101) / 10, np.arange(layout.n_channels + 1), level, vmin=-70, vmax=-20, cmap="cividis"
)
axes.set(yticks=np.arange(layout.n_channels) + 0.5, yticklabels=layout.labels, xlabel="time, s")
axes.invert_yaxis()
figure.colorbar(image, label="level, dBFS")
plt.show()

# %%
# The WAVE file has the channel mask of 7.1.4. The stereo downmix is for the player of this page.
path = folder / "moving-voice-7.1.4.wav"
spatialkit.write(path, panned, rate, format="7.1.4", overwrite=True)
written = spatialkit.info(path)
print(written.format, f"mask {written.wave_mask:#x}, {written.samples} samples")
stereo = spatialkit.downmix(panned, "7.1.4")
spatialkit.write(folder / "moving-voice-stereo-downmix.ogg", stereo, rate, overwrite=True)
