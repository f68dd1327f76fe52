"""Upmix blindly: spatial styles drawn by chance, without any example.

    pip install '.[models]'
    python examples/09_blind_upmixing.py [FOLDER]

Upmixes go to FOLDER, demo-output by default.
"""

import sys
from pathlib import Path

import numpy as np

import spatialkit
from spatialkit import metrics
from spatialkit_models.style_vae import style_directions

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output")
folder.mkdir(parents=True, exist_ok=True)
song = spatialkit.read(spatialkit.sample_path())
rate = song.sample_rate
excerpt = song.samples[:, 16 * rate : 24 * rate]


def describe(surround: np.ndarray) -> None:
    """Print levels, and how well the upmix folds down to the original."""
    levels = 10 * np.log10(np.mean(surround**2, axis=1) + 1e-10)
    labels = spatialkit.get_layout("5.0").labels
    print("  dBFS    " + ", ".join(f"{name} {x:.1f}" for name, x in zip(labels, levels)))
    print(f"  folds down with {float(metrics.downmix_error(surround, excerpt, '5.0')):.1f} dB SNR")


# The same seed gives the same style, whatever the song. Listen, and keep the one you like:
# upmixer.style.save("mine.json").
for seed in range(3):
    upmixer = spatialkit.get_upmixer("style-vae", style="random", seed=seed)
    print(f"seed {seed}, degrees and loudest loudspeaker:")
    for stem, place in style_directions(upmixer.style).items():
        loudest = max(place.gains, key=place.gains.get)
        print(f"  {stem:7}{place.azimuth:5.0f}  {loudest} {place.gains[loudest]:.2f}")
    surround = upmixer.upmix(excerpt, rate)
    describe(surround)
    path = folder / f"francium-seed-{seed}.wav"
    spatialkit.write(path, surround, rate, format="5.0", overwrite=True)
    print(f"  written to {path}")

# An upmix that must fold down to the original keeps every sound on its side. What the fold-down
# lacks is added to the upmix: how much that is says how much of the style is lost.
exact = spatialkit.get_upmixer("style-vae", style=upmixer.style, exact_downmix=True)
corrected = exact.upmix(excerpt, rate)
print(f"seed {seed} with exact_downmix:")
describe(corrected)
print(f"  the correction is {-float(metrics.snr(surround, corrected)):.1f} dB against the upmix")
