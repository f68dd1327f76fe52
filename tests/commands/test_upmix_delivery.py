"""Formats, names, tags and loudness of the files that ``spatialkit upmix`` writes."""

from __future__ import annotations

import json
import os
import re
import struct
import zlib
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from spatialkit.commands import main
from spatialkit.errors import OptionError
from spatialkit.files import info, read, read_tags, write
from spatialkit.layouts import Layout
from spatialkit.metrics import loudness, true_peak
from spatialkit.rendering import render
from spatialkit.tags import Picture, Tags
from spatialkit.upmixing import Delivery, UpmixJob, upmix_file

needs_av = pytest.mark.usefixtures("av")


@pytest.fixture
def av():
    return pytest.importorskip("av", reason="no wheel of PyAV for this Python")


def png():
    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0))
    rows = zlib.compress(bytes(14))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def song(seconds=2.0, rate=44100, level=0.1, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(0.0, level, (2, int(seconds * rate))).clip(-0.9, 0.9).astype(np.float32)


ALBUM = [("01 Öl.flac", "Öl"), ("02 Käse.ogg", "Käse"), ("03 Straße.wav", "Straße")]


@pytest.fixture
def album(tmp_path, monkeypatch):
    """Three songs with tags and covers, and a broken one."""
    monkeypatch.chdir(tmp_path)
    Path("album").mkdir()
    for number, (name, title) in enumerate(ALBUM, 1):
        fields = {
            **{"title": title, "artist": "Ängström", "album": "Grüße", "tracknumber": str(number)},
            **{"tracktotal": "3", "date": "2024", "replaygain_track_gain": "-3.10 dB"},
            "musicbrainz_albumid": "f205627f-b70a-409d-adbe-66289b614e80",
        }
        tags = Tags(fields, [Picture(png())])
        write(Path("album", name), song(seed=number), 44100, tags=tags)
    Path("album", "04 kaputt.flac").write_bytes(Path("album", ALBUM[0][0]).read_bytes()[:-9000])
    return tmp_path


def upmix(*arguments):
    return main(["upmix", *arguments])


def records():
    return [json.loads(line) for line in Path("out", "upmix.jsonl").read_text().splitlines()]


def test_an_album_becomes_a_tagged_surround_album(album, capsys):
    line = ["album", "-o", "out", "--layout", "5.1", "--format", "flac"]
    assert upmix(*line, "--name", "{track:02} {title} ({layout}) {name}") == 1
    assert "album/04 kaputt.flac is truncated" in capsys.readouterr().err
    names = [
        f"{n:02} {title} (5.1) {Path(name).stem}.flac" for n, (name, title) in enumerate(ALBUM, 1)
    ]
    assert sorted(path.name for path in Path("out").glob("*.flac")) == names
    for name, (_, title) in zip(names, ALBUM, strict=True):
        audio = read(Path("out", name))
        assert (audio.format.name, audio.samples.shape) == ("5.1", (6, 88200))
        assert audio.tags.first("title") == title
        assert audio.tags.first("musicbrainz_albumid").startswith("f205627f")
        assert "replaygain_track_gain" not in audio.tags
        assert audio.tags.first("encodedby").startswith("spatialkit ")
        assert "upmixer ambience, layout=5.1" in audio.tags.first("encodedby")
        assert [picture.data for picture in audio.tags.pictures] == [png()]
    done = [record for record in records() if record["status"] == "done"]
    assert all("replaygain_track_gain" in record["tags_left_out"] for record in done)
    assert all(record["pictures"] == 1 for record in done)


def test_tags_and_the_mark_can_be_switched_off(album):
    source = str(Path("album", ALBUM[0][0]))
    assert upmix(source, "-o", "a.flac", "--no-tags") == 0
    assert not read_tags("a.flac")
    assert upmix(source, "-o", "b.flac", "--no-encoded-by") == 0
    assert "encodedby" not in read_tags("b.flac")
    assert read_tags("b.flac").first("title") == "Öl"


@needs_av
@pytest.mark.parametrize(
    ("container", "suffix", "layout"),
    [
        ("opus", ".opus", "7.1"),
        ("m4a", ".m4a", "5.1"),
        ("mka", ".mka", "5.1"),
        ("mov", ".mov", "7.1.4"),
    ],
)
def test_each_format_of_a_batch_has_tags_layout_and_length(
    album, container, suffix, layout, capsys
):
    (album / "album" / "04 kaputt.flac").unlink()
    assert upmix("album", "-o", "out", "--layout", layout, "--format", container) == 0
    for name, title in ALBUM:
        path = Path("out", name).with_suffix(suffix)
        rate = 48000 if container == "opus" else 44100
        header = info(path)
        assert (header.format.name, header.samples, header.sample_rate) == (layout, 2 * rate, rate)
        tags = read_tags(path)
        assert (tags.first("title"), tags.first("tracknumber")) == (
            title,
            str(1 + ALBUM.index((name, title))),
        )
        assert [picture.data for picture in tags.pictures] == [png()]
    notes = [record.get("notes", []) for record in records()]
    converted = "converted from 44100 to 48000 Hz, because the encoding has no 44100 Hz"
    assert notes == [[converted] if container == "opus" else []] * 3


@needs_av
def test_a_cover_that_the_format_cannot_contain_is_beside_it(album):
    source = str(Path("album", ALBUM[0][0]))
    assert upmix(source, "-o", "out/", "--format", "caf", "--layout", "7.1.4") == 0
    assert Path("out", "01 Öl.png").read_bytes() == png()
    assert read_tags("out/01 Öl.caf").first("title") == "Öl"
    assert upmix("album", "-o", "many", "--format", "eac3", "--layout", "5.1") == 1
    assert Path("many", "01 Öl.png").read_bytes() == png()
    assert sorted(path.suffix for path in Path("many").iterdir()) == [
        *[".eac3"] * 3, ".jsonl", *[".png"] * 3
    ]  # fmt: skip


def test_clashing_names_are_refused_before_any_work(album, capsys):
    line = ["album", "-o", "out", "--format", "flac", "--name", "{artist} - {album} {title}"]
    assert upmix(*line) == 2
    error = capsys.readouterr().err
    assert "album/01 Öl.flac and album/04 kaputt.flac have the same output" in error
    assert "make --name '{artist} - {album} {title}' more specific" in error
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{artist}", "gives the same name to all songs"),
        ("{tilte}", r"unknown field \{tilte\}; accepted: \{artist\}"),
        ("{title", "is invalid"),
        ("{track:x}", "a width is such as"),
    ],
)
def test_invalid_templates_are_refused(album, template, words, capsys):
    import re

    assert upmix("album", "-o", "out", "--name", template) == 2
    assert re.search(words, capsys.readouterr().err)
    assert not Path("out").exists()


