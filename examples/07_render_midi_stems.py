"""
Render MIDI files to stems
==========================

Make training data: folders of stems, rendered from MIDI files with a SoundFont::

    pip install tinysoundfont
    python examples/07_render_midi_stems.py MIDI_FOLDER stems/train --soundfont general.sf2

Each piece is written to OUT/<piece>/{vocals,drums,bass,other}.flac: stereo, 44.1 kHz, equal length,
one common gain so that the peak of the sum stays below -1 dBFS. Existing folders are skipped.
Several SoundFonts (repeat ``--soundfont``) and other seeds (``--seed 1``, into another folder, e.g.
stems-1/train) vary the instruments. Pieces with the same name count as one song in all folders.

Drums are MIDI channel 10. Bass is the channel with a General MIDI bass program, otherwise the
lowest line. The most song-like line is rendered with a choir or voice program and serves as vocals;
there are no words. All other channels are "other".
"""

import argparse
import random
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

import spatialkit

STEMS = ("vocals", "drums", "bass", "other")
RATE = 44100
DRUM_CHANNEL = 9
BASSES = range(32, 40)
VOICES = (52, 53, 54, 85, 91)
KITS = (0, 8, 16, 24, 25, 32, 40)
# Likelihood that a program plays the melody: voices and leads; then strings, winds and guitars.
MELODY_LIKELIHOOD = {
    **dict.fromkeys((*range(52, 55), *range(80, 88)), 0.8),
    **dict.fromkeys(range(56, 80), 0.6),
}


def read_notes(events):
    """Return the notes (start, end, key) and the most used program of each channel."""
    from tinysoundfont import midi

    notes, programs, current, active = defaultdict(list), defaultdict(Counter), {}, {}
    for event in events:
        channel, action = event.channel, event.action
        if isinstance(action, midi.ProgramChange):
            current[channel] = action.program
        elif isinstance(action, midi.NoteOn | midi.NoteOff):
            start = active.pop((channel, action.key), None)
            if start is not None and event.t > start:
                notes[channel].append((start, event.t, action.key))
            if isinstance(action, midi.NoteOn) and action.velocity:
                active[channel, action.key] = event.t
                programs[channel][current.get(channel, 0)] += 1
    return notes, {channel: programs[channel].most_common(1)[0][0] for channel in notes}


def melody_score(notes, program, duration):
    """Rate how much a line resembles a sung melody: monophonic, mostly active, in vocal range."""
    starts, ends, keys = np.array(notes).T
    times = np.linspace(0, duration, 2000)
    at_once = np.searchsorted(np.sort(starts), times) - np.searchsorted(np.sort(ends), times)
    share, together = np.mean(at_once > 0), at_once[at_once > 0].mean() if at_once.any() else 9
    if len(notes) < 12 or share < 0.05 or together > 2:
        return 0.0
    away = max(0, 55 - keys.mean(), keys.mean() - 86) / 12
    return 2 * share + 1.5 * max(0, 2 - together) - away + MELODY_LIKELIHOOD.get(program, 0)


def assign(notes, programs):
    """Return the channels of each stem."""
    duration = max(end for line in notes.values() for _, end, _ in line)
    stems = {stem: [] for stem in STEMS}
    stems["drums"] = [channel for channel in notes if channel == DRUM_CHANNEL]
    rest = [channel for channel in notes if channel != DRUM_CHANNEL]
    stems["bass"] = [channel for channel in rest if programs[channel] in BASSES]
    if not stems["bass"] and len(rest) > 1:
        heights = {channel: np.mean([key for *_, key in notes[channel]]) for channel in rest}
        lowest = min(rest, key=heights.get)
        stems["bass"] = [lowest] if heights[lowest] < 52 else []
    rest = [channel for channel in rest if channel not in stems["bass"]]
    scores = {
        channel: melody_score(notes[channel], programs[channel], duration) for channel in rest
    }
    if rest and max(scores.values()) > 1.5:
        stems["vocals"] = [max(rest, key=scores.get)]
    stems["other"] = [channel for channel in rest if channel not in stems["vocals"]]
    return stems


def choose_program(stem, program, variation, rng):
    """Choose the program of a channel: that of the file, or at random one of the same family."""
    if stem == "vocals":
        return rng.choice(VOICES)
    if rng.random() >= variation:
        return program
    return rng.choice(KITS) if stem == "drums" else program // 8 * 8 + rng.randrange(8)


