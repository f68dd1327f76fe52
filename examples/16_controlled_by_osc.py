"""
Sources moved by another program
================================

Receive positions from a digital audio workstation or a tracking system by ADM-OSC, and pan with
them block by block. Without arguments the script sends messages to itself and writes a file to the
folder demo-output. ``python examples/16_controlled_by_osc.py --live`` plays a tone through the
sound card (extra ``live``) until Ctrl-C; then send, for example, ``/adm/obj/1/azim 90.0`` to port
4001.
"""

import socket
import struct
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import spatialkit
from spatialkit import plots
from spatialkit.realtime import PannerProcessor

RATE, BLOCK, SOURCES, PORT = 48000, 512, 2, 4001


# %%
# A message of OSC is an address, the types of its arguments and their values, each filled up to a
# multiple of 4 bytes. ADM-OSC uses the azimuth and elevation of ADM, which are those of spatialkit:
# degrees, positive to the left and up. Packets may bundle several messages.
def messages(packet):
    """Yield address and numbers of each message in a packet of OSC."""
    if packet.startswith(b"#bundle\0"):
        at = 16
        while at + 4 <= len(packet):
            size = struct.unpack_from(">i", packet, at)[0]
            yield from messages(packet[at + 4 : at + 4 + size])
            at += 4 + size
        return
    address, _, rest = packet.partition(b"\0")
    types = packet[len(address) // 4 * 4 + 4 :].partition(b"\0")[0]
    start = len(address) // 4 * 4 + 4 + len(types) // 4 * 4 + 4
    if rest and set(types[1:]) <= set(b"fi"):
        numbers = struct.unpack_from(">" + types[1:].decode(), packet, start)
        yield address.decode("ascii", "replace"), numbers


def message(address, *numbers):
    """Return a packet of OSC with one message."""
    types = "," + "f" * len(numbers)
    padded = [text.encode() + b"\0" * (4 - len(text) % 4) for text in (address, types)]
    return b"".join(padded) + struct.pack(f">{len(numbers)}f", *numbers)


NAMES = {"azim": ["azimuth"], "elev": ["elevation"], "gain": ["gain"]}
NAMES |= {"aed": ["azimuth", "elevation"], "ae": ["azimuth", "elevation"]}


class Sources:
    """Directions and gains of the sources, changed by messages."""

    def __init__(self):
        self.parameters = {
            "azimuth": np.zeros(SOURCES),
            "elevation": np.zeros(SOURCES),
            "gain": np.ones(SOURCES),
        }

    def update(self, packet):
        for address, numbers in messages(packet):
            parts = address.split("/")  # "", "adm", "obj", number, name
            if len(parts) != 5 or parts[1:3] != ["adm", "obj"] or not parts[3].isdecimal():
                continue
            source = int(parts[3]) - 1
            for name, number in zip(NAMES.get(parts[4], ()), numbers, strict=False):
                if 0 <= source < SOURCES and np.isfinite(number):
                    limit = 90.0 if name == "elevation" else np.inf
                    self.parameters[name][source] = np.clip(number, -limit, limit)


# %%
# Before each block, the packets that have arrived are read. The socket and the panner belong to the
# thread that processes audio, so that nothing has to be locked.
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
live = "--live" in sys.argv
receiver.bind(("127.0.0.1", PORT if live else 0))
receiver.setblocking(False)
sources, panner = Sources(), PannerProcessor("5.1", RATE, sources=SOURCES)
played = 0


def process(samples):
    """Return the next block of the loudspeakers."""
    global played
    try:
        while True:
            sources.update(receiver.recv(4096))
    except BlockingIOError:
        pass
    seconds = (played + np.arange(samples)) / RATE
    played += samples
    tones = 0.2 * np.sin(2.0 * np.pi * np.array([[220.0], [330.0]]) * seconds).astype(np.float32)
    return panner.process(tones.astype(np.float32), **sources.parameters)


# %%
# Live: the callback of the sound card calls ``process``; stereo devices get the downmix.
if live:
    import sounddevice

    channels = min(6, sounddevice.query_devices(kind="output")["max_output_channels"])

    def callback(out, frames, *_):
        block = process(frames)
        out[:] = (block if channels == 6 else spatialkit.downmix(block, "5.1", "stereo")).T

    with receiver, sounddevice.OutputStream(RATE, BLOCK, channels=channels, callback=callback):
        print(f"listening on port {PORT}; Ctrl-C ends")
        while True:
            time.sleep(1.0)

# %%
# Otherwise the script is both programs: one source goes around, the other rises and fades out.
folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output")
folder.mkdir(parents=True, exist_ok=True)
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
blocks = []
for number in range(4 * RATE // BLOCK):
    now = number * BLOCK / RATE
    for packet in (
        message("/adm/obj/1/azim", 90.0 * now),
        message("/adm/obj/2/aed", -110.0, 20.0 * now, 1.0),
        message("/adm/obj/2/gain", 1.0 - now / 4.0),
    ):
        sender.sendto(packet, receiver.getsockname())
    blocks.append(process(BLOCK))
sender.close()
receiver.close()
audio = np.concatenate(blocks, axis=1)
spatialkit.write(folder / "osc.wav", audio, RATE, format="5.1", overwrite=True)

levels = plots.channel_levels(audio, sample_rate=RATE, format="5.1", frame=0.1)
for label, row in zip(levels.labels, levels.level):
    print(f"{label}: loudest at {row.argmax() / 10:.1f} s, {row.max():.1f} dBFS")
figure, axes = plt.subplots(figsize=(8, 3.0), layout="constrained")
plots.plot_levels(levels, ax=axes)
figure.savefig(folder / "osc.png")
print(f"{folder}/osc.wav")