def test_names_never_leave_the_folder(album):
    tags = {"title": "../../etc/passwd", "artist": "a/b\\c:", "album": "..", "tracknumber": "7"}
    write("one.flac", song(), 44100, tags=tags)
    write("two.flac", song(), 44100, tags={"title": "con", "artist": " . "})
    template = "{artist}/{album}/{track:02} {title}"
    assert upmix("one.flac", "two.flac", "-o", "out", "--name", template) == 0
    found = sorted(path.relative_to("out").as_posix() for path in Path("out").rglob("*.wav"))
    assert (
        found == ["Unknown Artist/Unknown Album/con.wav", "a_b_c_/_/07 .._.._etc_passwd.wav"]
        or (found == ["_/Unknown Album/con.wav", "a_b_c_/_/07 .._.._etc_passwd.wav"])
        or all(".." not in Path(each).parts for each in found)
    )
    assert len(found) == 2


def test_names_of_any_length_and_encoding_are_written(album):
    content = Path("album", ALBUM[2][0]).read_bytes()
    for name in (b"\xff", "ü".encode() * 100, b"n\nn"):
        Path("album", os.fsdecode(name + b".wav")).write_bytes(content)
    (album / "album" / "04 kaputt.flac").unlink()
    line = ["album", "-o", "out", "--format", "flac", "--name", "{name} of {title}"]
    assert upmix(*line) == 0
    names = [os.fsencode(path.name) for path in Path("out").glob("*.flac")]
    assert len(names) == 6
    assert max(map(len, names)) <= 185
    assert b"\xff of Stra\xc3\x9fe.flac" in names
    assert b"n_n of Stra\xc3\x9fe.flac" in names


def test_contradictory_options_are_refused(album, capsys):
    source = str(Path("album", ALBUM[0][0]))
    for line, words in [
        ([source, "-o", "a.wav", "--format", "flac"], "contradicts the extension of a.wav"),
        ([source, "-o", "a.wav", "--name", "{title}"], "--name requires a folder"),
        ([source, "-o", "a.wav", "--true-peak", "-1"], "--true-peak requires --loudness"),
        ([source, "-o", "a.opus", "--layout", "7.1.4"], "Opus has layout"),
        (["album", "-o", "out", "--format", "opus", "--layout", "7.1.4"], "use .wav"),
        ([source, "-o", "a.opus", "--bit-rate", "fast"], "--bit-rate must be a number of bit/s"),
        (["album", "-o", "out", "--format", "flac", "--bit-rate", "64k"], "bit_rate must be None"),
    ]:
        assert upmix(*line) == 2, line
        assert words in capsys.readouterr().err
        assert not Path("out").exists()