def play(synth, font, events, programs, shift, seconds):
    """Render the given channels in stereo, each with one program throughout."""
    from tinysoundfont import Sequencer, midi

    def is_unwanted(event):
        # Programs and banks of the file are replaced; notes may be transposed by octaves.
        action = event.action
        if isinstance(action, midi.NoteOn | midi.NoteOff):
            action.key = min(127, max(0, action.key + shift))
        return (
            event.channel not in programs
            or isinstance(action, midi.ProgramChange)
            or (isinstance(action, midi.ControlChange) and action.control in (0, 32))
        )

    for channel, program in programs.items():
        drums = channel == DRUM_CHANNEL
        try:
            synth.program_select(channel, font, 0, program, drums)
        except RuntimeError:  # small SoundFonts lack some programs
            synth.program_select(channel, font, 0, 0, drums)
        synth.control_change(channel, 121, 0)  # reset all controllers
    sequencer = Sequencer(synth)
    sequencer.midi_load(events, filter=is_unwanted, persistent=False)
    samples = np.frombuffer(synth.generate(int(seconds * RATE)), np.float32).reshape(-1, 2).T
    synth.sounds_off()
    return samples


def level(samples):
    """Return the RMS over the active frames of 0.1 s."""
    tenths = samples[:, : samples.shape[1] // 4410 * 4410].reshape(2, -1, 4410)
    power = np.mean(np.square(tenths, dtype=np.float64), axis=(0, 2))
    return np.sqrt(power[power > 1e-4 * power.max()].mean()) if power.any() else 0.0


def render(path, folder, synth, font, seed, variation):
    """Write the stems of one piece and return its length in seconds."""
    from tinysoundfont import midi

    rng = random.Random(f"{seed}:{path.stem}")
    notes, programs = read_notes(midi.load(str(path)))
    if not notes:
        raise ValueError("no notes")
    seconds = max(end for line in notes.values() for _, end, _ in line) + 2.0
    audio = {}
    for stem, channels in assign(notes, programs).items():
        chosen = {
            channel: choose_program(stem, programs[channel], variation, rng) for channel in channels
        }
        shift = 0
        if stem == "vocals" and channels:
            height = np.mean([key for *_, key in notes[channels[0]]])
            shift = 12 * round((65 - height) / 12) if not 52 <= height <= 79 else 0
        gain = 10 ** (rng.uniform(-23, -17) / 20)
        if not channels:
            audio[stem] = np.zeros((2, int(seconds * RATE)), np.float32)
            continue
        audio[stem] = play(synth, font, str(path), chosen, shift, seconds)
        audio[stem] = audio[stem] * np.float32(gain / max(level(audio[stem]), 1e-6))
    loudest = max(np.abs(samples).max() for samples in (sum(audio.values()), *audio.values()))
    common = np.float32(min(1.0, 0.89 / max(loudest, 1e-6)))
    partial = folder.with_name(f".{folder.name}.part")
    partial.mkdir(parents=True, exist_ok=True)
    for stem, samples in audio.items():
        name = partial / f"{stem}.flac"
        spatialkit.write(name, common * samples, RATE, subtype="PCM_16", overwrite=True)
    partial.rename(folder)
    return seconds


def main(arguments):
    if not arguments:
        print(__doc__)
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("midi", type=Path, help="folder of MIDI files, searched recursively")
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--soundfont", required=True, action="append", help="SoundFont file (repeatable)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--variation", type=float, default=0.5, help="probability of another program"
    )
    options = parser.parse_args(arguments)
    import tinysoundfont

    synths = {}
    for path in sorted(options.midi.rglob("*.[mM][iI][dD]*")):
        folder = options.out / path.stem
        if folder.exists():
            continue
        # The name alone selects the SoundFont: neither order nor existing folders matter.
        name = random.Random(f"{options.seed} {path.stem}").choice(options.soundfont)
        if name not in synths:
            synth = tinysoundfont.Synth(gain=-12.0, samplerate=RATE)
            synths[name] = synth, synth.sfload(name)
        try:
            seconds = render(path, folder, *synths[name], options.seed, options.variation)
            print(f"{path.stem}: {seconds:.0f} s", flush=True)
        except (RuntimeError, ValueError) as error:
            print(f"{path.stem}: skipped, {error}", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
