"""Codecs that libsndfile does not support, in containers that it does.

Sources: RFC 2361 (format tags of WAV); Apple, "Core Audio Format Specification 1.0" and AIFF-C;
ETSI TS 102 114 (DTS); IEC 61937 (compressed audio in the form of PCM).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import BinaryIO

from spatialkit.files import chunks, wave

# Format tags of WAV that libsndfile supports (0: the header is incomplete), and names of others.
_SUPPORTED_TAGS = (0x0, 0x1, 0x2, 0x3, 0x6, 0x7, 0x11, 0x14, 0x31, 0x38, 0x40, 0x55)
_TAG_NAMES = {
    0x50: "MP2",
    0xFF: "AAC",
    0x160: "WMA 1",
    0x161: "WMA 2",
    0x162: "WMA Pro",
    0x163: "WMA Lossless",
    0x270: "ATRAC3",
    0x2000: "AC-3",
    0x2001: "DTS",
    0x566F: "Vorbis",
    0x706D: "AAC",
    0xF1AC: "FLAC",
}
# Encodings of CAF and AIFF-C that libsndfile supports.
_SUPPORTED_ENCODINGS = (
    *(b"lpcm", b"ulaw", b"alaw", b"ULAW", b"ALAW", b"NONE", b"twos", b"sowt", b"raw ", b"in24"),
    *(b"in32", b"23ni", b"42ni", b"fl32", b"FL32", b"fl64", b"FL64", b"GSM ", b"DWVW"),
)
_ENCODING_NAMES = {
    b"alac": "ALAC",
    b"ima4": "IMA4",
    b"aac ": "AAC",
    b"ac-3": "AC-3",
    b"ec-3": "E-AC-3",
    b".mp3": "MP3",
    b"opus": "Opus",
    b"flac": "FLAC",
}
# Sync words of compressed audio that is stored as 16-bit PCM: DTS of 16 and 14 bits in both byte
# orders, and IEC 61937.
_SYNC_WORDS = (
    (b"\x7f\xfe\x80\x01", "DTS"),
    (b"\xfe\x7f\x01\x80", "DTS"),
    (b"\x1f\xff\xe8\x00", "DTS"),
    (b"\xff\x1f\x00\xe8", "DTS"),
    (b"\x72\xf8\x1f\x4e", "IEC 61937"),
)
_MIN_FLAC_BITS = 4
_SYNC_RANGE = 1 << 17
_MIN_FRAMES = 3


def unsupported_codec(file: BinaryIO) -> tuple[str, str] | None:
    """Return FFmpeg's demuxer and the codec of a file, None if libsndfile may decode it."""
    file.seek(0)
    head = file.read(16)
    for signature, demuxer, codec_of in _CONTAINERS:
        if re.match(signature, head, re.DOTALL) and (codec := codec_of(file)):
            return demuxer, codec
    return None


def _wave_codec(file: BinaryIO) -> str | None:
    try:
        header = wave.read_wave_header(file)
    except ValueError:
        return None
    if header.format.tag == 1 and (hidden := _hidden_codec(file, header.data_start)):
        return hidden
    return _tag_name(header.format.tag)


def _wave64_codec(file: BinaryIO) -> str | None:
    return _tag_name(wave.read_wave64_format(file).tag)


def _tag_name(tag: int) -> str | None:
    return None if tag in _SUPPORTED_TAGS else _TAG_NAMES.get(tag, f"format tag {tag:#x}")


def _hidden_codec(file: BinaryIO, start: int) -> str:
    """Return the codec of frames that are stored as 16-bit PCM, empty for PCM.

    Frames of equal size repeat the sync word at equal distances.
    """
    file.seek(start)
    data = file.read(_SYNC_RANGE)
    for word, name in _SYNC_WORDS:
        places = [match.start() for match in re.finditer(re.escape(word), data)][:_MIN_FRAMES]
        steps = {after - before for before, after in pairwise(places)}
        if len(places) == _MIN_FRAMES and len(steps) == 1 and not any(data[: places[0]]):
            return name
    return ""


def _flac_codec(file: BinaryIO) -> str | None:
    file.seek(20)
    bits = (int.from_bytes(file.read(2), "big") >> 4 & 0x1F) + 1
    return None if bits < _MIN_FLAC_BITS or bits in (8, 16, 24) else f"FLAC of {bits} bits"


def _caf_codec(file: BinaryIO) -> str | None:
    desc = chunks.read_chunk(file, chunks.CAF, b"desc")
    encoding, channels = desc[8:12], int.from_bytes(desc[24:28], "big")
    # libsndfile opens some ALAC files only, and does not sort the channels of surround.
    if encoding == b"alac" and channels <= 2 and _opens(file):
        return None
    return _encoding_name(encoding)


def _opens(file: BinaryIO) -> bool:
    """Return whether libsndfile opens a file."""
    import soundfile

    file.seek(0)
    try:
        soundfile.SoundFile(file).close()
    except soundfile.SoundFileError:
        return False
    return True


def _aiff_codec(file: BinaryIO) -> str | None:
    encoding = chunks.read_chunk(file, chunks.AIFF, b"COMM")[18:22]
    return None if encoding == b"ima4" else _encoding_name(encoding)


def _encoding_name(encoding: bytes) -> str | None:
    if len(encoding) < 4 or encoding in _SUPPORTED_ENCODINGS:
        return None
    return _ENCODING_NAMES.get(encoding, encoding.decode("ascii", "replace").strip())


# First bytes, FFmpeg's demuxer, and function that returns the codec.
_CONTAINERS: tuple[tuple[bytes, str, Callable[[BinaryIO], str | None]], ...] = (
    (rb"(RIFF|RF64|BW64)....WAVE", "wav", _wave_codec),
    (rb"riff\x2e\x91\xcf\x11", "w64", _wave64_codec),
    (rb"fLaC[\0\x80]", "flac", _flac_codec),
    (rb"caff", "caf", _caf_codec),
    (rb"FORM....AIFC", "aiff", _aiff_codec),
)
# First bytes of other containers that are supported.
_SUPPORTED = (
    rb"RIFX....WAVE|FORM....(AIF|8SV|16SV)|OggS|ID3|\.snd|dns\.|Creative Voice|\xff[\xe2-\xff]|"
    rb"[\xf8-\xff].{1,5}iamf"
)
# First bytes of files that neither libsndfile nor PyAV supports.
_UNSUPPORTED = (
    (rb"OFR ", "OptimFROG"),
    (rb"MThd", "MIDI"),
)


def is_audio(file: BinaryIO) -> bool:
    """Return whether a file starts like a container that libsndfile supports."""
    file.seek(0)
    head = file.read(16)
    containers = [signature for signature, _, _ in _CONTAINERS]
    return any(re.match(signature, head, re.DOTALL) for signature in (*containers, _SUPPORTED))


def unsupported_container(file: BinaryIO) -> str:
    """Return the name of the container of a file that cannot be read, empty if it is not known."""
    file.seek(0)
    head = file.read(16)
    for signature, name in _UNSUPPORTED:
        if re.match(signature, head, re.DOTALL):
            return name
    return ""