# Loudness


def test_the_loudness_is_reached_by_a_gain(album):
    write("in.wav", song(5.0), 44100)
    assert upmix("in.wav", "-o", "plain.wav", "--layout", "5.1") == 0
    assert upmix("in.wav", "-o", "out.wav", "--layout", "5.1", "--loudness", "-30") == 0
    plain, out = read("plain.wav"), read("out.wav")
    # Float32 samples, gated blocks at the same places: exact apart from rounding.
    assert float(loudness(out)) == pytest.approx(-30.0, abs=1e-4)
    gain = np.sqrt(np.sum(out.samples**2.0) / np.sum(plain.samples**2.0))
    np.testing.assert_allclose(out.samples, plain.samples * gain, atol=1e-7)


def test_the_true_peak_limits_the_gain_and_the_shortfall_is_stated(album, capsys):
    audio = song(5.0, level=0.02)
    audio[:, 1000] = 0.9
    write("in.wav", audio, 44100)
    line = ["in.wav", "-o", "out.flac", "--layout", "5.1", "--loudness", "-10", "--true-peak", "-2"]
    assert upmix(*line) == 0
    out = read("out.flac")
    assert float(true_peak(out).max()) == pytest.approx(-2.0, abs=0.01)
    text = " ".join(capsys.readouterr().out.split())
    found = float(loudness(out))
    assert f"loudness is {found:.1f} LUFS instead of -10: a true peak of -2 dBTP" in text


def test_ambisonics_is_decoded_for_its_loudness(tmp_path):
    write(tmp_path / "in.wav", song(5.0), 48000)
    job = UpmixJob(
        *(tmp_path / "in.wav", tmp_path / "out.wav", "foa-residual"),
        delivery=Delivery(loudness=-25.0),
    )
    found = upmix_file(job)
    scene = read(tmp_path / "out.wav")
    bed = render(scene.samples, "ambix1", "0+5+0")
    assert float(loudness(bed, "0+5+0", 48000)) == pytest.approx(-25.0, abs=1e-3)
    assert found.levels["loudness"] == pytest.approx(-25.0, abs=1e-9)


def test_an_album_keeps_the_differences_of_its_songs(album, capsys):
    """Oracle: the loudness of all songs in one file, which is gated together."""
    Path("one").mkdir()
    levels = (0.2, 0.02, 0.1)
    for number, level in enumerate(levels):
        write(f"one/{number}.wav", song(3.0, 48000, level, number), 48000)
    assert upmix("one", "-o", "plain", "--layout", "5.1") == 0
    line = ["one", "-o", "out", "--layout", "5.1", "--loudness", "-30", "--loudness-album"]
    assert upmix(*line) == 0
    plain, out = ([read(f"{folder}/{n}.wav") for n in range(3)] for folder in ("plain", "out"))
    gains = [
        np.linalg.norm(b.samples) / np.linalg.norm(a.samples)
        for a, b in zip(plain, out, strict=True)
    ]
    assert gains == pytest.approx([gains[0]] * 3, rel=1e-6)
    whole = np.concatenate([each.samples for each in out], axis=1)
    # Blocks that contain the end of one song and the start of the next do not exist in the album.
    assert float(loudness(whole, "5.1", 48000)) == pytest.approx(-30.0, abs=0.3)
    done = records()
    assert all(record["levels"]["loudness"] < -25 for record in done)
    # A single song and the album have the same gain if it is the only one.
    Path("two").mkdir()
    write("two/a.wav", song(3.0, 48000), 48000)
    line = ["two", "-o", "out2", "--loudness", "-30", "--loudness-album", "--layout", "5.1"]
    assert upmix(*line) == 0
    assert float(loudness(read("out2/a.wav"))) == pytest.approx(-30.0, abs=1e-4)
    assert upmix("two", "-o", "out3", "--loudness-album") == 2
    assert "--loudness-album requires --loudness" in capsys.readouterr().err


def test_silence_and_short_files_keep_their_level(tmp_path):
    for name, audio in (("silence", np.zeros((2, 44100))), ("short", song(0.1))):
        write(tmp_path / f"{name}.wav", audio.astype(np.float32), 44100)
        job = UpmixJob(
            *(tmp_path / f"{name}.wav", tmp_path / f"{name}-out.wav"),
            delivery=Delivery(loudness=-20.0),
        )
        assert upmix_file(job).gain_db == 0.0


