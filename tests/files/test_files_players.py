"""Players that are installed here: each channel arrives in its place.

The table in docs/guides/delivery.md contains these results. mpv and VLC write what they would send
to the sound card, VLC at most 5.1; Chromium decodes to Web Audio buffers.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile
import warnings

import numpy as np
import pytest

from spatialkit.errors import SpatialkitWarning
from spatialkit.files import read, write
from spatialkit.layouts import get_format

pytest.importorskip("av", reason="no wheel of PyAV for this Python")
RATE, SAMPLES = 48000, 24000
MPV, CHROMIUM, VLC = map(shutil.which, ("mpv", "chromium", "cvlc"))
# Path, layout, encoding, and whether Chromium decodes it.
CASES = [
    ("a.wav", "5.1", None, True),
    ("b.wav", "7.1.4", None, True),
    ("a.flac", "5.1", None, True),
    ("b.flac", "7.1", None, True),
    ("a.opus", "5.1", None, True),
    ("b.opus", "7.1", None, True),
    ("a.webm", "5.1", None, True),
    ("a.m4a", "5.1", "AAC", True),
    ("b.m4a", "7.1", "AAC", True),
    ("c.m4a", "5.1", "ALAC", False),
    ("a.mp4", "5.1", "OPUS", True),
    ("b.mp4", "5.1", "FLAC", True),
    ("c.mp4", "5.1", "EAC3", False),
    ("a.mka", "5.1", "FLAC", True),
    ("b.mka", "7.1", "OPUS", True),
    ("a.mov", "7.1.4", None, True),
    ("a.caf", "7.1.4", None, False),
    ("a.wv", "7.1.4", None, False),
    ("a.ac3", "5.1", None, False),
    ("a.eac3", "5.1", None, False),
]


def frequencies(layout):
    form = get_format(layout)
    return [50 if low else 300 + 100 * number for number, low in enumerate(form.is_lfe)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A file of each kind with a tone per channel."""
    path = tmp_path_factory.mktemp("players")
    time = np.arange(SAMPLES) / RATE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SpatialkitWarning)
        for name, layout, subtype, _ in CASES:
            audio = [0.2 * np.sin(2 * np.pi * each * time) for each in frequencies(layout)]
            write(path / name, np.stack(audio), RATE, format=layout, subtype=subtype)
    return path


def loudest(audio, layout):
    """The tone that is the loudest in each channel."""
    time = np.arange(4000, 20000) / RATE
    waves = [np.exp(-2j * np.pi * each * time) for each in frequencies(layout)]
    return np.abs(audio[:, 4000:20000] @ np.stack(waves).T).argmax(axis=1).tolist()


@pytest.mark.skipif(not MPV, reason="no mpv here")
@pytest.mark.parametrize(("name", "layout", "subtype", "chromium"), CASES)
def test_mpv_plays_every_channel_in_its_place(folder, tmp_path, name, layout, subtype, chromium):
    out = tmp_path / "out.wav"
    options = ["--no-config", "--no-video", "--ao=pcm", f"--ao-pcm-file={out}"]
    subprocess.run(
        [MPV, *options, "--audio-channels=auto", folder / name],
        capture_output=True,
        check=True,
        timeout=60,
    )
    audio = read(out, format=layout, force_format=True).samples
    assert loudest(audio, layout) == list(range(get_format(layout).n_channels))


# VLC's order is left, right, surrounds, centre, LFE; it mixes sides and backs of 7.1, of which one
# is louder.
VLC_ORDER = {"5.1": [{0}, {1}, {4}, {5}, {2}, {3}], "7.1": [{0}, {1}, {4, 6}, {5, 7}, {2}, {3}]}


@pytest.mark.skipif(not VLC, reason="no VLC here")
@pytest.mark.parametrize(("name", "layout"), [case[:2] for case in CASES if case[1] in VLC_ORDER])
def test_vlc_plays_every_channel_in_its_place(folder, name, layout):
    with tempfile.TemporaryDirectory() as home:  # VLC refuses to be run by root
        os.chmod(home, 0o777)
        shutil.copy(folder / name, home)
        out = f"{home}/out.wav"
        options = ["--aout=afile", f"--audiofile-file={out}", "--audiofile-channels=6"]
        subprocess.run(
            [VLC, "-I", "dummy", "--no-video", *options, f"{home}/{name}", "vlc://quit"],
            capture_output=True,
            check=True,
            timeout=60,
            user=None if os.geteuid() else "nobody",
            env={**os.environ, "HOME": home},
        )
        audio = read(out, format="5.1", force_format=True).samples
    found = loudest(audio, layout)
    assert all(each in places for each, places in zip(found, VLC_ORDER[layout], strict=True)), found


DECODE = """async (content) => {
    const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0)).buffer;
    const context = new OfflineAudioContext(1, 48000, 48000);
    try {
        const audio = await context.decodeAudioData(bytes);
        const channels = [];
        for (let k = 0; k < audio.numberOfChannels; k++)
            channels.push(Array.from(audio.getChannelData(k).slice(0, 24000)));
        return channels;
    } catch (error) { return null; }
}"""


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium here")
def test_chromium_decodes_every_channel_in_its_place(folder):
    playwright = pytest.importorskip("playwright.sync_api", reason="no driver of browsers")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        for name, layout, _, chromium in CASES:
            content = base64.b64encode((folder / name).read_bytes()).decode()
            found = page.evaluate(DECODE, content)
            assert (found is not None) == chromium, name
            if chromium:
                count = get_format(layout).n_channels
                assert loudest(np.array(found), layout) == list(range(count)), name
        browser.close()


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium here")
@pytest.mark.filterwarnings("ignore:.*does not contain the layout")
def test_chromium_keeps_the_order_of_opus_without_layout(tmp_path):
    """Chromium 150 exchanged channels of 6 and 8, as if they were 5.1 and 7.1 in Vorbis order."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no driver of browsers")
    time = np.arange(SAMPLES) / RATE
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        for layout in ("5.1.2", "7.1.4"):
            audio = [0.2 * np.sin(2 * np.pi * each * time) for each in frequencies(layout)]
            path = tmp_path / f"{layout}.webm"
            write(path, np.stack(audio), RATE, format=layout, subtype="OPUS_DISCRETE")
            found = page.evaluate(DECODE, base64.b64encode(path.read_bytes()).decode())
            assert loudest(np.array(found), layout) == list(range(len(audio)))
        browser.close()
