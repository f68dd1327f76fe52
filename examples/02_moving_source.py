"""A voice that walks around the listener in ten seconds and rises, written as 7.1.4."""

import tempfile
from pathlib import Path

import numpy as np

import spatialkit

audio = spatialkit.read(spatialkit.sample_path("vocals"))
voice = audio.samples.mean(axis=0)[: 10 * audio.sample_rate]

# Points are equally spaced in time. Gains are linear between control points 1 degree apart and
# keep unit power at every sample: no zipper noise, no drop between loudspeakers.
azimuth = [0.0, 90.0, 180.0, 270.0, 360.0]
elevation = [0.0, 10.0, 20.0, 30.0, 40.0]
panned = spatialkit.vbap_pan(voice, azimuth, elevation, layout="7.1.4", spread=20.0)

layout = spatialkit.get_layout("7.1.4")
for second in range(0, 10, 2):
    part = panned[:, second * audio.sample_rate : (second + 1) * audio.sample_rate]
    loudest = np.argsort((part**2).sum(axis=1))[::-1][:3]
    print(f"second {second}: loudest in", ", ".join(layout.labels[n] for n in loudest))

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "walk.wav"
    spatialkit.write(path, panned, audio.sample_rate, format="7.1.4")
    written = spatialkit.info(path)
    print(written.format, f"mask {written.wave_mask:#x}, {written.samples} samples")
