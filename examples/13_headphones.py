"""
Headphones
==========

Upmix a song and render it for headphones, rotate the scene as a turning head would, and measure the
filters.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import spatialkit
from spatialkit import metrics

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output")
folder.mkdir(exist_ok=True)

# %%
# The upmix has a head-related response pair per loudspeaker of the bundled dummy head. Its loudness
# on headphones is that of the song.
song = spatialkit.read(spatialkit.sample_path())
rate = song.sample_rate
surround = spatialkit.get_upmixer("ambience", layout="7.1.4").upmix(song.samples, rate)
ears = spatialkit.render(surround, "7.1.4", "binaural", sample_rate=rate)
for name, audio in (("song", song.samples), ("headphones", ears)):
    print(f"{name}: {metrics.loudness(audio, 'stereo', rate):.1f} LUFS")
spatialkit.write(folder / "headphones.ogg", ears, rate, format="stereo", overwrite=True)

# %%
# A head that turns to the left rotates the scene to the right: a negative yaw. The points are
# equally spaced in time; here the head turns once around within the song.
turned = spatialkit.render(
    surround, "7.1.4", "binaural", sample_rate=rate, yaw=[0.0, -90.0, -180.0, -270.0, -360.0]
)
spatialkit.write(folder / "turning-head.ogg", turned, rate, format="stereo", overwrite=True)

# %%
# Ambisonics are rendered by filters of all harmonics. Their errors, relative to the responses of
# the head, decrease with the order.
hrtf = spatialkit.read_hrtf("ku100")
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for order in (1, 3, 5, 7):
    report = spatialkit.binaural_report(spatialkit.binaural_filters(hrtf, order), hrtf)
    print(report)
    left.semilogx(report.frequencies, report.magnitude_error_db, label=f"order {order}")
left.set(xlabel="frequency, Hz", ylabel="mean magnitude error, dB", title="filters of Ambisonics")
left.legend()

# %%
# Between its measured directions a set is interpolated. The level at the left ear, for sources on
# the horizon:
azimuth = np.arange(-180.0, 181.0, 3.0)
spectra = np.fft.rfft(hrtf.at(azimuth)[:, 0], 512, axis=-1)
frequencies = np.fft.rfftfreq(512, 1.0 / hrtf.sample_rate)
level = 20.0 * np.log10(np.abs(spectra[:, 2:]) + 1e-6)
image = right.pcolormesh(azimuth, frequencies[2:] / 1000.0, level.T, vmin=-35.0, vmax=10.0)
right.set(xlim=(180.0, -180.0), xlabel="source azimuth, degrees", ylabel="frequency, kHz")
right.set(title="level at the left ear")
figure.colorbar(image, label="dB")
plt.show()
