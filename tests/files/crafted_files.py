"""Audio files made byte by byte, as other programs write them."""

from __future__ import annotations

import struct

import numpy as np

RATE = 48000
PCM_TAIL = bytes.fromhex("000000001000800000aa00389b71")
B_FORMAT_TAIL = bytes.fromhex("00002107d3118644c8c1ca000000")


def numbered(channels, samples=8):
    """Channels whose samples are their numbers, from 1, in steps of 16 bits."""
    return np.repeat(np.arange(1, channels + 1)[:, None], samples, axis=1)


def chunk(name, content, form="<4sI"):
    return struct.pack(form, name, len(content)) + content + bytes(len(content) % 2)


def wave_file(channels, mask=0, *, tail=PCM_TAIL, before=(), after=(), kind=b"RIFF"):
    """A WAV file of 16 bits whose channels are numbered."""
    fmt = struct.pack("<HHIIHH", 0xFFFE, channels, RATE, RATE * 2 * channels, 2 * channels, 16)
    fmt += struct.pack("<HHIH", 22, 16, mask, 1) + tail
    data = chunk(b"data", numbered(channels).T.astype("<i2").tobytes())
    chunks = [chunk(b"fmt ", fmt), *before, data, *after]
    if kind == b"BW64":
        ds64 = struct.pack("<QQQI", sum(map(len, chunks)) + 40, len(data) - 8, 8, 0)
        chunks.insert(0, chunk(b"ds64", ds64))
    body = b"WAVE" + b"".join(chunks)
    return kind + struct.pack("<I", len(body) if kind == b"RIFF" else 0xFFFFFFFF) + body


def wave64_file(channels, mask):
    """A Wave64 file: GUIDs for names, sizes that include them, multiples of 8 bytes."""
    tail = bytes.fromhex("f3acd3118cd100c04f8edb8a")
    fmt = struct.pack("<HHIIHH", 0xFFFE, channels, RATE, RATE * 2 * channels, 2 * channels, 16)
    fmt += struct.pack("<HHIH", 22, 16, mask, 1) + PCM_TAIL
    data = numbered(channels).T.astype("<i2").tobytes()
    body = b""
    for name, content in ((b"fmt ", fmt), (b"data", data)):
        body += name + tail + struct.pack("<Q", 24 + len(content)) + content
        body += bytes(-len(body) % 8)
    head = bytes.fromhex("726966662e91cf11a5d628db04c10000")
    return head + struct.pack("<Q", 40 + len(body)) + b"wave" + tail + body


def apple_layout(tag, bitmap=0, labels=()):
    descriptions = b"".join(struct.pack(">II12x", label, 0) for label in labels)
    return struct.pack(">III", tag, bitmap, len(labels)) + descriptions


def caf_file(channels, layout):
    desc = struct.pack(">d4sIIIII", RATE, b"lpcm", 2, 2 * channels, 1, channels, 16)
    data = bytes(4) + numbered(channels).T.astype("<i2").tobytes()
    chunks = [(b"desc", desc), (b"chan", layout), (b"data", data)]
    body = b"".join(struct.pack(">4sq", name, len(content)) + content for name, content in chunks)
    return b"caff\0\1\0\0" + body


def aiff_file(channels, layout):
    rate = bytes.fromhex("400ebb80000000000000")  # 48000 in 80 bits
    comm = struct.pack(">HIH", channels, 8, 16) + rate
    data = bytes(8) + numbered(channels).T.astype(">i2").tobytes()
    chunks = [(b"COMM", comm), (b"CHAN", layout), (b"SSND", data)]
    body = b"AIFF" + b"".join(chunk(name, content, ">4sI") for name, content in chunks)
    return b"FORM" + struct.pack(">I", len(body)) + body


def box(kind, content):
    return struct.pack(">I4s", 8 + len(content), kind) + content


def mov_file(channels, boxes, version=0):
    """A QuickTime film with one track of PCM."""
    data = numbered(channels).T.astype(">i2").tobytes()
    description = bytes(6) + struct.pack(
        ">HHHIHHHHI", 1, version, 0, 0, channels, 16, 0, 0, RATE << 16
    )
    description += {0: b"", 1: struct.pack(">IIII", 1, 2, 2 * channels, 2)}[version]
    stsd = struct.pack(">II", 0, 1) + box(b"twos", description + boxes)
    table = [
        box(b"stsd", stsd),
        box(b"stts", struct.pack(">IIII", 0, 1, 8, 1)),
        box(b"stsc", struct.pack(">IIIII", 0, 1, 1, 8, 1)),
        box(b"stsz", struct.pack(">III", 0, 2 * channels, 8)),
        box(b"stco", struct.pack(">III", 0, 1, 8 + 8 + 12)),
    ]
    handler = box(b"hdlr", struct.pack(">II4s12xB", 0, 0, b"soun", 0))
    head = box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, RATE, 8, 0, 0))
    media = box(b"mdia", head + handler + box(b"minf", box(b"stbl", b"".join(table))))
    track = box(b"trak", box(b"tkhd", struct.pack(">IIII68x", 1, 0, 0, 7)) + media)
    movie = box(b"mvhd", struct.pack(">IIIII80x", 0, 0, 0, RATE, 8)) + track
    return box(b"ftyp", b"qt  " + bytes(4) + b"qt  ") + box(b"mdat", data) + box(b"moov", movie)


def chna(tracks, form="AT_{}_01"):
    """Chunk chna of tracks with track formats such as "00010003"."""
    entries = [
        struct.pack("<H12s14s11sx", number, b"ATU_%08d" % number, form.format(track).encode(), b"")
        for number, track in enumerate(tracks, start=1)
    ]
    return chunk(b"chna", struct.pack("<HH", len(tracks), len(tracks)) + b"".join(entries))


