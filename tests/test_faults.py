"""Thirty kinds of faults, one test each, through the public API or the command line.

Each fault is handled or reported in one sentence, and no files are left. Cases that other modules
test in detail are repeated here in short. Cases 25 to 27 (corrupt or missing weights, no CUDA) are
tests of the models.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import unicodedata
from importlib.metadata import EntryPoint

import numpy as np
import pytest
import soundfile

from spatialkit.__main__ import main
from spatialkit.ambisonics import convert_foa, encode_foa
from spatialkit.errors import (
    AudioFileError,
    DirectionError,
    LayoutError,
    OptionError,
    ShapeError,
    SignalError,
    SpatialkitWarning,
    UpmixerError,
)
from spatialkit.files import info, read, stream, wave, write, write_stream
from spatialkit.layouts import Layout, get_layout
from spatialkit.metrics import si_sdr, snr
from spatialkit.panning import vbap_gains, vbap_pan
from spatialkit.rendering import render
from spatialkit.stft import istft, stft
from spatialkit.upmixing import Upmixer, get_upmixer, registry, upmixer_names

RATE = 48000
BUILT_IN = [
    name for name in upmixer_names() if "spatialkit.upmixing" in registry.UPMIXERS.origin(name)
]


def for_upmixer(name, stereo):
    """Return ``stereo``, or its left channel for an upmixer of mono."""
    return stereo if 2 in get_upmixer(name).accepts else stereo[:1]


@pytest.fixture
def song(tmp_path, monkeypatch, rng):
    """Stereo noise as song.wav in the folder where all commands run."""
    monkeypatch.chdir(tmp_path)
    write("song.wav", rng.uniform(-0.5, 0.5, (2, 4000)).astype(np.float32), RATE)
    return tmp_path / "song.wav"


def refused(capsys, *line):
    """Return the one sentence on stderr of a command with wrong arguments."""
    assert main(list(line)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_case_01_missing_file_directory_no_permission(song, capsys):
    (song.parent / "folder.wav").mkdir()
    assert "none.wav cannot be read: No such file" in refused(capsys, "info", "none.wav")
    assert "folder.wav cannot be read: Is a directory" in refused(capsys, "info", "folder.wav")
    with pytest.raises(OSError, match="none"):
        read("none.wav")
    if hasattr(os, "geteuid") and os.geteuid():  # root may read all
        song.chmod(0)
        assert "song.wav cannot be read: Permission denied" in refused(capsys, "info", "song.wav")


@pytest.mark.parametrize("content", [b"", b"words\n" * 20, b"RIFF", b"RIFF\x20\0\0\0WAVEfmt "])
def test_case_02_empty_text_or_truncated_header(song, capsys, content):
    song.write_bytes(content)
    error = refused(capsys, "upmix", "song.wav", "-o", "out.wav")
    assert "song.wav is" in error
    assert "libsndfile" not in error
    assert os.listdir() == ["song.wav"]


def test_case_03_truncated_data(song, capsys):
    song.write_bytes(song.read_bytes()[:-1000])
    words = "truncated: its header specifies 32000 bytes of audio, the file contains 31000"
    assert words in refused(capsys, "upmix", "song.wav", "-o", "out.wav")


@pytest.mark.parametrize("samples", [0, 1, 100])
def test_case_04_no_sample_one_sample_shorter_than_a_window(tmp_path, samples):
    audio = np.full((2, samples), 0.25, np.float32)
    write(tmp_path / "a.wav", audio, RATE)
    assert np.array_equal(read(tmp_path / "a.wav").samples, audio)
    for name in BUILT_IN:
        result = get_upmixer(name).upmix(for_upmixer(name, audio), RATE)
        assert result.shape[1] == samples
        assert np.isfinite(result).all()
    assert istft(stft(audio), length=samples).shape == audio.shape
    assert render(audio, "stereo", "7.1.4").shape == (12, samples)


def test_case_05_silence():
    silence = np.zeros((2, 5000), np.float32)
    for name in BUILT_IN:
        assert not get_upmixer(name).upmix(for_upmixer(name, silence), RATE).any()
        half = for_upmixer(name, np.stack([silence[0], np.full(5000, 0.25, np.float32)]))
        assert np.isfinite(get_upmixer(name).upmix(half, RATE)).all()
    assert np.isnan(snr(silence, silence))
    assert snr(silence + 0.5, silence) == 0.0
    assert si_sdr(silence + 0.5, silence) == -np.inf


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_case_06_nan_in_the_input(song, capsys, value):
    soundfile.write("bad.wav", [[0.0, 0.0], [0.0, value]], RATE, subtype="FLOAT")
    words = f"bad.wav holds {value} at index (1, 1)"
    assert words in refused(capsys, "upmix", "bad.wav", "-o", "out.wav")
    with pytest.raises(SignalError, match=r"at index \(0, 1\)"):
        get_upmixer("matrix").upmix(np.array([[0.0, value], [0.0, 0.0]]), RATE)
    assert sorted(os.listdir()) == ["bad.wav", "song.wav"]


class Breaking(Upmixer):
    """Gives NaN."""

    name = "breaking"
    accepts = (2,)
    format = get_layout("stereo")

    def _upmix(self, audio, sample_rate):
        return np.full_like(audio, np.nan)


def test_case_07_nan_in_the_output_of_an_upmixer(song, capsys, monkeypatch):
    monkeypatch.setattr(registry.UPMIXERS, "registered", {"breaking": Breaking})
    with pytest.raises(UpmixerError, match=r"nan|finite"):
        get_upmixer("breaking").upmix(np.zeros((2, 10)), RATE)
    for output in ("out.wav", "out.flac"):
        error = refused(capsys, "upmix", "song.wav", "-o", output, "--upmixer", "breaking")
        assert "breaking" in error
    with pytest.raises(SignalError, match="holds nan"):
        write("out.flac", np.full((2, 9), np.nan), RATE)
    assert os.listdir() == ["song.wav"]


def test_case_08_samples_beyond_full_scale(tmp_path):
    loud = np.array([[2.0, -1.0, 0.5]])
    write(tmp_path / "float.wav", loud, RATE)
    assert np.array_equal(read(tmp_path / "float.wav").samples, loud)
    with pytest.raises(SignalError, match=r"maximum of PCM_16 is 1; .* peak_guard=True"):
        write(tmp_path / "pcm.wav", loud, RATE, subtype="PCM_16")
    with pytest.warns(SpatialkitWarning, match=r"scaled by -6\.02 dB"):
        write(tmp_path / "pcm.wav", loud, RATE, subtype="PCM_16", peak_guard=True)
    # Half, to a step of 16 bits and the guard's two steps.
    np.testing.assert_allclose(read(tmp_path / "pcm.wav").samples, loud / 2, atol=4 / 2**15)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint8])
def test_case_09_integers(tmp_path, dtype):
    audio = np.ones((2, 100), dtype)
    for call in (
        lambda: write(tmp_path / "a.wav", audio, RATE),
        lambda: get_upmixer("matrix").upmix(audio, RATE),
        lambda: vbap_pan(audio, 0.0),
        lambda: stft(audio),
    ):
        with pytest.raises(SignalError, match=r"float32 or float64, got u?int\d+; scale integers"):
            call()
    assert os.listdir(tmp_path) == []


def test_case_10_channels_last():
    frames_first = np.zeros((1000, 2))
    with pytest.raises(ShapeError, match="time is the last axis"):
        render(frames_first, "stereo", "5.1")
    with pytest.raises(ShapeError, match=r"frames-first|time is the last axis"):
        get_upmixer("matrix").upmix(frames_first, RATE)
    with pytest.raises(ShapeError, match="looks frames-first"):
        stft(frames_first)


def test_case_11_wrong_number_of_channels(song, capsys):
    write("surround.wav", np.zeros((6, 100)), RATE, format="5.1")
    words = "surround.wav has 6 channels (5.1): upmixer 'ambience' accepts 1 or 2"
    assert words in refused(capsys, "upmix", "surround.wav", "-o", "out.wav")
    with pytest.raises(ShapeError, match="accepts 2"):
        Breaking().upmix(np.zeros((1, 100)), RATE)


def test_case_12_sample_rates(song):
    class Native(Breaking):
        sample_rate = 44100

        def _upmix(self, audio, sample_rate):
            assert sample_rate == 44100
            return audio.copy()

    audio = read("song.wav").samples
    result = Native().upmix(audio, 48000)
    assert result.shape == audio.shape
    # Noise above 22 kHz is lost: a twelfth of its power.
    assert 10 * np.log10(np.sum(audio**2) / np.sum((result - audio) ** 2)) > 8.0
    assert read("song.wav", sample_rate=44100).samples.shape == (2, 3675)
    for rate in (0, -44100, 44100.5):
        for call in (
            lambda rate=rate: write("a.wav", audio, rate),
            lambda rate=rate: read("song.wav", sample_rate=rate),
            lambda rate=rate: get_upmixer("matrix").upmix(audio, rate),
        ):
            with pytest.raises(OptionError, match="sample_rate must be"):
                call()


def test_case_13_two_files_of_different_rate_or_length(song, capsys):
    audio = read("song.wav").samples
    write("slow.wav", audio, 44100)
    write("short.wav", audio[:, :-1], RATE)
    error = refused(capsys, "evaluate", "song.wav", "slow.wav")
    assert "song.wav has 48000 Hz, slow.wav has 44100 Hz" in error
    error = refused(capsys, "evaluate", "song.wav", "short.wav")
    assert "4000" in error
    assert "3999" in error


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is of Linux")
def test_case_14_very_long_files(tmp_path):
    """Three hours in a sparse file: memory does not grow while it is read."""
    samples = 3 * 3600 * RATE
    header, size = wave.wave_header(2, samples, RATE, "PCM_16", 0x3)
    with (tmp_path / "long.wav").open("wb") as file:
        file.write(header)
        file.truncate(size)
    script = (
        "import re, sys\n"
        "from spatialkit.files import stream\n"
        "with stream(sys.argv[1]) as source:\n"
        "    for _ in range(400): next(source)\n"
        "    print(source.samples)\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "long.wav")],
        capture_output=True,
        text=True,
        check=True,
    )
    found, peak = map(int, done.stdout.split())
    assert found == samples
    # KiB: NumPy, soundfile and a few blocks of 0.5 MB; the 400 blocks that were read are 210 MB.
    assert peak < 150_000


@pytest.mark.parametrize("known", [True, False])
def test_case_15_more_than_four_gib(tmp_path, monkeypatch, known):
    """7.1.4 in float32: RIFF to the last byte that it can count, then RF64 (EBU Tech 3306)."""
    for samples, kind in [((2**32 - 200) // 48, b"RIFF"), (2**32 // 48, b"RF64")]:
        header, size = wave.wave_header(12, samples, RATE, "FLOAT", 0x2D63F, reserve=not known)
        assert header[:4] == kind
        assert size >= 48 * samples
    monkeypatch.setattr(wave, "MAX_RIFF_SIZE", 5000)
    audio = np.linspace(-1, 1, 12 * 999, dtype=np.float32).reshape(12, -1)
    with write_stream(
        tmp_path / "a.wav", RATE, format="7.1.4", samples=999 if known else None
    ) as target:
        target.write(audio)
    assert (tmp_path / "a.wav").read_bytes()[:4] == b"RF64"
    assert np.array_equal(read(tmp_path / "a.wav").samples, audio)


@pytest.mark.parametrize(
    ("name", "channels", "rate", "words"),
    [
        ("a.flac", 12, 48000, "at most 8 channels, got 12; use .wav"),
        ("a.opus", 2, 44100, "one of 8000, 12000, 16000, 24000, 48000"),
        (
            "a.ogg",
            6,
            48000,
            "got 6 channels; use .wav, .flac",
        ),
    ],
)
def test_case_16_unsupported_by_the_container(tmp_path, name, channels, rate, words):
    with pytest.raises((AudioFileError, OptionError), match=words):
        write(tmp_path / name, np.zeros((channels, 100)), rate)
    with (
        pytest.raises((AudioFileError, OptionError), match=words),
        write_stream(tmp_path / name, rate, channels=channels),
    ):
        pytest.fail("it is told before the first sample")
    assert os.listdir(tmp_path) == []


def masked(path, channels, mask):
    """A file of silence with any channel mask."""
    write(path, np.zeros((channels, 100)), RATE, overwrite=True)
    data = bytearray(path.read_bytes())
    at = data.index(b"fmt ") + 28
    data[at : at + 4] = mask.to_bytes(4, "little")
    path.write_bytes(data)


def test_case_17_wrong_missing_or_contradicting_masks(song, capsys):
    path = song.parent / "mask.wav"
    masked(path, 6, 0x63F)
    line = ("downmix", "mask.wav", "-o", "out.wav")
    assert "contradicts its number of channels, 6; add --from" in refused(capsys, *line)
    assert main([*line, "--from", "5.1"]) == 0
    capsys.readouterr()
    masked(path, 6, 0)
    assert read(path).format is None
    masked(path, 6, 0x3F)  # backs for sides
    assert read(path).format == get_layout("5.1")
    masked(path, 8, 0xFF)
    with pytest.warns(SpatialkitWarning, match=r'0xff .* pass format="7\.1"'):
        read(path)


@pytest.mark.parametrize(
    ("channels", "names"), [(8, ("7.1", "5.1.2")), (10, ("7.1.2", "5.1.4")), (4, ("quad", "foa"))]
)
def test_case_18_a_number_of_channels_alone_is_ambiguous(song, capsys, channels, names):
    write("many.wav", np.zeros((channels, 100)), RATE)
    assert read("many.wav").format is None
    words = f"many.wav does not specify the format of its {channels} channels: add --from"
    assert words in refused(capsys, "render", "many.wav", "-o", "out.wav", "--to", "stereo")
    for name in names:
        assert read("many.wav", format=name).format.n_channels == channels


def test_case_19_conventions_of_ambisonics():
    """By hand: a source at 90 degrees is W = 1, Y = 1 in AmbiX, W = sqrt(1/2), Y = 1 in FuMa."""
    source = np.ones(3)
    ambix = encode_foa(source, 90.0)
    fuma = encode_foa(source, 90.0, normalization="FuMa", channel_order="FuMa")
    np.testing.assert_allclose(ambix[:, 0], [1, 1, 0, 0], atol=1e-12)  # W Y Z X
    np.testing.assert_allclose(fuma[:, 0], [np.sqrt(0.5), 0, 1, 0], atol=1e-12)  # W X Y Z
    np.testing.assert_allclose(convert_foa(fuma, "fuma1", "ambix1"), ambix, atol=1e-12)
    with pytest.raises((LayoutError, ShapeError), match="4"):
        convert_foa(ambix[:3], "ambix1", "fuma1")  # without Z: say so, add zeros


def test_case_20_degenerate_layouts():
    with pytest.raises(LayoutError, match="has no loudspeaker"):
        Layout("subs", ["LFE1", "LFE2"], [45.0, -45.0])
    with pytest.raises(LayoutError, match="FL more than once"):
        Layout("twice", ["FL", "FL"], [30.0, -30.0])
    with pytest.raises(LayoutError, match="finite"):
        Layout("nowhere", ["FL", "FR"], [30.0, np.nan])
    # Others are panned all around, whatever their gaps: nowhere silence, nowhere NaN.
    for azimuth in ([30.0, 30.0], [0.0, 180.0], [10.0, 20.0, 30.0], [0.0]):
        layout = Layout.from_directions(azimuth)
        gains = vbap_gains(np.arange(-180.0, 181.0, 5.0), layout=layout)
        np.testing.assert_allclose(np.sum(gains**2, axis=-1), 1.0, atol=1e-12)


@pytest.mark.parametrize("name", ["stereo", "5.0", "7.1.4"])
def test_case_21_directions_at_the_boundaries(name):
    layout = get_layout(name)
    for azimuth in (-180.0, 30.0, 179.999):
        around = vbap_gains([azimuth - 360, azimuth, azimuth + 720], layout=layout)
        np.testing.assert_allclose(around, around[[1, 1, 1]], atol=1e-12)
    speakers = layout.loudspeakers
    on_them = vbap_gains(layout.azimuth[speakers], layout.elevation[speakers], layout=layout)
    np.testing.assert_allclose(on_them[:, speakers], np.eye(speakers.size), atol=1e-9)
    everywhere = vbap_gains(np.linspace(-400, 400, 1601), layout=layout)
    np.testing.assert_allclose(np.sum(everywhere**2, axis=-1), 1.0, atol=1e-12)
    for azimuth in (np.nan, np.inf):
        with pytest.raises(DirectionError, match="finite"):
            vbap_gains(azimuth, layout=layout)


@pytest.mark.skipif(os.name != "posix", reason="SIGINT and SIGKILL are of POSIX")
@pytest.mark.parametrize("event", ["SIGKILL", "SIGINT", "disk full"])
def test_case_22_killed_interrupted_or_disk_full_while_writing(song, event):
    """The existing file is kept; a temporary file remains only after SIGKILL."""
    before = song.read_bytes()
    script = (
        "import os, resource, signal, sys, numpy as np\n"
        "from spatialkit.files import write_stream\n"
        "with write_stream('song.wav', 48000, channels=2, overwrite=True) as target:\n"
        "    target.write(np.zeros((2, 50000)))\n"
        "    if sys.argv[1] == 'disk full':\n"
        "        resource.setrlimit(resource.RLIMIT_FSIZE, (500000, 500000))\n"
        "    else:\n"
        "        signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "        os.kill(os.getpid(), getattr(signal, sys.argv[1]))\n"
        "    target.write(np.zeros((2, 50000)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, event], capture_output=True, check=False)
    assert done.returncode != 0
    assert (b"song.wav cannot be written: File too large" in done.stderr) == (event == "disk full")
    assert song.read_bytes() == before
    left = [name for name in os.listdir() if name != "song.wav"]
    assert len(left) == (event == "SIGKILL")
    assert all(name.startswith(".spatialkit-") and name.endswith(".part") for name in left)


def test_case_23_outputs_that_are_inputs_or_exist_or_have_no_folder(song, capsys):
    before = song.read_bytes()
    (song.parent / "link.wav").symlink_to("song.wav")
    (song.parent / "folder.wav").mkdir()
    for output, words in [
        ("song.wav", "output song.wav is the input song.wav"),
        ("link.wav", "output link.wav is the input song.wav"),
        ("no/out.wav", "there is no folder no"),
        ("folder.wav", "folder"),
    ]:
        line = ["render", "song.wav", "-o", output, "--to", "mono", "--force"]
        assert words in refused(capsys, *line)
    write("out.wav", np.zeros((1, 10)), RATE)
    line = ["render", "song.wav", "-o", "out.wav", "--to", "mono"]
    assert "out.wav exists: add --force" in refused(capsys, *line)
    assert song.read_bytes() == before


def test_case_24_two_writers_of_one_file(tmp_path):
    """The last complete file remains; a reader never gets a mixture."""
    path = tmp_path / "a.wav"
    write(path, np.zeros((2, 20000)), RATE)

    def work(value):
        for _ in range(15):
            with write_stream(path, RATE, channels=2, overwrite=True) as target:
                for _ in range(4):
                    target.write(np.full((2, 5000), value))

    writers = [threading.Thread(target=work, args=(value,)) for value in (0.25, 0.5)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        found = read(path).samples
        assert found.shape == (2, 20000)
        assert found.min() == found.max()
    for writer in writers:
        writer.join()
    assert read(path).samples[0, 0] in (0.25, 0.5)
    assert os.listdir(tmp_path) == ["a.wav"]


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("size", [1, 777, 5000])
def test_case_28_block_boundaries(rng, name, size):
    length = 6000 if size > 1 else 1500
    audio = for_upmixer(name, rng.uniform(-0.5, 0.5, (2, length)).astype(np.float32))
    upmixer = get_upmixer(name)
    whole = upmixer.upmix(audio, RATE)
    source = upmixer.stream(RATE)
    parts = [source.process(audio[:, at : at + size]) for at in range(0, length, size)]
    joined = np.concatenate([*parts, source.flush()], axis=1)
    assert joined.shape == whole.shape
    np.testing.assert_allclose(joined, whole, rtol=0, atol=1e-6)  # the bound of streams


def test_case_29_broken_plug_ins(song, capsys, monkeypatch):
    plug_ins = {
        "lost": [EntryPoint("lost", "no_such_package:Lost", registry.UPMIXERS.group)],
        "number": [EntryPoint("number", "math:pi", registry.UPMIXERS.group)],
        "rigid": [EntryPoint("rigid", "builtins:len", registry.UPMIXERS.group)],
        "twice": [
            EntryPoint("twice", f"package_{n}:Twice", registry.UPMIXERS.group) for n in (1, 2)
        ],
        "../evil": [EntryPoint("../evil", "os:getcwd", registry.UPMIXERS.group)],
    }
    entries = {**registry.UPMIXERS.entries(), **plug_ins}
    monkeypatch.setattr(registry.UPMIXERS, "entries", lambda: entries)
    assert main(["upmixers"]) == 0
    listed = capsys.readouterr().out
    for name in plug_ins:
        assert f"\n{name}\n" in f"\n{listed}"
    assert listed.count("cannot be used") >= 4
    for name in plug_ins:
        error = refused(capsys, "upmix", "song.wav", "-o", "out.wav", "--upmixer", name)
        assert name in error
    assert main(["upmix", "song.wav", "-o", "out.wav", "--upmixer", "matrix"]) == 0


HOSTILE = [
    "with spaces and 'quotes\".wav",
    unicodedata.normalize("NFC", "Dvořák - Rusalka.wav"),
    unicodedata.normalize("NFD", "Dvořák - Rusalka.wav"),
    "音楽.wav",
    "-o.wav",
    "..two dots.wav",
    "con.wav",
    "$(touch run)`touch run`;touch run.wav",
    "http:..host.wav",
    "new\nline.wav",
    "n" * 251 + ".wav",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_case_30_hostile_names(song, capsys, name):
    try:
        song.rename(name)
    except OSError:
        pytest.skip("no such name in this file system")
    assert main(["info", "--", name]) == 0
    assert main(["upmix", "-o", "out/", "--", name]) == 0
    assert sorted(os.listdir()) == sorted([name, "out"])
    assert os.listdir("out") == [name]
    assert info(f"out/{name}").format == get_layout("5.1")
    with stream(name) as source:
        assert source.samples == 4000
    capsys.readouterr()
    assert main(["info", "--", f"0{name[1:]}"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_case_30_a_folder_of_hostile_names_stays_in_its_output(song, capsys):
    """Links to other folders, in input and output, cause no writing there."""
    audio = read(song).samples
    for folder in ("album/inner", "elsewhere", "out"):
        (song.parent / folder).mkdir(parents=True)
    names = [name for name in HOSTILE if name.isprintable() and name[0] != "."]  # not what hides
    for name in names:
        write(f"album/{name}", audio, RATE)
    write("album/inner/a.wav", audio, RATE)
    (song.parent / "album/link.wav").symlink_to(song)
    (song.parent / "out/inner").symlink_to(song.parent / "elsewhere")
    before = song.read_bytes()
    error = refused(capsys, "upmix", "album", "-o", "out")
    assert "a link to a folder outside of out" in error
    assert os.listdir("elsewhere") == []
    (song.parent / "out/inner").unlink()
    assert main(["upmix", "album", "-o", "out"]) == 0
    found = {name for name in os.listdir("out") if name.endswith(".wav")}
    assert found == {*names, "link.wav"}
    assert os.listdir("out/inner") == ["a.wav"]
    assert sorted(os.listdir()) == ["album", "elsewhere", "out", "song.wav"]
    assert song.read_bytes() == before
