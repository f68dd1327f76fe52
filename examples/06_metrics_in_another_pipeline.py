"""
Metrics in an evaluation pipeline
=================================

Compute spatial metrics for a batch: NumPy arrays in, one float64 value per item out.
"""

import matplotlib.pyplot as plt
import numpy as np

import spatialkit
from spatialkit import metrics, plots

# %%
# A batch of two excerpts. The estimate has the stems at slightly wrong directions, and noise.
names = ("vocals", "drums", "other")
rate = 44100
audio = np.stack(
    [spatialkit.read(spatialkit.sample_path(name)).samples.mean(axis=0) for name in names]
)
batch = np.stack([audio[:, : 4 * rate], audio[:, 8 * rate : 12 * rate]]).astype(np.float64)
azimuths = np.array([10.0, -45.0, 150.0])

reference = spatialkit.vbap_pan(batch, azimuths, layout="5.0")
estimate = spatialkit.vbap_pan(batch, azimuths + np.array([4.0, -6.0, 10.0]), layout="5.0")
estimate += 1e-3 * np.random.default_rng(0).standard_normal(estimate.shape)

# %%
# The reference is the first argument, the estimate the second.
print("snr         ", metrics.snr(reference, estimate).round(2), "dB")
print("sd_sdr      ", metrics.sd_sdr(reference, estimate).round(2), "dB")
print("wild        ", metrics.wild(reference, estimate).round(2), "dB")
print("angle_error ", metrics.angle_error(batch, estimate, azimuths, "5.0").round(1), "degrees")

# %%
# ``evaluate`` computes every metric that applies and returns a flat dict of floats.
row = metrics.evaluate(reference[0], estimate[0], layout="5.0", sample_rate=rate)
for name, value in row.items():
    print(f"{name:26} {value:9.3f}")

# %%
# The metrics for a scene that is rotated by up to 45 degrees.
offsets = np.array([1.0, 2.0, 5.0, 10.0, 20.0, 45.0])
item = batch[0][:, : 2 * rate]
truth = spatialkit.vbap_pan(item, azimuths, layout="5.0")
moved = [spatialkit.vbap_pan(item, azimuths + offset, layout="5.0") for offset in offsets]
curves = {
    "SNR, dB": [float(metrics.snr(truth, one)) for one in moved],
    "WILD, dB": [float(metrics.wild(truth, one)) for one in moved],
    "angle error, degrees": [
        float(metrics.angle_error(item, one, azimuths, "5.0").mean()) for one in moved
    ],
}
figure, panels = plt.subplots(1, 3, figsize=(8, 2.8), layout="constrained")
for axes, (label, values) in zip(panels, curves.items()):
    plots.plot_curves(offsets, {label: values}, ax=axes, x_label="rotation, degrees", y_label=label)
plt.show()
