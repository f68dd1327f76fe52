"""
Rooms and setups
================

Adjust an upmix to the loudspeakers of a room, look at the crossover of its subwoofer, and let a
source move away.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import spatialkit
from spatialkit import plots
from spatialkit.acoustics import air_absorption
from spatialkit.propagation import propagate

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output")
folder.mkdir(exist_ok=True)

# %%
# Directions and distances were measured. The surround loudspeakers are small: the subwoofer, which
# is the LFE channel, reproduces what is below 120 Hz.
room = spatialkit.LoudspeakerSetup(
    spatialkit.get_layout("5.1").move({"SL": 118.0, "SR": -107.0}),
    distance={"FL": 2.4, "FR": 2.4, "FC": 2.1, "SL": 1.5, "SR": 1.6, "LFE": 2.0},
    crossover={"SL": 120.0, "SR": 120.0},
)
for label, gain, delay in zip(
    room.layout.labels, 20.0 * np.log10(room.total_gain), 1000.0 * room.total_delay, strict=True
):
    print(f"{label:4} {gain:5.1f} dB  {delay:4.1f} ms")

# %%
# The upmixer serves the measured directions, the setup the distances and the bass. The same file
# is read by ``spatialkit upmix --setup``.
song = spatialkit.read(spatialkit.sample_path(), duration=10.0)
rate = song.sample_rate
upmixer = spatialkit.get_upmixer("ambience", layout=room.layout)
loudspeakers = room.apply(upmixer.upmix(song.samples, rate), rate)
spatialkit.write(folder / "song-in-room.wav", loudspeakers, rate, format="5.1", overwrite=True)
(folder / "room.json").write_text(room.to_json())

# %%
# An impulse in the left surround: its loudspeaker and the subwoofer. Once the sound of both has
# travelled to the listener, they are in phase and add up to a flat magnitude.
impulse = np.zeros((6, rate))
impulse[4, 0] = 1.0
plain = spatialkit.LoudspeakerSetup("5.1", crossover={"SL": 120.0, "SR": 120.0})
spectra = np.fft.rfft(plain.apply(impulse, rate))[:, 1:]
hertz = np.fft.rfftfreq(rate, 1.0 / rate)[1:]
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
parts = {"surround": spectra[4], "subwoofer": spectra[3], "sum": spectra[4] + spectra[3]}
levels = {name: 20.0 * np.log10(np.abs(each) + 1e-9) for name, each in parts.items()}
axes = {"x_label": "frequency, Hz", "y_label": "level, dB", "log_x": True}
plots.plot_curves(hertz, levels, ax=left, **axes)
left.set(xlim=(20, 2000), ylim=(-40, 5))

# %%
# A voice moves away, from 2 to 100 m: it becomes softer (``distance``), later and lower in pitch,
# and loses high frequencies in the air (``propagate``).
voice = spatialkit.read(spatialkit.sample_path("vocals"), duration=10.0).samples[0]
path = [2.0, 100.0]
far = spatialkit.vbap_pan(propagate(voice, path, rate), 30.0, layout="5.1", distance=path)
spatialkit.write(folder / "moving-away.wav", far, rate, format="5.1", overwrite=True)
ears = spatialkit.render(far, "5.1", "binaural", sample_rate=rate)
spatialkit.write(folder / "moving-away.ogg", ears, rate, format="stereo", overwrite=True)
frequency = np.geomspace(100.0, 16000.0, 100)
absorbed = {f"{metres} m of air": -metres * air_absorption(frequency) for metres in (10, 30, 100)}
plots.plot_curves(frequency, absorbed, ax=right, **axes)
plt.show()
