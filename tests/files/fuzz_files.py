"""Valid files of every kind, and damaged ones: each is read or raises one sentence."""

from __future__ import annotations

import warnings
from pathlib import Path

import crafted_files as crafted
import numpy as np

from spatialkit.errors import SpatialkitError, SpatialkitWarning
from spatialkit.files import info, read, wave, write

# Numbers that headers break on.
EDGES = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]


def seeds(folder: Path, *, with_av: bool = True) -> dict[str, bytes]:
    """Valid files of every kind, small, by a name of their kind."""
    import soundfile

    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (6, 2000)).astype(np.float32)
    made = {}
    for kind, name, audio, options in [
        ("wav", "a.wav", noise[:2, :60], {"subtype": "PCM_16"}),
        ("wavex", "a.wav", noise[:, :60], {"format": "5.1", "subtype": "PCM_24"}),
        ("float", "a.wav", noise[:5, :60], {"format": "5.0"}),
        ("flac", "a.flac", noise[:2, :500], {}),
        ("flac-mask", "a.flac", noise[:4, :500], {"format": "ambix1"}),
        ("vorbis", "a.ogg", noise[:2], {}),
        ("opus", "a.opus", noise[:2], {}),
    ]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SpatialkitWarning)  # Ambisonics in FLAC
            write(folder / name, audio, 48000, overwrite=True, **options)
        made[kind] = (folder / name).read_bytes()
    header, _ = wave.wave_header(6, 60, 48000, "PCM_24", 0x60F, reserve=True)
    limit, wave.MAX_RIFF_SIZE = wave.MAX_RIFF_SIZE, 0
    try:
        header, _ = wave.wave_header(6, 60, 48000, "PCM_24", 0x60F)
    finally:
        wave.MAX_RIFF_SIZE = limit
    made["rf64"] = header + bytes(6 * 60 * 3)
    made["bw64"] = b"BW64" + made["rf64"][4:]
    made |= crafted_seeds(with_av=with_av)
    for kind in ("AIFF", "CAF", "AU", "MP3"):
        soundfile.write(folder / "a", noise[:2].T, 48000, format=kind)
        made[kind.lower()] = (folder / "a").read_bytes()
    made["late-mp3"] = b"text before " * 9 + made["mp3"]
    if with_av:
        made |= av_seeds(folder, noise[:2])
    return made


def crafted_seeds(*, with_av: bool) -> dict[str, bytes]:
    """Valid files whose headers specify their channels in other ways."""
    bed = [crafted.chna([f"0001000{number}" for number in range(1, 7)])]
    own, definitions = crafted.custom_bed([b"M+030", b"M-030", b"M+000"], streams=True)
    film = crafted.apple_layout(0, 0, (1, 3, 2, 5, 6, 4))
    info = crafted.chunk(b"LIST", b"INFO" + crafted.chunk(b"spkt", b"ambix1\0"))
    made = {
        "amb": crafted.wave_file(4, tail=crafted.B_FORMAT_TAIL),
        "adm": crafted.wave_file(6, kind=b"BW64", after=bed),
        "axml": crafted.wave_file(3, before=own, after=definitions),
        "named": crafted.wave_file(4, before=[info]),
        "id3": b"ID3\4\0\0\0\0\0\x20" + bytes(32) + crafted.wave_file(6, 0x60F),
        "w64": crafted.wave64_file(6, 0x3F),
        "chan": crafted.caf_file(6, crafted.apple_layout(124 << 16 | 6)),
        "aiff-chan": crafted.aiff_file(6, film),
        "projection": (Path(__file__).parents[1] / "data" / "projection.opus").read_bytes(),
    }
    if with_av:
        boxes = crafted.box(b"chan", bytes(4) + film) + crafted.sa3d([0, 3, 1, 2], order=1)
        made |= {
            "mov": crafted.mov_file(6, crafted.box(b"chan", bytes(4) + film), version=1),
            "sa3d": crafted.mov_file(4, boxes),
            "flac20": crafted.flac_file(np.arange(-50, 50).reshape(2, 50), 20),
            "dsf": crafted.dsf_file(8 * 4096),
            "dff": crafted.dff_file(8 * 4096),
            "dts": (Path(__file__).parents[1] / "data" / "tones.dts").read_bytes(),
        }
    return made


def av_seeds(folder: Path, audio: np.ndarray) -> dict[str, bytes]:
    """Valid files that PyAV reads; none without it."""
    try:
        import av
    except ImportError:
        return {}
    made = {}
    for name, codec in [("m4a", "aac"), ("mkv", "flac"), ("aac", "aac"), ("ac3", "ac3")]:
        path = folder / f"seed.{name}"
        with av.open(str(path), "w") as container:
            track = container.add_stream(codec, rate=48000, layout="stereo")
            frame = av.AudioFrame.from_ndarray(
                audio.T.reshape(1, -1), format="flt", layout="stereo"
            )
            frame.sample_rate, frame.pts = 48000, 0
            for part in (frame, None):
                container.mux(track.encode(part))
        made[name] = path.read_bytes()
    return made


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """``data`` with a few changes, most of them in its header."""
    content = bytearray(data)
    for _ in range(rng.integers(1, 6)):
        reach = len(content) if rng.random() < 0.2 else min(len(content), 200)
        at = int(rng.integers(0, max(1, reach)))
        length = int(rng.integers(1, 9))
        match rng.integers(0, 6):
            case 0:
                content[at : at + length] = rng.bytes(length)
            case 1:
                width = int(rng.choice([1, 2, 4, 8]))
                edge = EDGES[rng.integers(0, len(EDGES))] & (256**width - 1)
                order = "little" if rng.random() < 0.5 else "big"
                content[at : at + width] = edge.to_bytes(width, order)
            case 2:
                content[at : at + 1] = bytes([content[at] ^ 1 << int(rng.integers(0, 8))])
            case 3:
                del content[at : at + length]
            case 4:
                content[at:at] = content[at : at + 4 * length]
            case 5:
                del content[max(1, len(content) - int(rng.integers(0, 200))) :]
        content = content or bytearray(b"\0")
    return bytes(content)


def attempt(path: Path, data: bytes) -> str:
    """Read ``data`` as a file: "read", or "refused" if it was, in one sentence with its path."""
    path.write_bytes(data)
    with warnings.catch_warnings(action="ignore"):
        try:
            facts = info(path)
            audio = read(path)
        except SpatialkitError as refusal:
            said = str(refusal)
            assert str(path) in said, said
            assert "\n" not in said, said
            return "refused"
    assert audio.samples.shape == (facts.channels, facts.samples)
    return "read"