def test_only_files_written_for_it_can_be_scaled(tmp_path):
    from spatialkit.files import write_stream

    with write_stream(tmp_path / "a.wav", 48000, channels=1) as target:
        target.write(np.zeros((1, 10), np.float32))
        with pytest.raises(OptionError, match="rescale=True"):
            target.scale(-6.0)
    with write_stream(tmp_path / "b.wav", 48000, channels=1, rescale=True) as target:
        target.write(np.full((1, 10), 0.5))
        target.scale(-20.0)
    assert read(tmp_path / "b.wav").samples == pytest.approx(0.05)
    assert target.gain_db == pytest.approx(-20.0)


# Manners of a batch


def test_a_dry_run_writes_nothing_and_states_what_would_be_written(album, capsys):
    line = ["album", "-o", "out", "--format", "flac", "--name", "{track} {title} {name}"]
    assert upmix(*line, "--dry-run") == 0
    text = capsys.readouterr().out
    assert "write: album/01 Öl.flac -> out/1 Öl 01 Öl.flac\n" in text
    assert text.endswith("4 to write, 0 to replace, 0 to skip; nothing was written (--dry-run)\n")
    assert not Path("out").exists()
    assert upmix(*line) == 1
    capsys.readouterr()
    assert upmix(*line, "--resume", "--dry-run", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert sorted(each["action"] for each in plan) == ["skip", "skip", "skip", "write"]


def test_the_report_has_a_line_per_file(album, capsys):
    import csv

    line = ["album", "-o", "out", "--format", "flac", "--layout", "5.1", "--report"]
    assert upmix(*line) == 1
    with Path("out", "report.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in Path("out", "report.jsonl").read_text().splitlines()]
    assert [row["name"] for row in rows] == [each["name"] for each in lines]
    assert [row["status"] for row in rows] == ["done", "done", "done", "failed"]
    first = lines[0]
    out = read(Path("out", "01 Öl.flac"))
    # 24 bits: the report is measured before rounding.
    assert first["loudness"] == pytest.approx(float(loudness(out)), abs=1e-3)
    assert first["true_peak_db"] == pytest.approx(float(true_peak(out).max()), abs=1e-3)
    assert first["source_loudness"] == pytest.approx(
        float(loudness(read(Path("album", "01 Öl.flac")))), abs=1e-6
    )
    front = np.sum(out.samples[[0, 1, 2]] ** 2.0)
    surround = 10 * np.log10(np.sum(out.samples[[4, 5]] ** 2.0) / front)
    assert first["surround_db"] == pytest.approx(surround, abs=1e-3)
    assert first["downmix_snr_db"] > 100
    assert "is truncated" in rows[3]["error"]
    # Files that were skipped have their earlier facts.
    assert upmix(*line, "--resume") == 1
    again = [json.loads(line) for line in Path("out", "report.jsonl").read_text().splitlines()]
    assert [each["status"] for each in again] == ["skipped"] * 3 + ["failed"]
    assert again[0]["loudness"] == first["loudness"]


def test_a_folder_of_outputs_has_a_report_per_song_and_an_index(album, capsys):
    line = ["album", "-o", "out", "--format", "flac", "--layout", "5.1", "--report"]
    assert upmix(*line) == 1
    assert f"{Path('out', 'index.html')}: index of the reports" in capsys.readouterr().out
    names = sorted(path.name for path in Path("out").glob("*.flac"))
    pages = [Path(name).stem + ".report.html" for name in names]
    assert sorted(path.name for path in Path("out").glob("*.report.html")) == pages
    text = Path("out", pages[0]).read_text(encoding="utf-8")
    assert "<dt>upmixer</dt><dd>ambience</dd>" in text
    assert f"{names[0]}, 5.1" in text
    index = Path("out", "index.html")
    first = index.read_text(encoding="utf-8")
    assert [unquote(name) for name in re.findall('<a href="(.*?)"', first)] == pages
    assert '<p class="note">4 songs, ' in first
    assert "1 failed." in first
    (row,) = re.findall('<tr class="failed">.*</tr>', first)
    assert "is truncated" in row
    # The facts of skipped files are in the log; a report that is missing is written again.
    assert upmix(*line, "--resume") == 1
    assert index.read_text(encoding="utf-8") == first
    Path("out", pages[1]).unlink()
    capsys.readouterr()
    assert upmix(*line, "--resume") == 1
    assert "1 done, 2 skipped, 1 failed" in capsys.readouterr().out
    assert Path("out", pages[1]).exists()
    assert index.read_text(encoding="utf-8") == first
    # Existing reports are outputs.
    for name in names:
        Path("out", name).unlink()
    assert upmix(*line) == 2
    assert f"{Path('out', pages[0])} exists: add --force" in capsys.readouterr().err
    assert upmix(*line, "--objects") == 2
    assert "--report and --objects are mutually exclusive" in capsys.readouterr().err


@needs_av
@pytest.mark.filterwarnings("ignore:.*256 samples of silence")
@pytest.mark.parametrize(
    ("player", "layout", "suffix"),
    [
        ("vlc", "5.1", ".flac"),
        ("mpv", "7.1.4", ".wav"),
        ("browser", "7.1", ".opus"),
        ("avr", "5.1", ".ac3"),
        ("avr", "7.1", ".flac"),
        ("apple", "7.1", ".m4a"),
        ("apple", "7.1.4", ".caf"),
        ("daw", "7.1.4", ".wav"),
        ("broadcast", "7.1.4", ".adm.wav"),
        ("youtube", "5.1", ".mov"),
        ("youtube", "7.1.4", ".iamf.mp4"),
    ],
)
def test_the_format_of_a_player_is_chosen_and_printed(album, player, layout, suffix, capsys):
    write("a.wav", song(0.5, 48000), 48000)
    assert upmix("a.wav", "-o", "out/", "--layout", layout, "--for", player) == 0
    assert f"--for {player}: --format " in capsys.readouterr().err
    assert Path("out", f"a{suffix}").exists()


@needs_av
def test_youtube_requires_48_khz(album, capsys):
    write("a.wav", song(0.5, 44100), 44100)
    options = ("a.wav", "-o", "out/", "--upmixer", "foa-pair", "--for", "youtube")
    assert upmix(*options) == 2
    errors = capsys.readouterr().err
    assert "--for youtube: --format mov, 48000 Hz" in errors
    assert "a.wav has a sample rate of 44100 Hz, accepted: 48000 Hz; add --sample-rate" in errors
    assert not Path("out").exists()
    assert upmix(*options, "--sample-rate", "48000") == 0
    written = info("out/a.mov")
    assert (written.format.name, written.sample_rate) == ("ambix1", 48000)


def test_a_player_without_a_format_for_the_layout_is_refused(album, capsys):
    assert upmix("album", "-o", "out", "--layout", "7.1.4", "--for", "browser") == 2
    assert (
        "--for browser has no format for 7.1.4: opus cannot contain it" in capsys.readouterr().err
    )
    assert upmix("album", "-o", "out", "--upmixer", "foa-pair", "--for", "vlc") == 2
    assert "--for vlc has no format for Ambisonics: render it" in capsys.readouterr().err
    assert upmix("album", "-o", "out", "--format", "wav", "--for", "vlc") == 2
    assert "--for and --format are mutually exclusive" in capsys.readouterr().err


@needs_av
def test_other_commands_copy_tags_and_have_bit_rates(album, capsys):
    source = str(Path("album", ALBUM[0][0]))
    assert main(["render", source, "-o", "a.mka", "--to", "5.1", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["tags_left_out"] == ["replaygain_track_gain"]
    assert facts["pictures"] == 1
    assert read_tags("a.mka").first("title") == "Öl"
    assert main(["downmix", source, "-o", "b.m4a", "--to", "mono", "--no-tags"]) == 0
    assert not read_tags("b.m4a").get("title")
    sizes = []
    for rate in ("64k", "192000"):
        line = ["render", source, "-o", "c.m4a", "--to", "stereo", "--bit-rate", rate, "--force"]
        assert main([*line, "--no-tags"]) == 0
        sizes.append(Path("c.m4a").stat().st_size)
    assert sizes[1] > 2 * sizes[0]
    assert main(["render", source, "-o", "d.wav", "--to", "5.1", "--subtype", "pcm_16"]) == 0
    assert info("d.wav").subtype == "PCM_16"


def test_a_report_of_too_many_channels_is_refused_before_anything_is_written(tmp_path, capsys):
    layout = Layout.from_directions(np.linspace(-170, 180, 36))
    Path(tmp_path, "ring.json").write_text(layout.to_json())
    write(tmp_path / "song.wav", np.zeros((2, 800), np.float32), 8000)
    line = ["upmix", f"{tmp_path}/song.wav", "-o", f"{tmp_path}/out.wav", "--report"]
    assert main([*line, "--layout", f"{tmp_path}/ring.json"]) == 2
    assert "a report plays at most 32 channels, got 36" in capsys.readouterr().err
    assert not Path(tmp_path, "out.wav").exists()
