"""
A song as objects
=================

Write beds and moving objects to an ADM file that workstations and the EBU renderer read, render it
to loudspeakers and headphones, and upmix a song to objects. Files go to the folder demo-output, or
to another: ``python examples/18_a_song_as_objects.py FOLDER``.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import spatialkit
from spatialkit import plots
from spatialkit.objects import AudioObject, ObjectScene, read_adm, render_objects, write_adm
from spatialkit.trajectory import Trajectory

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output")
FOLDER.mkdir(exist_ok=True)

# %%
# A bed is audio with a format. An object is a mono signal with a path: here a bell that moves from
# left to right through the front, rises, and becomes wider.
song = spatialkit.read(spatialkit.sample_path(), duration=6.0, sample_rate=48000)
bed = spatialkit.Audio(
    spatialkit.get_upmixer("ambience", layout="5.1").upmix(song), song.sample_rate, "5.1"
)
time = np.arange(song.samples.shape[1]) / song.sample_rate
bell = 0.2 * np.sin(2 * np.pi * 880 * time) * np.exp(-3.0 * (time % 1.0))
path = Trajectory(
    [0.0, 3.0, 6.0], azimuth=[110.0, 0.0, -110.0], elevation=[0.0, 30.0, 0.0], spread=[0, 0, 60]
)
moving = AudioObject(bell.astype(np.float32), path, "bell")
write_adm(FOLDER / "bell.adm.wav", beds=[bed], objects=[moving], overwrite=True)

# %%
# `info` describes the metadata of any ADM file, also of properties that are not rendered.
for part in spatialkit.info(FOLDER / "bell.adm.wav").adm.parts:
    blocks = sum(map(len, part.blocks))
    print(f"{part.name}: {part.kind}, tracks {list(part.tracks)}, {blocks} blocks")

# %%
# `render` places beds and objects on any layout, in Ambisonics, or on headphones. The gains of the
# object on each loudspeaker change as the EBU renderer changes them.
scene = read_adm(FOLDER / "bell.adm.wav")
for target in ("stereo", "7.1.4", "ambix3"):
    rendered = spatialkit.render(scene, target=target)
    print(f"{target}: {len(rendered)} channels, peak {np.abs(rendered).max():.2f}")
ears = spatialkit.render(scene, target="binaural", sample_rate=scene.sample_rate)
spatialkit.write(
    FOLDER / "bell-headphones.wav", ears, scene.sample_rate, peak_guard=True, overwrite=True
)
gains = render_objects(ObjectScene(100, objects=[AudioObject(np.ones(600), path)]), "7.1.4")
rows = zip(spatialkit.get_layout("7.1.4").labels, gains, strict=True)
curves = {label: row for label, row in rows if row.any()}
figure, axes = plt.subplots(figsize=(8, 3.2), layout="constrained")
plots.plot_curves(np.arange(600) / 100, curves, ax=axes, x_label="time, s", y_label="gain")
axes.set_title("A moving object on 7.1.4")
figure.savefig(FOLDER / "moving-object.png", dpi=100)

# %%
# The same bed as IAMF (Eclipsa Audio), for players of channels.
spatialkit.write(FOLDER / "bed.iamf", bed, overwrite=True, peak_guard=True)
print(f"bed.iamf: {spatialkit.info(FOLDER / 'bed.iamf').subtype}")

# %%
# With the extra ``models``, a song becomes objects: stems at the directions of a style.
if find_spec("torch"):
    upmixer = spatialkit.get_upmixer("style-vae", directions="vocals:0,drums:30/-30,other:110/-110")
    tracks = upmixer.as_objects()
    for part in tracks.parts:
        place = f"{part.blocks.azimuth[0]:.0f} degrees" if part.blocks else part.format.name
        print(f"{part.name}: {place}")
