"""Tags and covers: every format is read by a second program (mutagen, ffprobe), and both ways."""

from __future__ import annotations

import json
import pickle
import shutil
import struct
import subprocess
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialkit.errors import OptionError, SpatialkitWarning
from spatialkit.files import read, write, write_stream
from spatialkit.files.formats import FILE_FORMATS, format_of_path
from spatialkit.files.tagging import held_tags, read_tags
from spatialkit.files.tags.ape import build_ape
from spatialkit.files.tags.id3 import build_id3, parse_id3, parse_id3v1
from spatialkit.files.tags.mp4 import build_ilst, parse_ilst
from spatialkit.files.tags.regions import resize_region
from spatialkit.files.tags.riff import build_chunks
from spatialkit.files.tags.vorbis import build_comments, comment_fields, parse_comments
from spatialkit.tags import Picture, Tags, carried_over


def png(side=8):
    """A picture that programs decode."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(b"\0" + bytes(range(side)) * 3 for _ in range(side))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


FIELDS = {
    "title": "Über Ölmühlen 雨",
    "artist": ["Ängström", "B"],
    "album": "Käse & Brot",
    "albumartist": "Various",
    "tracknumber": "3",
    "tracktotal": "12",
    "discnumber": "1",
    "disctotal": "2",
    "date": "2024-05-06",
    "genre": ["Rock", "Pop"],
    "comment": "first line\nsecond = line",
    "lyrics": "la la\nlo",
    "composer": "C. Omposer",
    "musicbrainz_trackid": "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae",
    "musicbrainz_albumid": "f205627f-b70a-409d-adbe-66289b614e80",
    "musicbrainz_artistid": "db92a151-1ac2-438b-bc43-b82e149ddd50",
    "mood of the day": "calm",
    "encodedby": "spatialkit",
}
# A cover beyond the size of an Ogg page, and of a segment table.
TAGS = Tags(FIELDS, [Picture(png() + bytes(70000)), Picture(png(4), 4, "Rückseite")])
SMALL = Tags(FIELDS, [Picture(png())])
# Each suffix with the layout, and what the format does not keep.
CASES = [
    ("a.wav", "5.1"),
    ("a.flac", "5.1"),
    ("b.flac", "5.1.2"),
    ("a.ogg", "stereo"),
    ("b.opus", "stereo"),
    ("a.opus", "5.1"),
    ("a.m4a", "5.1"),
    ("a.mp4", "ambix1"),
    ("a.mov", "7.1.4"),
    ("a.wv", "5.1"),
]


@pytest.fixture
def noise(rng):
    return rng.uniform(-0.5, 0.5, (12, 24000)).astype(np.float32)


def written(path, noise, layout, tags):
    from spatialkit.layouts import get_format

    if format_of_path(path).extra or (layout == "5.1" and path.suffix == ".opus"):
        pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    channels = get_format(layout).n_channels
    write(path, noise[:channels], 48000, format=layout, tags=tags)
    return path


def differences(found, expected):
    return {key for key in {*found, *expected} if found.get(key) != expected.get(key)}


@pytest.mark.parametrize(("name", "layout"), CASES)
def test_all_tags_and_pictures_are_read_back(tmp_path, noise, name, layout):
    path = written(tmp_path / name, noise, layout, TAGS)
    plain = written(tmp_path / f"plain-{name}", noise, layout, None)
    audio, other = read(path), read(plain)
    assert differences(audio.tags, TAGS) == set()
    assert [picture.data for picture in audio.tags.pictures] == [
        picture.data for picture in TAGS.pictures
    ]
    if name[-3:] not in ("m4a", "mp4", "mov"):  # whose pictures have no kind
        assert audio.tags.pictures[1].kind == 4
    assert not other.tags.pictures
    # The audio is the same, with its format.
    assert np.array_equal(audio.samples, other.samples)
    assert audio.format == other.format


@pytest.mark.parametrize(
    ("name", "layout"), [("a.mka", "5.1"), ("a.webm", "7.1"), ("a.caf", "5.1")]
)
def test_what_a_format_does_not_keep_is_in_a_warning(tmp_path, noise, name, layout):
    with pytest.warns(SpatialkitWarning) as found:
        path = written(tmp_path / name, noise, layout, SMALL)
    texts = [str(each.message) for each in found]
    assert f"{path}: several texts are joined by ';': artist, genre" in texts
    assert any("cannot contain 1 of 1 pictures" in text for text in texts) == (name != "a.mka")
    back = read(path).tags
    joined = SMALL.updated({key: SMALL.text(key) for key in ("artist", "genre")})
    # FFmpeg writes names of Matroska without spaces.
    assert differences(back, joined) <= {"mood of the day", "mood_of_the_day"}
    assert [each.data for each in back.pictures] == ([png()] if name == "a.mka" else [])


def test_formats_without_tags_drop_all_of_them_with_a_sentence():
    for found in FILE_FORMATS:
        tags, sentences = held_tags(SMALL, found)
        if not found.tags:
            assert not tags
            assert sentences == [
                f"{found.title} contains no tags; dropped: {', '.join(FIELDS)}, 1 picture"
            ]
        assert held_tags(Tags(), found) == (Tags(), [])


@pytest.mark.parametrize(("name", "layout"), CASES)
def test_mutagen_reads_our_tags(tmp_path, noise, name, layout):
    mutagen = pytest.importorskip("mutagen", reason="no second reader of tags")
    path = written(tmp_path / name, noise, layout, SMALL)
    file = mutagen.File(path)
    text = {key.lower(): value for key, value in dict(file.tags).items()}
    if path.suffix in (".flac", ".ogg", ".opus"):
        found = {key: tuple(value) for key, value in text.items() if "picture" not in key}
        found.pop("waveformatextensible_channel_mask", None)
        assert found == dict(SMALL)
    elif path.suffix in (".m4a", ".mp4", ".mov"):
        assert text["\xa9nam"] == [FIELDS["title"]]
        assert text["\xa9art"] == FIELDS["artist"]
        assert (text["trkn"], text["disk"]) == ([(3, 12)], [(1, 2)])
        name = "----:com.apple.itunes:musicbrainz album id"
        assert bytes(text[name][0]).decode() == FIELDS["musicbrainz_albumid"]
        assert bytes(text["covr"][0]) == png()
    elif path.suffix == ".wav":
        assert text["tpe1"].text == FIELDS["artist"]
        assert text["trck"].text == ["3/12"]
        assert text["ufid:http://musicbrainz.org"].data.decode() == FIELDS["musicbrainz_trackid"]
        assert text["txxx:mood of the day"].text == ["calm"]
        assert text["apic:"].data == png()
        assert text["uslt::xxx"].text == FIELDS["lyrics"]
    else:
        assert list(text["artist"]) == FIELDS["artist"]
        assert str(text["track"]) == "3/12"
        assert bytes(text["cover art (front)"].value).endswith(png())
    assert file.info.length == pytest.approx(0.5, abs=0.03)


@pytest.mark.skipif(not shutil.which("ffprobe"), reason="no ffprobe here")
@pytest.mark.parametrize(("name", "layout"), CASES)
def test_ffprobe_reads_our_tags_and_covers(tmp_path, noise, name, layout):
    path = written(tmp_path / name, noise, layout, SMALL)
    command = ["ffprobe", "-v", "error", "-show_entries"]
    command += ["format_tags:stream_tags:stream=codec_name", "-of", "json", path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    found = json.loads(done.stdout)
    tags = found["format"].get("tags", {}) | found["streams"][0].get("tags", {})
    tags = {key.lower(): value for key, value in tags.items()}
    assert tags["title"] == FIELDS["title"]
    assert tags["artist"].startswith("Ängström")
    assert tags["album"] == FIELDS["album"]
    assert tags["track"] in ("3", "3/12")
    assert [each["codec_name"] for each in found["streams"]][1:] == ["png"]


def test_tags_that_mutagen_writes_are_read(tmp_path, noise):
    mutagen = pytest.importorskip("mutagen", reason="no second writer of tags")
    from mutagen import id3

    for version, v1 in ((3, 0), (4, 2)):
        path = tmp_path / f"v{version}.mp3"
        path.write_bytes(MP3_FRAMES)
        tags = id3.ID3()
        tags.add(id3.TIT2(encoding=1, text="Über 雨"))
        tags.add(id3.TPE1(encoding=3 if version == 4 else 1, text=["Ä", "B"]))
        tags.add(id3.TRCK(encoding=0, text="3/12"))
        tags.add(id3.TCON(encoding=0, text="(17)"))
        tags.add(id3.TDRC(encoding=0, text="2024"))
        tags.add(id3.COMM(encoding=1, lang="deu", desc="", text="wörter"))
        tags.add(id3.COMM(encoding=0, lang="eng", desc="iTunNORM", text=" 0000 1111"))
        tags.add(id3.USLT(encoding=1, lang="deu", desc="", text="zeile\nzwei"))
        tags.add(id3.TXXX(encoding=0, desc="MusicBrainz Album Id", text="an-id"))
        tags.add(id3.TXXX(encoding=0, desc="replaygain_track_gain", text="-7.03 dB"))
        tags.add(id3.UFID(owner="http://musicbrainz.org", data=b"track-id"))
        tags.add(id3.APIC(encoding=1, mime="image/png", type=3, desc="Ümschlag", data=png()))
        tags.save(path, v2_version=version, v1=v1)
        found = read_tags(path)
        assert found["title"] == ("Über 雨",)
        assert found["artist"] == (("Ä", "B") if version == 4 else ("Ä/B",))
        assert (found["tracknumber"], found["tracktotal"]) == (("3",), ("12",))
        assert found["genre"] == ("Rock",)
        assert found["date"] == ("2024",)
        assert found["comment"] == ("wörter",)
        assert found["lyrics"] == ("zeile\nzwei",)
        assert found["musicbrainz_albumid"] == ("an-id",)
        assert found["musicbrainz_trackid"] == ("track-id",)
        assert found.pictures == (Picture(png(), 3, "Ümschlag"),)
        kept, left_out = carried_over(found)
        assert sorted(left_out) == ["itunnorm", "replaygain_track_gain"]
        assert "replaygain_track_gain" not in kept
    for name in ("a.aiff",):
        import soundfile

        soundfile.write(tmp_path / name, noise[:2].T, 48000)
        file = mutagen.File(tmp_path / name)
        file.add_tags()
        file.tags.add(id3.TIT2(encoding=3, text="Über 雨"))
        file.save()
        assert read_tags(tmp_path / name)["title"] == ("Über 雨",)


# Silence of MPEG-1 layer III, at 44.1 kHz and 128 kbit/s.
MP3_FRAMES = 20 * (b"\xff\xfb\x90\x00" + bytes(413))


def test_id3_of_version_2_2_and_of_version_1():
    def frame(name, data):
        return name + len(data).to_bytes(3, "big") + data

    body = frame(b"TT2", b"\0Song") + frame(b"TP1", b"\1\xff\xfeB\0\xe4\0")
    body += frame(b"PIC", b"\0PNG\3\0" + png()) + frame(b"TRK", b"\0007/9")
    tags = parse_id3(b"ID3\2\0\0" + bytes([0, 0, len(body) >> 7, len(body) & 127]) + body)
    assert (tags.first("title"), tags.first("artist"), tags.first("tracktotal")) == (
        "Song",
        "Bä",
        "9",
    )
    assert tags.pictures[0].data == png()
    last = b"TAG" + b"Song".ljust(30, b"\0") + b"Artist".ljust(30) + b"Album".ljust(30, b"\0")
    last += b"1999" + b"words".ljust(28, b"\0") + b"\0\5" + b"\x11"
    found = parse_id3v1(last)
    assert dict(found) == {
        "title": ("Song",),
        "artist": ("Artist",),
        "album": ("Album",),
        "date": ("1999",),
        "tracknumber": ("5",),
        "comment": ("words",),
        "genre": ("Rock",),
    }


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)
keys = st.sampled_from([*FIELDS, "isrc", "some key", "bpm", "asin"]).filter(
    lambda key: "number" not in key and "total" not in key and key != "bpm"
)


@given(st.dictionaries(keys, st.lists(texts, min_size=1, max_size=3), max_size=6))
def test_any_text_is_kept(fields):
    """The builders and parsers of each format are inverse, apart from spaces at the ends."""
    tags = Tags(fields, [Picture(png())])
    comments = build_comments(comment_fields(tags, pictures=True))
    assert parse_comments(comments) == tags
    assert parse_ilst(build_ilst(tags)).fields == tags.fields
    single = Tags({key: tags.first(key) for key in tags})
    if "genre" not in tags:  # which ID3 also specifies by number
        assert parse_id3(build_id3(single)).fields == single.fields


@given(st.data())
def test_damaged_tags_never_prevent_reading(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    kind = data.draw(st.sampled_from(["id3", "wav", "flac", "ape", "mp4"]))
    content = {
        "id3": build_id3(SMALL) + MP3_FRAMES,
        "ape": MP3_FRAMES + build_ape(SMALL),
        "wav": b"RIFF\xff\xff\0\0WAVEfmt " + bytes(20) + build_chunks(SMALL),
        "flac": b"fLaC\4"
        + (9999).to_bytes(3, "big")
        + build_comments(comment_fields(SMALL, pictures=True)),
        "mp4": b"\0\0\0\x08ftyp" + build_ilst(SMALL),
    }[kind]
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, min(len(damaged), 600) - 1))] = data.draw(
            st.integers(0, 255)
        )
    end = data.draw(st.integers(0, len(damaged)))
    path = folder / "damaged.bin"
    path.write_bytes(bytes(damaged[:end]))
    assert isinstance(read_tags(path), Tags)


def test_a_region_grows_and_shrinks_in_place(tmp_path):
    content = bytes(range(256)) * 20000
    for old, new in ((100, 5000), (5000, 100), (7, 7), (0, 2**21)):
        (tmp_path / "a").write_bytes(content)
        with (tmp_path / "a").open("r+b") as file:
            resize_region(file, 50, old, new)
        found = (tmp_path / "a").read_bytes()
        assert found[:50] == content[:50]
        assert found[50 + new :] == content[50 + old :]


def test_tags_are_an_immutable_mapping_that_can_be_pickled():
    assert Tags({"Title": " A "})["TITLE"] == ("A",)
    assert Tags({"a": ["", " "]}) == Tags()
    assert not Tags()
    assert pickle.loads(pickle.dumps(SMALL)) == SMALL
    assert Picture(b"\xff\xd8\xff").mime == "image/jpeg"
    assert "data" not in repr(SMALL.pictures)
    for key in ("", "a=b", "ü", 3):
        with pytest.raises(OptionError, match="key of a tag must be printable ASCII"):
            Tags({key: "x"})
    with pytest.raises(OptionError, match="text of the tag 'title' is not valid Unicode"):
        Tags({"title": "\udcff"})
    with pytest.raises(OptionError, match="tags must be Tags or a mapping"):
        write("a.wav", np.zeros((1, 9)), 48000, tags=["title"])


def test_an_audio_carries_its_tags_without_replay_gain(tmp_path, noise):
    tags = {"title": "A", "replaygain_track_gain": "-3 dB", "r128_track_gain": "5", "encoder": "L"}
    write(tmp_path / "a.flac", noise[:2], 48000, tags=tags)
    audio = read(tmp_path / "a.flac")
    assert dict(audio.tags) == {key: (text,) for key, text in tags.items()}
    write(tmp_path / "b.wav", audio)
    assert dict(read(tmp_path / "b.wav").tags) == {"title": ("A",)}
    write(tmp_path / "c.wav", audio, tags={})
    assert not read(tmp_path / "c.wav").tags
    with write_stream(tmp_path / "d.wav", 48000, channels=2, tags={"title": "D"}) as target:
        target.write(noise[:2])
    assert dict(read(tmp_path / "d.wav").tags) == {"title": ("D",)}
    assert np.array_equal(read(tmp_path / "d.wav").samples, noise[:2])


def test_a_wave_file_names_its_layout_beside_its_tags(tmp_path, noise):
    write(tmp_path / "a.wav", noise[:9], 48000, format="ambix2", tags=SMALL)
    found = read(tmp_path / "a.wav")
    assert (found.format.name, found.tags["title"]) == ("ambix2", (FIELDS["title"],))
