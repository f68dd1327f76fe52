"""Upmix stereo and mono to Ambisonics, for loudspeakers and for two microphones.

    pip install '.[models]'
    python examples/11_stereo_to_ambisonics.py [SONG [FOLDER]]

SONG is a stereo file, the bundled song by default; eight seconds from its middle are upmixed. What
is made goes to FOLDER, demo-output by default. All of a song, in the shell:

    spatialkit upmix song.wav -o foa.wav --upmixer ambisonizer -O stage=band
"""

import sys
from pathlib import Path

import numpy as np

import spatialkit
from spatialkit import metrics

path = Path(sys.argv[1]) if len(sys.argv) > 1 else spatialkit.sample_path()
folder = Path(sys.argv[2] if len(sys.argv) > 2 else "demo-output")
folder.mkdir(parents=True, exist_ok=True)
song = spatialkit.read(path, format="stereo")
rate = song.sample_rate
first = max(0, song.samples.shape[1] // 2 - 4 * rate)
excerpt = song.samples[:, first : first + 8 * rate]
mono = excerpt.mean(axis=0, keepdims=True)


def decibels(ratio: np.ndarray) -> np.ndarray:
    """Turn ratios of energy into dB."""
    return 10 * np.log10(ratio + 1e-10)


def flow(foa: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the energy of W, (bins, frames), and what of it flows from ahead and from the left."""
    spectrum = spatialkit.stft(foa, n_fft=4096, hop=1024)
    return np.abs(spectrum[0]) ** 2, metrics.active_intensity(spectrum)[:2]


def describe(name: str, foa: np.ndarray, original: np.ndarray) -> None:
    """Print the share of energy that comes from each side, and how well the upmix folds down."""
    energy, (x, y) = flow(foa)
    shares = [100 * np.maximum(side, 0).sum() / energy.sum() for side in (x, -x, y, -y)]
    folded = float(metrics.downmix_error(foa, original, "foa"))
    print(f"  {name:20}" + "".join(f"{share:8.0f}" for share in shares) + f"{folded:10.0f} dB")


# What stereo says is kept: W is (L + R) / 2, Y is (L - R) / 2. What is ahead and what is behind it
# does not say. The stage does, by name, or by instrument from -1, behind, to 1, ahead.
stages = {"front": "front", "band": "band", "drums-behind": {"drums": -1, "other": 0}}
scenes = {
    name: spatialkit.get_upmixer("ambisonizer", stage=stage).upmix(excerpt, rate)
    for name, stage in stages.items()
}
print("stage, % of energy from  ahead  behind    left   right    fold-down")
for name, foa in scenes.items():
    describe(name, foa, excerpt)

# Length 1 is one place, 0 is none: instruments ahead and behind share the octave.
print("Hz       dB" + "".join(f"{name:>15}" for name in scenes) + "   (degrees, length)")
flows = [flow(foa) for foa in scenes.values()]
energy = flows[0][0]
hz = np.linspace(0, rate / 2, len(energy))
for low in 40 * 2 ** np.arange(8):
    octave = (hz >= low) & (hz < 2 * low)
    power = energy[octave].sum()
    print(f"  {low:4}{decibels(power / energy.sum()):5.0f}", end="")
    for _, intensity in flows:
        x, y = intensity[:, octave].sum(axis=(1, 2))
        print(f"{np.degrees(np.arctan2(y, x)):9.0f}{np.hypot(x, y) / power:6.2f}", end="")
    print()

# Mono has no sides: instruments are placed, the seed says where.
print("mono, % of energy from   ahead  behind    left   right    fold-down")
for seed in range(2):
    scenes[f"mono-seed-{seed}"] = spatialkit.get_upmixer("ambisonizer", seed=seed).upmix(mono, rate)
    describe(f"seed {seed}", scenes[f"mono-seed-{seed}"], mono)

# To loudspeakers. layout="5.0" in get_upmixer, or --layout 5.0 in the shell, decodes at once.
surround = {name: spatialkit.decode_foa(scenes[name], "5.0") for name in stages}
labels = spatialkit.get_layout("5.0").labels
print("loudspeakers, dBFS" + "".join(f"{label:>8}" for label in labels))
for name, feeds in surround.items():
    levels = decibels(np.mean(feeds**2, axis=1))
    print(f"  {name:16}" + "".join(f"{level:8.1f}" for level in levels))

# To two microphones. Of cardioids at 90 and -90 degrees the stereo comes back, whatever the stage.
cardioids = 2 * spatialkit.virtual_microphones(scenes["band"], [90, -90], pattern=0.5)
print(f"cardioids to the sides: {float(metrics.snr(excerpt, cardioids)):.0f} dB SNR against stereo")

# The authors of Ambisonizer point theirs at 22.5 and 202.5 degrees, a little narrower: 0.37 of it
# omnidirectional. Their mean is W, too; what they have apart is the stage.
omni = 1 / (1 + 3**0.5)
pairs = {}
for name in stages:
    pair = spatialkit.virtual_microphones(scenes[name], [22.5, 202.5], pattern=1 - omni) / omni
    ahead, behind = decibels(np.mean(pair**2, axis=1))
    mean = float(metrics.snr(mono, pair.mean(axis=0, keepdims=True)))
    print(f"authors' pair, {name:12}{ahead - behind:6.1f} dB louder ahead, ", end="")
    print(f"mean against W: {mean:.0f} dB SNR")
    pairs[f"{name}-pair"] = pair, "stereo"

files = {f"{name}-foa": (foa, "foa") for name, foa in scenes.items()}
files |= {f"{name}-5.0": (feeds, "5.0") for name, feeds in surround.items()} | pairs
print("written:")
for name, (audio, form) in files.items():
    made = folder / f"{path.stem}-{name}.wav"
    spatialkit.write(made, audio, rate, format=form, overwrite=True)
    print(f"  {made}")
