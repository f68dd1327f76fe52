"""Fold surround down, see what each method does, and make an upmix fold down exactly."""

import numpy as np

import spatialkit

labels = spatialkit.get_layout("7.1.4").labels
matrix = spatialkit.downmix_matrix("7.1.4", "stereo")
print("7.1.4 to stereo (BS.775, heights folded as IAMF does; LFE left out):")
for side, row in zip(("L", "R"), matrix):
    print(
        f"  {side} =", " + ".join(f"{gain:.3f} {name}" for gain, name in zip(row, labels) if gain)
    )

# Lt/Rt for a surround decoder: the surrounds are turned by 90 degrees, j in the matrix.
print("5.0 to Lt/Rt, rear left:", spatialkit.downmix_matrix("5.0", "stereo", method="dplii")[:, 3])

# Any upmix can be corrected so that its fold-down is the original. How large the correction is
# says how much of the upmix it had to change: an exact fold-down alone proves nothing.
song = spatialkit.read(spatialkit.sample_path())
upmix = spatialkit.get_upmixer("matrix", layout="5.1").upmix(song.samples, song.sample_rate)
before = spatialkit.metrics.downmix_error(upmix, song.samples, "5.1")
exact, correction_db = spatialkit.match_downmix(upmix, song.samples, "5.1", return_correction=True)
after = spatialkit.metrics.downmix_error(exact, song.samples, "5.1")
print(f"fold-down of 'matrix': {float(before):.1f} dB; corrected {float(after):.0f} dB")
print(f"the correction is {float(correction_db):.1f} dB against the upmix")
assert np.isfinite(exact).all()
