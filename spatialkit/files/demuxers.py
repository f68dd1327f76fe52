"""Containers that FFmpeg reads, each with its demuxer and the first bytes of its files."""

from __future__ import annotations

import re
from typing import BinaryIO

# First bytes of the files of each of FFmpeg's demuxers.
SIGNATURES = {
    "mov": rb"....(ftyp|moov|mdat|wide|free|skip)",
    "matroska": rb"\x1a\x45\xdf\xa3",
    "asf": rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    "avi": rb"RIFF....AVI ",
    "flv": rb"FLV\x01",
    "mpegts": rb"\x47.{187}\x47",
    "mpeg": rb"\x00\x00\x01\xba",
    "ogg": rb"OggS.{22}.[^\xff](?!\x01vorbis|OpusHead)",
    "aac": rb"\xff[\xf0\xf1\xf8\xf9]",
    "ac3": rb"\x0b\x77...[\x00-\x57]",
    "eac3": rb"\x0b\x77...[\x58-\x87]",
    "wv": rb"wvpk",
    "tta": rb"TTA1",
    "dts": rb"\x7f\xfe\x80\x01|\xfe\x7f\x01\x80|\x1f\xff\xe8\0|\xff\x1f\0\xe8",
    "dtshd": rb"DTSHDHDR",
    "truehd": rb"....\xf8\x72\x6f\xba",
    "mlp": rb"....\xf8\x72\x6f\xbb",
    "ape": rb"MAC ",
    "mpc": rb"MP\+[\x07\x17]",
    "mpc8": rb"MPCK",
    "tak": rb"tBaK",
    "dsf": rb"DSD \x1c",
    "iff": rb"FRM8.{8}DSD ",
    "amr": rb"#!AMR",
    "rm": rb"\.RMF",
    "oma": rb"ea3\x03|EA3\x01",
    "shn": rb"ajkg",
    "loas": rb"\x56[\xe0-\xff].",
}


def demuxer_of(file: BinaryIO) -> str | None:
    """Return the FFmpeg demuxer for the first bytes of a file, or None; rewind the file."""
    file.seek(0)
    head = file.read(200)
    file.seek(0)
    for demuxer, signature in SIGNATURES.items():
        if re.match(signature, head, re.DOTALL):
            return demuxer
    return None
