"""Audio players for the example gallery.

After each cell of an example, the mono and stereo files that the cell wrote are copied into the
gallery and shown with an HTML audio element. Browsers drop channels of files with more than two;
examples therefore write a stereo downmix for the player.
"""

import os
import shutil
from pathlib import Path

import spatialkit
from spatialkit.plots import PALETTE

# Folder that the examples write to by default, beside the copies that the gallery runs.
OUTPUT = Path(__file__).parent.parent / "_build" / "examples" / "demo-output"
PLAYER = """
.. raw:: html

    <figure class="sk-player"><figcaption>{title}</figcaption>
    <audio controls preload="none" src="../_static/gallery-audio/{name}"></audio></figure>

"""


def reset_style(gallery_conf, fname):
    """Set the style of the figures: a colour-blind safe palette and legible fonts."""
    import matplotlib.pyplot as plt

    plt.rcParams.update({"axes.prop_cycle": plt.cycler(color=PALETTE), "font.size": 10})
    plt.rcParams.update({"figure.dpi": 130, "axes.spines.top": False, "axes.spines.right": False})


def audio_scraper(block, block_vars, gallery_conf):
    """Return a player for each file of one or two channels that is new since the last cell."""
    target = Path(gallery_conf["src_dir"]) / "_static" / "gallery-audio"
    target.mkdir(parents=True, exist_ok=True)
    players = []
    for path in sorted(OUTPUT.glob("*.ogg"), key=os.path.getmtime):
        copy = target / path.name
        if copy.exists() and copy.stat().st_mtime >= path.stat().st_mtime:
            continue
        shutil.copy2(path, copy)
        if spatialkit.info(path).channels <= 2:
            players.append(PLAYER.format(title=path.stem.replace("-", " "), name=copy.name))
    return "".join(players)


def setup(app):
    """Register nothing: ``conf.py`` names the functions."""
    return {"parallel_read_safe": True, "parallel_write_safe": True}
