"""Upmix a song in the spatial style of another, and say where instruments are to stand.

    pip install '.[models]'
    python examples/08_style_transfer.py [FOLDER]

Upmixes and a style go to FOLDER, demo-output by default.
"""

import sys
from pathlib import Path

import numpy as np

import spatialkit
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
    """Print where a style puts instruments; all around, an azimuth says little."""
    print(title)
    for stem, place in style_directions(style).items():
        gains = ", ".join(f"{name} {gain:.2f}" for name, gain in place.gains.items())
        print(f"  {stem:7}{place.azimuth:5.0f} degrees   {gains}")


def upmix(name: str, style: Style) -> None:
    """Upmix the excerpt in a style and write it."""
    surround = spatialkit.get_upmixer("style-vae", style=style).upmix(excerpt, rate)
    path = folder / f"francium-{name}.wav"
    spatialkit.write(path, surround, rate, format="5.0", overwrite=True)
    print(f"  upmixed: {path}")


# A recording whose style we like. Here stems are panned for it; any file in 5.0 or 5.1 will do.
reference = spatialkit.vbap_pan(stems, [0.0, 110.0, -30.0, -110.0], layout="5.0")
heard = encode_style(reference, rate, layout="5.0", source="vocals ahead, drums rear left")
describe("style of the reference, panned to 0, 110, -30, -110:", heard)
upmix("transferred", heard)

# Or say where each instrument is to stand; two directions share it. What is left out stands as in
# an ordinary mix. In the shell: -O directions=vocals:0,drums:-110,bass:0,other:60/-60
asked = directions_style({"vocals": 0, "drums": -110, "bass": 0, "other": [60, -60]})
describe("asked for 0, -110, 0, 60/-60:", asked)
upmix("steered", asked)

# Between two styles there are others.
describe("half of the way between the two:", interpolate(heard, asked, 0.5))

# A style is a small file, to be kept and used by name: style="....json", or -O style=....json
path = folder / "reference-style.json"
heard.save(path)
print(f"{path}: {path.stat().st_size} bytes, read again the same: {Style.load(path) == heard}")
