"""
Layouts and panning gains
=========================

Look up loudspeaker layouts by name, define your own, and compute VBAP gains.
"""

import matplotlib.pyplot as plt
import numpy as np

import spatialkit
from spatialkit import plots

# %%
# A layout contains the label, direction and WAVE mask bit of each channel, in file order.
for name in ("5.1", "7.1.4", "9+10+3"):
    layout = spatialkit.get_layout(name)
    print(f"{name:7} {layout.n_channels:2} channels, WAVE mask {layout.wave_mask:#x}")

# %%
# A source 15 degrees to the left is panned between the left and the centre loudspeaker.
gains = spatialkit.vbap_gains(azimuth=15.0, layout="5.0")
labels = spatialkit.get_layout("5.0").labels
print("15 degrees on 5.0:", dict(zip(labels, gains.round(3).tolist())))

# %%
# VBAP covers every direction: a source overhead is panned to all four top loudspeakers of 7.1.4.
overhead = spatialkit.vbap_gains(0.0, 90.0, layout="7.1.4")
print("overhead on 7.1.4:", overhead.round(3)[-4:], "power", round(float(overhead @ overhead), 12))

# %%
# A custom layout needs labels and directions. ``spread`` widens the source, in degrees.
azimuth, elevation = [35, -40, 120, -125, 0], [0, 0, 0, 0, 80]
custom = spatialkit.Layout("custom", ["a", "b", "c", "d", "top"], azimuth, elevation)
spread = spatialkit.vbap_gains(60.0, 20.0, layout=custom, spread=40.0)
print("60 degrees on the custom layout:", spread.round(3))

# %%
# ``reorder`` moves channels by label, here from the order of film mixing consoles
# (L C R Lss Rss Lsr Rsr LFE) to the order of a WAVE file.
film = np.arange(8.0)[:, None] * np.ones(4)
print("7.1 film order to WAVE order:", spatialkit.reorder(film, "7.1:film", "7.1")[:, 0])

# %%
# Gains of a source that moves around the listener: at most two loudspeakers are active, the sum of
# powers is 1, and the gains are continuous. With a spread (dotted), neighbours are active, too.
figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
plots.plot_gains("5.0", ax=axes)
plots.plot_gains("5.0", spread=60.0, ax=axes, linestyle=":", color="grey")
plt.show()

# %%
# The layout with the power of one source in each loudspeaker, from above and from the side.
figure = plt.figure(figsize=(9, 4.2), layout="constrained")
source = 60.0, 20.0
gains = spatialkit.vbap_gains(*source, layout="7.1.4", spread=30.0)
plots.plot_layout("7.1.4", gains=gains, source=source, ax=figure.add_subplot(1, 2, 1))
space = figure.add_subplot(1, 2, 2, projection="3d")
plots.plot_layout("7.1.4", view="3d", gains=gains, source=source, ax=space)
plt.show()
