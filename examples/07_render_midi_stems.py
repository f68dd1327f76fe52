"""MIDI files and a SoundFont become folders of stems to train on.

    pip install tinysoundfont
    python examples/07_render_midi_stems.py MIDI_FOLDER stems/train --soundfont general.sf2

Each piece becomes OUT/<piece>/{vocals,drums,bass,other}.flac: stereo, 44.1 kHz, of one length, with
one gain for all so that their sum stays below -1 dBFS. What is there already is left alone. More
SoundFonts (--soundfont again) and other seeds (--seed 1, into another folder: stems-1/train) vary
the instruments; pieces of one name count as one song wherever they lie.

Drums are channel 10, bass is what plays GM basses (or else the lowest line), and the most song-like
line is given to a choir or voice patch: a stand-in, no singing. All the rest is "other".
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
# What carries melodies in many files: voices and leads; strings, winds and guitars less surely.
LIKELY = {
    **dict.fromkeys((*range(52, 55), *range(80, 88)), 0.8),
    **dict.fromkeys(range(56, 80), 0.6),
}


def read_notes(events):
    """Notes (start, end, key) and the most used program of each channel."""
    from tinysoundfont import midi

    notes, programs, current, sounding = defaultdict(list), defaultdict(Counter), {}, {}
    for event in events:
        place, action = event.channel, event.action
        if isinstance(action, midi.ProgramChange):
            current[place] = action.program
        elif isinstance(action, midi.NoteOn | midi.NoteOff):
            begun = sounding.pop((place, action.key), None)
            if begun is not None and event.t > begun:
                notes[place].append((begun, event.t, action.key))
            if isinstance(action, midi.NoteOn) and action.velocity:
                sounding[place, action.key] = event.t
                programs[place][current.get(place, 0)] += 1
    return notes, {place: programs[place].most_common(1)[0][0] for place in notes}


def song_likeness(notes, program, duration):
    """How much a line is like a sung melody: one note at a time, often, in a voice's range."""
    starts, ends, keys = np.array(notes).T
    times = np.linspace(0, duration, 2000)
    at_once = np.searchsorted(np.sort(starts), times) - np.searchsorted(np.sort(ends), times)
    share, together = np.mean(at_once > 0), at_once[at_once > 0].mean() if at_once.any() else 9
    if len(notes) < 12 or share < 0.05 or together > 2:
        return 0.0
    away = max(0, 55 - keys.mean(), keys.mean() - 86) / 12
    return 2 * share + 1.5 * max(0, 2 - together) - away + LIKELY.get(program, 0)


def assign(notes, programs):
    """Channels of each stem."""
    duration = max(end for line in notes.values() for _, end, _ in line)
    stems = {stem: [] for stem in STEMS}
    stems["drums"] = [place for place in notes if place == DRUM_CHANNEL]
    rest = [place for place in notes if place != DRUM_CHANNEL]
    stems["bass"] = [place for place in rest if programs[place] in BASSES]
    if not stems["bass"] and len(rest) > 1:
        heights = {place: np.mean([key for *_, key in notes[place]]) for place in rest}
        lowest = min(rest, key=heights.get)
        stems["bass"] = [lowest] if heights[lowest] < 52 else []
    rest = [place for place in rest if place not in stems["bass"]]
    scores = {place: song_likeness(notes[place], programs[place], duration) for place in rest}
    if rest and max(scores.values()) > 1.5:
        stems["vocals"] = [max(rest, key=scores.get)]
    stems["other"] = [place for place in rest if place not in stems["vocals"]]
    return stems


def choose_program(stem, program, variation, rng):
    """Program of a channel: the file's own, or by chance a relative of it."""
    if stem == "vocals":
        return rng.choice(VOICES)
    if rng.random() >= variation:
        return program
    return rng.choice(KITS) if stem == "drums" else program // 8 * 8 + rng.randrange(8)


def play(synth, font, events, programs, shift, seconds):
    """Stereo samples of some channels, each with one program throughout."""
    from tinysoundfont import Sequencer, midi

    def unwanted(event):
        # Programs and banks are ours; notes may move by octaves.
        action = event.action
        if isinstance(action, midi.NoteOn | midi.NoteOff):
            action.key = min(127, max(0, action.key + shift))
        return (
            event.channel not in programs
            or isinstance(action, midi.ProgramChange)
            or (isinstance(action, midi.ControlChange) and action.control in (0, 32))
        )

    for place, program in programs.items():
        drums = place == DRUM_CHANNEL
        try:
            synth.program_select(place, font, 0, program, drums)
        except RuntimeError:  # a small SoundFont has not all of them
            synth.program_select(place, font, 0, 0, drums)
        synth.control_change(place, 121, 0)  # all controllers as at the start
    sequencer = Sequencer(synth)
    sequencer.midi_load(events, filter=unwanted, persistent=False)
    samples = np.frombuffer(synth.generate(int(seconds * RATE)), np.float32).reshape(-1, 2).T
    synth.sounds_off()
    return samples


def level(samples):
    """RMS of the tenths of a second that sound."""
    tenths = samples[:, : samples.shape[1] // 4410 * 4410].reshape(2, -1, 4410)
    power = np.mean(np.square(tenths, dtype=np.float64), axis=(0, 2))
    return np.sqrt(power[power > 1e-4 * power.max()].mean()) if power.any() else 0.0


def render(path, folder, synth, font, seed, variation):
    """Write the stems of one piece; return its length in seconds."""
    from tinysoundfont import midi

    rng = random.Random(f"{seed}:{path.stem}")
    notes, programs = read_notes(midi.load(str(path)))
    if not notes:
        raise ValueError("no notes")
    seconds = max(end for line in notes.values() for _, end, _ in line) + 2.0
    audio = {}
    for stem, places in assign(notes, programs).items():
        chosen = {place: choose_program(stem, programs[place], variation, rng) for place in places}
        shift = 0
        if stem == "vocals" and places:
            height = np.mean([key for *_, key in notes[places[0]]])
            shift = 12 * round((65 - height) / 12) if not 52 <= height <= 79 else 0
        gain = 10 ** (rng.uniform(-23, -17) / 20)
        if not places:
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
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("midi", type=Path, help="folder of MIDI files, searched below it too")
    parser.add_argument("out", type=Path)
    parser.add_argument("--soundfont", required=True, action="append", help="may be repeated")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--variation", type=float, default=0.5, help="chance of another program")
    options = parser.parse_args(arguments)
    import tinysoundfont

    synths = {}
    for path in sorted(options.midi.rglob("*.[mM][iI][dD]*")):
        folder = options.out / path.stem
        if folder.exists():
            continue
        # Drawn by name, so that neither order nor what is there already matters.
        name = random.Random(f"{options.seed} {path.stem}").choice(options.soundfont)
        if name not in synths:
            synth = tinysoundfont.Synth(gain=-12.0, samplerate=RATE)
            synths[name] = synth, synth.sfload(name)
        try:
            seconds = render(path, folder, *synths[name], options.seed, options.variation)
            print(f"{path.stem}: {seconds:.0f} s", flush=True)
        except (RuntimeError, ValueError) as error:
            print(f"{path.stem}: left out, {error}", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