def axml(content):
    return chunk(
        b"axml",
        b'<?xml version="1.0"?><ebuCoreMain xmlns="urn:ebu:metadata-schema:ebucore"><coreMetadata>'
        b"<format><audioFormatExtended>" + content + b"</audioFormatExtended></format>"
        b"</coreMetadata></ebuCoreMain>",
    )


def custom_bed(labels, *, streams=False):
    """Definitions with identifiers of their own, by way of streams or by their number."""
    content = b""
    for number, label in enumerate(labels):
        channel = b"AC_0001%04x" % (0x1001 + number + 16 * streams)
        content += (
            b'<audioChannelFormat audioChannelFormatID="%s"><audioBlockFormat><speakerLabel>%s'
            b"</speakerLabel></audioBlockFormat></audioChannelFormat>" % (channel, label)
        )
        if streams:
            content += (
                b'<audioTrackFormat audioTrackFormatID="AT_0001%04x_01"><audioStreamFormatIDRef>'
                b"AS_%04d</audioStreamFormatIDRef></audioTrackFormat><audioStreamFormat "
                b'audioStreamFormatID="AS_%04d"><audioChannelFormatIDRef>%s'
                b"</audioChannelFormatIDRef></audioStreamFormat>"
                % (0x1001 + number, number, number, channel)
            )
    tracks = [f"0001{0x1001 + number:04x}" for number in range(len(labels))]
    return [chna(tracks)], [axml(content)]


def sa3d(channel_map, *, order=1, kind=0, count=None):
    count = len(channel_map) if count is None else count
    fields = struct.pack(">BBIBBI", 0, kind, order, 0, 0, count)
    return box(b"SA3D", fields + struct.pack(f">{len(channel_map)}I", *channel_map))


def crc(data, polynomial, bits):
    value = 0
    for byte in data:
        value ^= byte << (bits - 8)
        for _ in range(8):
            value = (value << 1) ^ (polynomial if value >> (bits - 1) else 0)
            value &= (1 << bits) - 1
    return value.to_bytes(bits // 8, "big")


def flac_file(samples, bits):
    """A FLAC file of one frame with verbatim subframes (RFC 9639); libFLAC writes few widths."""
    channels, count = samples.shape
    info = struct.pack(">HH3x3x", count, count)
    info += (RATE << 44 | (channels - 1) << 41 | (bits - 1) << 36 | count).to_bytes(8, "big")
    head = bytes([0xFF, 0xF8, 0x70, (channels - 1) << 4, 0]) + (count - 1).to_bytes(2, "big")
    frame = head + crc(head, 0x07, 8)
    text = ""
    for channel in samples:
        text += "00000010" + "".join(format(int(n) & (1 << bits) - 1, f"0{bits}b") for n in channel)
    text += "0" * (-len(text) % 8)
    frame += int(text, 2).to_bytes(len(text) // 8, "big")
    return b"fLaC\x80\0\0\x22" + info + bytes(16) + frame + crc(frame, 0x8005, 16)


def dsd_bits(samples):
    """Stereo silence in DSD: as many ones as zeros."""
    return bytes([0x69]) * (samples // 8)


def dsf_file(samples):
    block = dsd_bits(samples)
    fmt = struct.pack("<4sQIIIIIIQII", b"fmt ", 52, 1, 0, 2, 2, 2822400, 1, samples, len(block), 0)
    data = struct.pack("<4sQ", b"data", 12 + 2 * len(block)) + 2 * block
    return struct.pack("<4sQQQ", b"DSD ", 28, 28 + len(fmt) + len(data), 0) + fmt + data


def dff_file(samples):
    def chunk(name, content):
        return struct.pack(">4sQ", name, len(content)) + content + bytes(len(content) % 2)

    properties = b"SND " + chunk(b"FS  ", struct.pack(">I", 2822400))
    properties += chunk(b"CHNL", struct.pack(">H", 2) + b"SLFTSRGT")
    properties += chunk(b"CMPR", b"DSD \x0enot compressed\0")
    body = chunk(b"FVER", struct.pack(">I", 0x01050000)) + chunk(b"PROP", properties)
    body += chunk(b"DSD ", 2 * dsd_bits(samples))
    return struct.pack(">4sQ", b"FRM8", 4 + len(body)) + b"DSD " + body


def stereo_wave_file(content, tag=1, bits=16):
    fmt = struct.pack("<HHIIHH", tag, 2, RATE, 4 * RATE, 4, bits)
    content += bytes(len(content) % 2)
    chunks = struct.pack("<4sI", b"fmt ", 16) + fmt + struct.pack("<4sI", b"data", len(content))
    return b"RIFF" + struct.pack("<I", 4 + len(chunks + content)) + b"WAVE" + chunks + content


def ogg_pages(data):
    """Start and end of the pages of an Ogg file."""
    at = 0
    while at < len(data):
        body = at + 27 + data[at + 26]
        end = body + sum(data[at + 27 : body])
        yield at, end
        at = end


def moved_pages(data, change, first):
    """An Ogg file in which the positions of pages from ``first`` on are changed, but the last."""
    moved = bytearray(data)
    pages = list(ogg_pages(data))
    assert len(pages) > first + 2
    for at, end in pages[first:-1]:
        position = struct.unpack_from("<q", moved, at + 6)[0]
        struct.pack_into("<q", moved, at + 6, position + change)
        moved[at + 22 : at + 26] = bytes(4)
        moved[at + 22 : at + 26] = crc(moved[at:end], 0x04C11DB7, 32)[::-1]
    return bytes(moved)
