"""Audio players for the example gallery.

After each cell of an example, the mono and stereo files that the cell wrote are copied into the
gallery and shown with an HTML audio element. Browsers drop channels of files with more than two;
examples therefore write a stereo downmix for the player.
"""

import os
import shutil
from pathlib import Path

import spatialkit

OUTPUT = Path(__file__).parent.parent / "_build" / "gallery-output"
PLAYER = """
.. raw:: html

    <figure class="sk-player"><figcaption>{title}</figcaption>
    <audio controls preload="none" src="../_static/gallery-audio/{name}"></audio></figure>

"""


def output_folder(gallery_conf, script_vars):
    """Return the arguments of an example: the folder that it writes to."""
    folder = OUTPUT / Path(script_vars["src_file"]).stem
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # The first argument of this example is the song.
    song = [str(spatialkit.sample_path())] if script_vars["src_file"].count("/11_") else []
    return [*song, str(folder)]


def audio_scraper(block, block_vars, gallery_conf):
    """Return a player for each file of one or two channels that is new since the last cell."""
    stem = Path(block_vars["src_file"]).stem
    target = Path(gallery_conf["src_dir"]) / "_static" / "gallery-audio"
    target.mkdir(parents=True, exist_ok=True)
    players = []
    for path in sorted((OUTPUT / stem).glob("*.ogg"), key=os.path.getmtime):
        copy = target / f"{stem}-{path.name}"
        if copy.exists() and copy.stat().st_mtime >= path.stat().st_mtime:
            continue
        shutil.copy2(path, copy)
        if spatialkit.info(path).channels <= 2:
            players.append(PLAYER.format(title=path.stem.replace("-", " "), name=copy.name))
    return "".join(players)


def setup(app):
    """Register nothing: ``conf.py`` names the functions."""
    return {"parallel_read_safe": True, "parallel_write_safe": True}
