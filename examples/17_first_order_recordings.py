"""
First-order recordings
======================

Convert the capsule signals of a tetrahedral microphone to Ambisonics, level the scene, and decode
it sharply and linearly: pictures and sounds of the difference.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import spatialkit
from spatialkit import plots

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output")
folder.mkdir(exist_ok=True)

# %%
# A recording with known sources: four stems of the bundled song around a microphone whose front
# hangs 15 degrees too low. Its capsules are cardioids that point to the corners of a tetrahedron.
# A recording of your own is read from a file of four channels instead.
names = ("vocals", "drums", "bass", "other")
stems = [spatialkit.read(spatialkit.sample_path(name), offset=6.0, duration=8.0) for name in names]
rate = stems[0].sample_rate
sources = np.stack([stem.samples.mean(axis=0) for stem in stems])
azimuth, elevation = [0.0, -60.0, 20.0, 110.0], [0.0, 30.0, 0.0, 0.0]
hall = spatialkit.encode_foa(sources, azimuth, elevation)
tilted = spatialkit.rotate_foa(hall, pitch=15.0)
corner = np.degrees(np.arcsin(1.0 / np.sqrt(3.0)))
capsules = spatialkit.virtual_microphones(
    tilted, [45.0, -45.0, 135.0, -135.0], [corner, -corner, -corner, corner]
)

# %%
# From A-format to B-format (W Y Z X), and level. With files, this is ``spatialkit encode
# capsules.wav -o scene.wav --a-format zoom-h3-vr`` and ``spatialkit rotate scene.wav -o level.wav
# --pitch -15``.
recorded = spatialkit.a_to_b(capsules, "zoom-h3-vr")
scene = spatialkit.rotate_foa(recorded, pitch=-15.0)
print("W Y Z X as encoded:", np.allclose(scene, hall, atol=1e-5))
figure, axes = plt.subplots(2, 1, figsize=(6.5, 6.5), layout="constrained")
for ax, audio, title in zip(axes, (recorded, scene), ("tilted", "level"), strict=True):
    plots.plot_energy_map(audio, ax=ax, sample_rate=rate, format="foa", range_db=6.0)
    ax.set_title(f"first order, {title}")

# %%
# Four channels have one direction at a time. The linear decoder sends each source to all
# loudspeakers near it; "dirac" finds the direction of each time and frequency. The errors are those
# of the energy vectors of the stems, relative to where they were encoded.
feeds = {
    "panned stems": spatialkit.vbap_pan(sources, azimuth, elevation, layout="7.1.4"),
    "linear": spatialkit.decode_foa(scene, "7.1.4"),
    "dirac": spatialkit.decode_foa(scene, "7.1.4", decoder="dirac", sample_rate=rate),
}
for name, signals in feeds.items():
    error = spatialkit.metrics.angle_error(
        sources, signals, azimuth, "7.1.4", elevation=elevation, weighting="energy"
    )
    print(f"{name}: {error.mean():.1f} degrees; by stem {error.round(1).tolist()}")

# %%
# The gains of the stems in each loudspeaker signal, by least squares:
layout = spatialkit.get_layout("7.1.4")
figure, axes = plt.subplots(3, 1, figsize=(8, 6.5), layout="constrained")
for ax, (name, signals) in zip(axes, feeds.items(), strict=True):
    gains = np.linalg.lstsq(sources.T, signals.T, rcond=None)[0]
    levels = 20.0 * np.log10(np.maximum(np.abs(gains), 1e-3))
    scale = {"label": "gain, dB", "low": -30.0, "high": 0.0, "decimals": 0}
    plots.plot_matrix(levels, names, layout.labels, ax=ax, **scale)
    ax.set_title(name)

# %%
# The same by ear, on headphones: first order, and third order, in which the direct sound is encoded
# again (``upscale_ambisonics``). With files, ``spatialkit decode --decoder dirac`` decodes to
# loudspeakers.
sharp = spatialkit.upscale_ambisonics(scene, 3, sample_rate=rate)
for name, audio, source in (("first-order", scene, "foa"), ("sharpened", sharp, "ambix3")):
    ears = spatialkit.render(audio, source, "binaural", sample_rate=rate)
    level = spatialkit.metrics.loudness(ears, "stereo", rate)
    gain = 10.0 ** ((-23.0 - level) / 20.0)  # equally loud, so that only the image differs
    spatialkit.write(folder / f"{name}.ogg", gain * ears, rate, format="stereo", overwrite=True)
    print(f"{name}.ogg: {level:.1f} LUFS before the gain")
figure, ax = plt.subplots(figsize=(6.5, 3.3), layout="constrained")
plots.plot_energy_map(sharp, ax=ax, sample_rate=rate, format="ambix3", range_db=12.0)
ax.set_title("third order, sharpened")
plt.show()
