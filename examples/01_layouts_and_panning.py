"""Layouts by name and by angle, and the gains that pan a source on them."""

import numpy as np

import spatialkit

# Every layout knows its channels, their directions and their order in a WAVE file.
for name in ("5.1", "7.1.4", "9+10+3"):
    layout = spatialkit.get_layout(name)
    print(f"{name:7} {layout.n_channels:2} channels, mask {layout.wave_mask:#x}")

# A source 15 degrees to the left stands between the left and the centre loudspeaker ...
gains = spatialkit.vbap_gains(azimuth=15.0, layout="5.0")
print(
    "15 degrees on 5.0: ", dict(zip(spatialkit.get_layout("5.0").labels, gains.round(3).tolist()))
)

# ... and one overhead is shared by all four tops: no direction is ever silent.
overhead = spatialkit.vbap_gains(0.0, 90.0, layout="7.1.4")
print("overhead on 7.1.4: ", overhead.round(3)[-4:], "power", round(float(overhead @ overhead), 12))

# Loudspeakers of your own: four on the floor, one above, wherever they stand.
azimuth, elevation = [35, -40, 120, -125, 0], [0, 0, 0, 0, 80]
room = spatialkit.Layout("room", ["a", "b", "c", "d", "top"], azimuth, elevation)
print("on the room's own: ", spatialkit.vbap_gains(60.0, 20.0, layout=room, spread=40.0).round(3))

# The same loudspeakers in another program's order are moved by label, never by position.
film = np.arange(8.0)[:, None] * np.ones(4)  # L C R Lss Rss Lsr Rsr LFE
print("7.1 film to WAVE:  ", spatialkit.reorder(film, "7.1:film", "7.1")[:, 0])
