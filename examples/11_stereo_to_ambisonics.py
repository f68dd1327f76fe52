"""
Stereo and mono to Ambisonics
=============================

Upmix stereo and mono to first-order Ambisonics, and decode it to loudspeakers and two microphones::

    pip install '.[models]'
    python examples/11_stereo_to_ambisonics.py [SONG [FOLDER]]

SONG is a stereo file (default: the bundled song); eight seconds from its middle are upmixed. The
results are written to FOLDER (default: demo-output). The command line upmixes a whole song::

    spatialkit upmix song.wav -o foa.wav --upmixer ambisonizer -O stage=band
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import spatialkit
from spatialkit import metrics, plots

path = Path(sys.argv[1]) if len(sys.argv) > 1 else spatialkit.sample_path()
folder = Path(sys.argv[2] if len(sys.argv) > 2 else "demo-output")
folder.mkdir(parents=True, exist_ok=True)
song = spatialkit.read(path, format="stereo")
rate = song.sample_rate
first = max(0, song.samples.shape[1] // 2 - 4 * rate)
excerpt = song.samples[:, first : first + 8 * rate]
mono = excerpt.mean(axis=0, keepdims=True)


def decibels(ratio: np.ndarray) -> np.ndarray:
    """Convert energy ratios to dB."""
    return 10 * np.log10(ratio + 1e-10)


def energy_and_intensity(foa: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the energy of W, (bins, frames), and the intensity along x (front) and y (left)."""
    spectrum = spatialkit.stft(foa, n_fft=4096, hop=1024)
    return np.abs(spectrum[0]) ** 2, metrics.active_intensity(spectrum)[:2]


def describe(name: str, foa: np.ndarray, original: np.ndarray) -> None:
    """Print the share of energy from each side and the downmix SNR."""
    energy, (x, y) = energy_and_intensity(foa)
    shares = [100 * np.maximum(side, 0).sum() / energy.sum() for side in (x, -x, y, -y)]
    snr = float(metrics.downmix_error(foa, original, "foa"))
    print(f"  {name:20}" + "".join(f"{share:8.0f}" for share in shares) + f"{snr:12.0f} dB")


# %%
# W = (L + R) / 2 and Y = (L - R) / 2 are computed exactly from the stereo input. X (front-rear)
# cannot be inferred from stereo: the stage specifies it, by name or per instrument from 1 (front)
# to -1 (rear).
stages = {"front": "front", "band": "band", "drums-rear": {"drums": -1, "other": 0}}
scenes = {
    name: spatialkit.get_upmixer("ambisonizer", stage=stage).upmix(excerpt, rate)
    for name, stage in stages.items()
}
print("stage, % of energy from  front    rear    left   right   downmix SNR")
for name, foa in scenes.items():
    describe(name, foa, excerpt)

# %%
# Direction of the intensity by frequency. The length of the intensity vector relative to the energy
# is 1 for a single direction and 0 if energy arrives from opposite directions alike.
intensities = {name: energy_and_intensity(foa) for name, foa in scenes.items()}
hz = np.linspace(0, rate / 2, len(intensities["front"][0]))
octaves = 40 * 2 ** np.arange(8)
azimuths, lengths = {}, {}
for name, (energy, intensity) in intensities.items():
    bands = [(hz >= low) & (hz < 2 * low) for low in octaves]
    x, y = np.array([intensity[:, band].sum(axis=(1, 2)) for band in bands]).T
    azimuths[name] = np.degrees(np.arctan2(y, x))
    lengths[name] = np.hypot(x, y) / [energy[band].sum() for band in bands]
figure, panels = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
for axes, curves, label in (
    (panels[0], azimuths, "azimuth, degrees"),
    (panels[1], lengths, "length of the intensity vector"),
):
    octave = "lower edge of the octave, Hz"
    plots.plot_curves(octaves, curves, ax=axes, x_label=octave, y_label=label, log_x=True)
panels[0].set(ylim=(-190, 190), yticks=[-180, -90, 0, 90, 180])
panels[1].set_ylim(0, 1.02)
plt.show()

# %%
# Mono contains no directions: the stems are placed, and the seed selects where.
print("mono, % of energy from   front    rear    left   right   downmix SNR")
for seed in range(2):
    scenes[f"mono-seed-{seed}"] = spatialkit.get_upmixer("ambisonizer", seed=seed).upmix(mono, rate)
    describe(f"seed {seed}", scenes[f"mono-seed-{seed}"], mono)

# %%
# Decode to loudspeakers. ``layout="5.0"`` in ``get_upmixer``, or ``--layout 5.0`` on the command
# line, does the same.
surround = {name: spatialkit.decode_foa(scenes[name], "5.0") for name in stages}
labels = spatialkit.get_layout("5.0").labels
print("loudspeakers, dBFS" + "".join(f"{label:>8}" for label in labels))
for name, feeds in surround.items():
    levels = decibels(np.mean(feeds**2, axis=1))
    print(f"  {name:16}" + "".join(f"{level:8.1f}" for level in levels))

# %%
# Two cardioids at 90 and -90 degrees reproduce the stereo input, for every stage.
cardioids = 2 * spatialkit.virtual_microphones(scenes["band"], [90, -90], pattern=0.5)
print(f"cardioids at +-90 degrees: {float(metrics.snr(excerpt, cardioids)):.0f} dB SNR")

# %%
# The authors of the Ambisonizer point two microphones at 22.5 and 202.5 degrees, with a pattern
# that is 0.37 omnidirectional. The mean of the pair is W; the difference depends on the stage.
omni = 1 / (1 + 3**0.5)
pairs = {}
for name in stages:
    pair = spatialkit.virtual_microphones(scenes[name], [22.5, 202.5], pattern=1 - omni) / omni
    front, rear = decibels(np.mean(pair**2, axis=1))
    snr = float(metrics.snr(mono, pair.mean(axis=0, keepdims=True)))
    print(f"pair of the authors, {name:12}{front - rear:6.1f} dB louder in front, ", end="")
    print(f"mean against W: {snr:.0f} dB SNR")
    pairs[f"{name}-pair"] = pair, "stereo"

# %%
# Write the scenes, the loudspeaker feeds and the microphone pairs. The players contain the pairs:
# left is in front, right is at the rear.
files = {f"{name}-foa": (foa, "foa") for name, foa in scenes.items()}
files |= {f"{name}-5.0": (feeds, "5.0") for name, feeds in surround.items()} | pairs
print("written:")
for name, (audio, form) in files.items():
    target = folder / f"{path.stem}-{name}.wav"
    spatialkit.write(target, audio, rate, format=form, overwrite=True)
    print(f"  {target}")
for name, (pair, _) in pairs.items():
    spatialkit.write(folder / f"{name}.ogg", pair / np.abs(pair).max(), rate, overwrite=True)
