"""
Upmixers by name, and your own
==============================

List the installed upmixers, set their options, process a signal block by block, and register an
upmixer. Files are written to the folder given as an argument (default: demo-output).
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import spatialkit
from spatialkit import plots
from spatialkit.upmixing import SourceCheck, controls, option

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output")
folder.mkdir(parents=True, exist_ok=True)
song = spatialkit.read(spatialkit.sample_path())
rate = song.sample_rate
print("installed:", ", ".join(spatialkit.upmixer_names()))

# %%
# ``SourceCheck`` measures the balance, delay and polarity of the input. It has no sentences if
# there is nothing to report.
check = SourceCheck(rate)
check.update(song.samples)
report = check.report()
print(f"left against right: {report.balance_db:+.2f} dB, {report.delay_ms:+.3f} ms")
print("\n".join(report.sentences()) or "no problem found in the input")

# %%
# Controls have the same name, unit and range in every upmixer that supports them.
levels = {}
for name in ("matrix", "ambience"):
    upmixer = spatialkit.get_upmixer(name, layout="7.1.4", exact_downmix=True)
    upmix = upmixer.upmix(song.samples, rate)
    levels[name] = 10 * np.log10((upmix.astype(np.float64) ** 2).mean(axis=1) + 1e-7)
    error = spatialkit.metrics.downmix_error(upmix, song.samples, upmixer.format)
    print(f"{name:20} downmix SNR {float(error):.0f} dB")
figure, axes = plt.subplots(figsize=(8, 1.8), layout="constrained")
scale = {"label": "level, dBFS", "low": -60, "high": -10, "decimals": 0}
labels = upmixer.format.labels
plots.plot_matrix(list(levels.values()), list(levels), labels, ax=axes, **scale)
plt.show()

# %%
# The stereo downmix of each upmix equals the original. To make the surround channels audible, the
# second player contains the side channels of "ambience" alone.
side = upmix[[upmixer.format.labels.index(label) for label in ("SL", "SR")]]
spatialkit.write(folder / "original.ogg", song.samples[:, : 10 * rate], rate, overwrite=True)
spatialkit.write(folder / "ambience-side-channels.ogg", side[:, : 10 * rate], rate, overwrite=True)

# %%
# A stream processes blocks from a sound card or a decoder. The joined blocks equal the whole upmix.
# ``latency`` is the largest number of samples that it buffers.
stream = upmixer.stream(rate)
blocks = [stream.process(block) for block in np.array_split(song.samples, 100, axis=1)]
joined = np.concatenate([*blocks, stream.flush()], axis=1)
print("blocks equal the whole:", np.allclose(joined, upmix, atol=1e-6))
print("latency:", stream.latency, "samples")


# %%
# An upmixer declares its options and defines one method. Named as an entry point of the group
# "spatialkit.upmixers" in a package, it is available in Python and on the command line.
@dataclass(frozen=True)
class Options:
    """Options of `WideQuad`."""

    ambience: float = controls.ambience(-6.0)
    swapped: bool = option(False, "Swap the rear loudspeakers.")


class WideQuad(spatialkit.Upmixer):
    """The input in front, the difference of left and right at the rear."""

    name = "wide-quad"
    accepts = (2,)
    format = spatialkit.get_layout("quad")
    options_class = Options
    memoryless = True
    linear_level = True

    def _upmix(self, audio, sample_rate):
        rear = 10 ** (self.options.ambience / 20) * (audio - audio[::-1])
        return np.concatenate([audio, rear[::-1] if self.options.swapped else rear])


spatialkit.register_upmixer("wide-quad", WideQuad)
spatialkit.check_upmixer(spatialkit.get_upmixer("wide-quad", ambience=-3.0, swapped=True))
print("wide-quad passes the conformance check")
