"""Upmixers by name, their options, streaming, and one of your own."""

from dataclasses import dataclass

import numpy as np

import spatialkit
from spatialkit.upmixing import option

song = spatialkit.read(spatialkit.sample_path())
print("installed:", ", ".join(spatialkit.upmixer_names()))

for layout in ("5.1", "7.1.4"):
    upmixer = spatialkit.get_upmixer("matrix", layout=layout, surround=-3.0)
    upmix = upmixer.upmix(song.samples, song.sample_rate)
    levels = 10 * np.log10((upmix**2).mean(axis=1) + 1e-10)
    print(layout, dict(zip(upmixer.format.labels, levels.round().astype(int).tolist())))

# Blocks as they come from a sound card or a decoder: joined, they equal the whole.
stream = upmixer.stream(song.sample_rate)
blocks = [stream.process(block) for block in np.array_split(song.samples, 100, axis=1)]
joined = np.concatenate([*blocks, stream.flush()], axis=1)
print("streamed equals whole:", np.array_equal(joined, upmix), "latency", stream.latency)


# An upmixer of your own: declared options, one method. As an entry point of the group
# "spatialkit.upmixers" in a package it is known by name in Python and in the shell.
@dataclass(frozen=True)
class Options:
    """Options of `WideQuad`."""

    rear: float = option(-6.0, "Level of the rear pair.", unit="dB", least=-60.0, most=6.0)


class WideQuad(spatialkit.Upmixer):
    """Fronts as they are, the sides' difference behind."""

    name = "wide-quad"
    accepts = (2,)
    format = spatialkit.get_layout("quad")
    options_class = Options
    memoryless = True

    def _upmix(self, audio, sample_rate):
        behind = 10 ** (self.options.rear / 20) * (audio - audio[::-1])
        return np.concatenate([audio, behind])


spatialkit.register_upmixer("wide-quad", WideQuad)
spatialkit.check_upmixer(spatialkit.get_upmixer("wide-quad", rear=-3.0))
print("wide-quad keeps the contract")
