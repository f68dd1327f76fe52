"""
Ambisonics: encode, rotate, decode
==================================

Encode stems to third-order Ambisonics, rotate the scene, decode it to loudspeakers and measure the
decoder.
"""

import matplotlib.pyplot as plt
import numpy as np

import spatialkit
from spatialkit import plots

names = ("vocals", "drums", "other")
stems = {name: spatialkit.read(spatialkit.sample_path(name)) for name in names}
rate = stems["vocals"].sample_rate
sources = np.stack([audio.samples.mean(axis=0) for audio in stems.values()])

# %%
# Vocals are in front, drums on the left towards the rear, the other instruments on the right and
# above. Rotation by a positive yaw moves the scene to the left.
directions = {"azimuth": [0.0, 120.0, -60.0], "elevation": [0.0, 0.0, 30.0]}
scene = spatialkit.encode_ambisonics(sources, order=3, **directions)
rotated = spatialkit.rotate_ambisonics(scene, yaw=30.0)
print("scene:", scene.shape, "as", spatialkit.AmbisonicFormat(3).name)

# %%
# A virtual cardioid that points at the rotated drums (150 degrees) picks them up with unit gain;
# one that points in the opposite direction rejects them.
microphones = spatialkit.virtual_microphones(rotated, azimuth=[150.0, -30.0], pattern=0.5)
drums = sources[1]
gains = [float(np.dot(signal, drums) / np.dot(drums, drums)) for signal in microphones]
print("gain of the drums at 150 and at -30 degrees:", np.round(gains, 2))

# %%
# A decoder is characterized by its energy vector: its length is 1 for a single loudspeaker, and its
# direction should be that of the source.
loudspeakers = spatialkit.decode_ambisonics(rotated, "7.1.4", decoder="allrad")
print("decoded:", loudspeakers.shape)
for decoder in ("allrad", "mode-matching"):
    print(spatialkit.decoder_report("7.1.4", 3, decoder=decoder))

# %%
# Gain of each loudspeaker for a source that moves around the listener, orders 1 and 3: the higher
# order is narrower.
figure, panels = plt.subplots(1, 2, sharey=True, figsize=(9, 3.4), layout="constrained")
for axes, order in zip(panels, (1, 3)):
    plots.plot_gains("5.0", order=order, ax=axes)
    axes.set_title(f"AllRAD, order {order}")
plt.show()

# %%
# Energy, length of the energy vector and direction error of the decoder for 7.1.4.
figure, panels = plt.subplots(3, 1, sharex=True, figsize=(8, 5.4), layout="constrained")
plots.plot_decoder_report(spatialkit.decoder_report("7.1.4", 3), ax=panels)
plt.show()

# %%
# Programs that expect FuMa get converted channels: order and gains both differ from AmbiX.
foa = spatialkit.convert_ambisonics(rotated, "ambix3", "ambix1")
fuma = spatialkit.convert_foa(foa, "ambix1", "fuma1")
print("gain of W in FuMa against AmbiX:", round(float(fuma[0].std() / foa[0].std()), 4))
