"""Upmixers by name, their options, streaming, and one of your own."""

from dataclasses import dataclass

import numpy as np

import spatialkit
from spatialkit.upmixing import SourceCheck, controls, option

song = spatialkit.read(spatialkit.sample_path())
print("installed:", ", ".join(spatialkit.upmixer_names()))

# What to know of a source before it is upmixed; nothing is said if all is well.
check = SourceCheck(song.sample_rate)
check.update(song.samples)
report = check.report()
print(f"sides {abs(report.balance_db):.2f} dB and {abs(report.delay_ms):.3f} ms apart")
print("\n".join(report.sentences()) or "source in order")

# Controls have the same names for every upmixer that can honour them.
for layout in ("5.1", "7.1.4"):
    upmixer = spatialkit.get_upmixer("matrix", layout=layout, ambience=-3.0, exact_downmix=True)
    upmix = upmixer.upmix(song.samples, song.sample_rate)
    levels = 10 * np.log10((upmix**2).mean(axis=1) + 1e-10)
    print(layout, dict(zip(upmixer.format.labels, levels.round().astype(int).tolist())))

# Blocks as they come from a sound card or a decoder: joined, they equal the whole.
stream = upmixer.stream(song.sample_rate)
blocks = [stream.process(block) for block in np.array_split(song.samples, 100, axis=1)]
joined = np.concatenate([*blocks, stream.flush()], axis=1)
print("streamed equals whole:", np.array_equal(joined, upmix), "latency", stream.latency)
error = spatialkit.metrics.downmix_error(upmix, song.samples, upmixer.format)
print(f"folds down to the original: {error:.0f} dB")


# An upmixer of your own: declared options, one method. As an entry point of the group
# "spatialkit.upmixers" in a package it is known by name in Python and in the shell.
@dataclass(frozen=True)
class Options:
    """Options of `WideQuad`."""

    ambience: float = controls.ambience(-6.0)
    turned: bool = option(False, "Exchange the rear loudspeakers.")


class WideQuad(spatialkit.Upmixer):
    """Fronts as they are, the sides' difference behind."""

    name = "wide-quad"
    accepts = (2,)
    format = spatialkit.get_layout("quad")
    options_class = Options
    memoryless = True
    linear_level = True

    def _upmix(self, audio, sample_rate):
        behind = 10 ** (self.options.ambience / 20) * (audio - audio[::-1])
        return np.concatenate([audio, behind[::-1] if self.options.turned else behind])


spatialkit.register_upmixer("wide-quad", WideQuad)
spatialkit.check_upmixer(spatialkit.get_upmixer("wide-quad", ambience=-3.0, turned=True))
print("wide-quad keeps the contract")
