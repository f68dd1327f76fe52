"""Spatial metrics inside an evaluation loop of your own: NumPy in, one float64 per item out."""

import numpy as np

import spatialkit
from spatialkit import metrics

# A batch of two excerpts: the stems' true directions, a "model" that misses them by a little.
names = ("vocals", "drums", "other")
rate = 44100
audio = np.stack(
    [spatialkit.read(spatialkit.sample_path(name)).samples.mean(axis=0) for name in names]
)
batch = np.stack([audio[:, : 4 * rate], audio[:, 8 * rate : 12 * rate]]).astype(np.float64)
azimuths = np.array([10.0, -45.0, 150.0])

reference = spatialkit.vbap_pan(batch, azimuths, layout="5.0")
missed = azimuths + np.array([4.0, -6.0, 10.0])
estimate = spatialkit.vbap_pan(batch, missed, layout="5.0")
estimate += 1e-3 * np.random.default_rng(0).standard_normal(estimate.shape)

print("snr       ", metrics.snr(reference, estimate).round(2), "dB")
print("sd_sdr    ", metrics.sd_sdr(reference, estimate).round(2), "dB")
print("wild      ", metrics.wild(reference, estimate).round(2), "dB")
print("directions", metrics.angle_error(batch, estimate, azimuths, "5.0").round(1), "degrees off")

# Everything that applies, as a flat dict of floats for a table, a CSV row or a logger.
row = metrics.evaluate(reference[0], estimate[0], layout="5.0", sample_rate=rate)
for name, value in row.items():
    print(f"{name:26} {value:9.3f}")
