"""
Headphones
==========

Upmix a song and render it for headphones, rotate the scene as a turning head would, and measure the
filters.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt

import spatialkit
from spatialkit import metrics, plots

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
errors = {}
for order in (1, 3, 5, 7):
    report = spatialkit.binaural_report(spatialkit.binaural_filters(hrtf, order), hrtf)
    print(report)
    errors[f"order {order}"] = report.magnitude_error_db
axes = {"x_label": "frequency, Hz", "y_label": "mean magnitude error, dB", "log_x": True}
plots.plot_curves(report.frequencies, errors, ax=left, **axes)
left.set_title("filters of Ambisonics")

# %%
# Between its measured directions a set is interpolated. The level at the left ear, for sources on
# the horizon:
plots.plot_hrtf(hrtf, ax=right)
plt.show()
