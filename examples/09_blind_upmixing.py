"""
Random styles
=============

Upmix without an example, in randomly sampled spatial styles::

    pip install '.[models]'
    python examples/09_blind_upmixing.py [FOLDER]

The upmixes are written to FOLDER (default: demo-output).
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
    """Print the level of each channel and the downmix SNR against the original."""
    levels = 10 * np.log10(np.mean(surround**2, axis=1) + 1e-10)
    labels = spatialkit.get_layout("5.0").labels
    print("  dBFS    " + ", ".join(f"{name} {x:.1f}" for name, x in zip(labels, levels)))
    print(f"  downmix SNR {float(metrics.downmix_error(surround, excerpt, '5.0')):.1f} dB")


# %%
# A seed always gives the same style, for any song. To keep one:
# ``upmixer.style.save("mine.json")``.
for seed in range(3):
    upmixer = spatialkit.get_upmixer("style-vae", style="random", seed=seed)
    print(f"seed {seed}: azimuth in degrees, loudest loudspeaker and its gain")
    for stem, place in style_directions(upmixer.style).items():
        loudest = max(place.gains, key=place.gains.get)
        print(f"  {stem:7}{place.azimuth:5.0f}  {loudest} {place.gains[loudest]:.2f}")
    surround = upmixer.upmix(excerpt, rate)
    describe(surround)
    path = folder / f"francium-seed-{seed}.wav"
    spatialkit.write(path, surround, rate, format="5.0", overwrite=True)
    print(f"  written: {path}")
    stereo = spatialkit.downmix(surround, "5.0")
    spatialkit.write(folder / f"seed-{seed}-stereo-downmix.ogg", stereo, rate, overwrite=True)

# %%
# With ``exact_downmix`` the downmix of the upmix equals the original, which keeps every source in
# its channel, left or right. The size of the correction shows how much of the style is lost.
exact = spatialkit.get_upmixer("style-vae", style=upmixer.style, exact_downmix=True)
corrected = exact.upmix(excerpt, rate)
print(f"seed {seed} with exact_downmix:")
describe(corrected)
print(f"  correction: {-float(metrics.snr(surround, corrected)):.1f} dB relative to the upmix")
