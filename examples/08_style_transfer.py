"""
Style transfer
==============

Upmix a song in the spatial style of another recording, or with a direction for each instrument::

    pip install '.[models]'
    python examples/08_style_transfer.py [FOLDER]

The upmixes and a style are written to FOLDER (default: demo-output).
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import spatialkit
from spatialkit import plots
from spatialkit_models.stem_names import STEMS
from spatialkit_models.style_vae import (
    Style,
    directions_style,
    encode_style,
    interpolate,
    style_directions,
)

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output")
folder.mkdir(parents=True, exist_ok=True)
song = spatialkit.read(spatialkit.sample_path())
rate = song.sample_rate
excerpt = song.samples[:, 16 * rate : 24 * rate]
stems = np.stack([spatialkit.read(spatialkit.sample_path(name)).samples.mean(0) for name in STEMS])


def describe(title: str, style: Style) -> None:
    """Print the direction and the gains of each stem in a style."""
    print(title)
    for stem, place in style_directions(style).items():
        gains = ", ".join(f"{name} {gain:.2f}" for name, gain in place.gains.items())
        print(f"  {stem:7}{place.azimuth:5.0f} degrees   {gains}")


def upmix(name: str, style: Style) -> None:
    """Upmix the excerpt in a style and write the result."""
    surround = spatialkit.get_upmixer("style-vae", style=style).upmix(excerpt, rate)
    path = folder / f"francium-{name}.wav"
    spatialkit.write(path, surround, rate, format="5.0", overwrite=True)
    print(f"  written: {path}")
    stereo = spatialkit.downmix(surround, "5.0")
    spatialkit.write(folder / f"{name}-stereo-downmix.ogg", stereo, rate, overwrite=True)


# %%
# Encode the style of a recording. Here the recording is made of stems panned to known directions;
# any file in 5.0 or 5.1 can be used.
recording = spatialkit.vbap_pan(stems, [0.0, 110.0, -30.0, -110.0], layout="5.0")
encoded = encode_style(recording, rate, layout="5.0", source="vocals front, drums rear left")
describe("style of a recording panned to 0, 110, -30, -110 degrees:", encoded)
upmix("transferred", encoded)

# %%
# Or specify the direction of each instrument. A stem with two directions is split between them; a
# stem without direction keeps its position in an ordinary mix. On the command line:
# ``-O directions=vocals:0,drums:-110,bass:0,other:60/-60``.
specified = directions_style({"vocals": 0, "drums": -110, "bass": 0, "other": [60, -60]})
describe("specified 0, -110, 0, 60/-60 degrees:", specified)
upmix("steered", specified)

# %%
# Styles can be interpolated.
middle = interpolate(encoded, specified, 0.5)
describe("halfway between the two:", middle)

# %%
# Gains of each stem in the three styles.
figure, panels = plt.subplots(1, 3, sharey=True, figsize=(9, 2.4), layout="constrained")
styles = {"encoded": encoded, "halfway": middle, "specified": specified}
for axes, (title, style) in zip(panels, styles.items()):
    places = style_directions(style)
    gains = np.array([list(places[stem].gains.values()) for stem in STEMS])
    plots.plot_matrix(gains, STEMS, list(places[STEMS[0]].gains), ax=axes, colorbar=False)
    axes.set_title(title)
plt.show()

# %%
# A style is saved as a small JSON file, which is used by name: ``style="reference-style.json"`` in
# Python, ``-O style=reference-style.json`` on the command line.
path = folder / "reference-style.json"
encoded.save(path)
print(f"{path}: {path.stat().st_size} bytes, equal when read: {Style.load(path) == encoded}")
