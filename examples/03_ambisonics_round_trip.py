"""Encode stems, turn the scene, decode it to loudspeakers, and see how well it stands."""

import numpy as np

import spatialkit

stems = {
    name: spatialkit.read(spatialkit.sample_path(name)) for name in ("vocals", "drums", "other")
}
rate = stems["vocals"].sample_rate
sources = np.stack([audio.samples.mean(axis=0) for audio in stems.values()])

# Third order: voice ahead, drums to the left and behind, the rest to the right and above.
directions = {"azimuth": [0.0, 120.0, -60.0], "elevation": [0.0, 0.0, 30.0]}
scene = spatialkit.encode_ambisonics(sources, order=3, **directions)
turned = spatialkit.rotate_ambisonics(scene, yaw=30.0)
print("scene:", scene.shape, "as", spatialkit.AmbisonicFormat(3).name)

# A cardioid microphone towards the turned drums hears them best.
microphone = spatialkit.virtual_microphones(turned, azimuth=[150.0, -30.0], pattern=0.5)
heard = [float(np.dot(one, sources[1]) / np.dot(sources[1], sources[1])) for one in microphone]
print("drums in the microphone at 150 and at -30 degrees:", np.round(heard, 2))

loudspeakers = spatialkit.decode_ambisonics(turned, "7.1.4", decoder="allrad")
print("decoded:", loudspeakers.shape)
for decoder in ("allrad", "mode-matching"):
    print(spatialkit.decoder_report("7.1.4", 3, decoder=decoder))

# First order for another program that wants FuMa: channels, order and gains are converted.
foa = spatialkit.convert_ambisonics(turned, "ambix3", "ambix1")
fuma = spatialkit.convert_foa(foa, "ambix1", "fuma1")
print("W in FuMa is", round(float(fuma[0].std() / foa[0].std()), 4), "times W in AmbiX")
