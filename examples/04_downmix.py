"""
Downmix methods and exact downmixes
===================================

Compare downmix matrices, and correct an upmix so that its downmix equals the original.
"""

import matplotlib.pyplot as plt
import numpy as np

import spatialkit
from spatialkit import plots

# %%
# The default method "itu" is ITU-R BS.775; height channels are added as in IAMF, the LFE is left
# out.
labels = spatialkit.get_layout("7.1.4").labels
matrix = spatialkit.downmix_matrix("7.1.4", "stereo")
for channel, row in zip(("L", "R"), matrix):
    terms = [f"{gain:.3f} {name}" for gain, name in zip(row, labels) if gain]
    print(f"{channel} =", " + ".join(terms))

# %%
# "dplii" gives Lt/Rt for matrix decoders: the surround channels are shifted by 90 degrees, which
# the complex matrix writes as j.
print("5.0 to Lt/Rt, channel SL:", spatialkit.downmix_matrix("5.0", "stereo", method="dplii")[:, 3])

# %%
# The gains of each channel of 5.1 by method, as magnitudes.
methods = ("itu", "sum", "dplii", "iamf")
names = spatialkit.get_layout("5.1").labels
figure, panels = plt.subplots(2, 2, figsize=(8, 3.6), layout="constrained")
for axes, method in zip(panels.flat, methods):
    gains = np.abs(spatialkit.downmix_matrix("5.1", "stereo", method=method))
    plots.plot_matrix(gains, ["L", "R"], names, ax=axes, colorbar=False)
    axes.set_title(method)
plt.show()

# %%
# ``match_downmix`` corrects an upmix so that its downmix is the original. The size of the
# correction shows how much of the upmix had to change: an exact downmix alone is no proof of
# quality.
song = spatialkit.read(spatialkit.sample_path())
upmix = spatialkit.get_upmixer("matrix", layout="5.1").upmix(song.samples, song.sample_rate)
before = spatialkit.metrics.downmix_error(upmix, song.samples, "5.1")
exact, correction_db = spatialkit.match_downmix(upmix, song.samples, "5.1", return_correction=True)
after = spatialkit.metrics.downmix_error(exact, song.samples, "5.1")
print(f"downmix SNR of 'matrix': {float(before):.1f} dB; corrected: {float(after):.0f} dB")
print(f"correction: {float(correction_db):.1f} dB relative to the upmix")
