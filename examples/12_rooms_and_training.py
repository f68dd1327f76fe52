"""
Simulate rooms and train the Ambisonizer
========================================

Simulate room responses, train a small Ambisonizer with them for a minute and upmix with it::

    pip install '.[train]'
    python examples/12_rooms_and_training.py [STEMS [OUT]] [--minutes 1]

STEMS is a folder with one folder per song that contains vocals, drums, bass and other (.wav, .flac
or .ogg), such as MUSDB18-HQ or the output of 07_render_midi_stems.py. The default "procedural"
generates songs. Rooms and run are written to OUT (default: demo-output/ambisonizer); after an
interruption the same command resumes both.

After a minute the model starts to distinguish the instruments. ``spatialkit rooms`` and
``spatialkit train ambisonizer`` do the same with more rooms, more time and the full model.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

import spatialkit
from spatialkit import metrics
from spatialkit.commands import main as run_command
from spatialkit_models.ambisonizer import RECIPES, AmbisonizerConfig, ambisonizer_task
from spatialkit_models.data.rooms import direct_direction, find_rooms, reverberation_time
from spatialkit_models.data.scenes import residual_x
from spatialkit_models.modules import MaskConfig
from spatialkit_models.training import train

RATE = 22050
# A fifth of the bundled model at half its sample rate, for one minute on a CPU.
SMALL = AmbisonizerConfig(
    MaskConfig(
        sample_rate=RATE,
        n_fft=2048,
        hop_length=512,
        regions=((256, 1), (128, 2), (64, 4)),
        group_features=12,
        width=96,
        dilations=(1, 2, 4),
    ),
)
BASE = RECIPES["stage"]
RECIPE = replace(
    BASE,
    network=SMALL,
    scenes=replace(BASE.scenes, seconds=2.0),
    loss=replace(BASE.loss, frames=48),
).with_training(batch_size=4, learning_rate=1e-2, ema=0.95)
ROOMS = ["--count", "6", "--directions", "4", "--rt60", "0.2", "0.5", "--sample-rate", f"{RATE}"]
VALIDATION_SCENES = 8  # few: a validation takes seconds of the training time
STAGE = {"vocals": 1.0, "drums": 1.0, "bass": 1.0, "other": -1.0}


def describe(folder: Path) -> None:
    """Print the measured reverberation time and source directions of each room."""
    for room in find_rooms(folder):
        responses = [response.read(RATE) for response in room.responses]
        seconds = np.mean([reverberation_time(response[0], RATE) for response in responses])
        azimuths = [direct_direction(response, RATE)[0] for response in responses]
        print(f"  {room.name}: RT60 {seconds:.2f} s, sources at", end="")
        print("".join(f"{azimuth:6.0f}" for azimuth in azimuths), "degrees")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("stems", nargs="?", default="procedural")
    parser.add_argument("out", nargs="?", type=Path, default=Path("demo-output/ambisonizer"))
    parser.add_argument("--minutes", type=float, default=1.0)
    options = parser.parse_args()

    rooms, run = options.out / "rooms", options.out / "run"
    status = run_command(["rooms", "--out", str(rooms), *ROOMS])
    if status:
        raise SystemExit(status)
    describe(rooms)

    print(f"preparing scenes from {options.stems}", flush=True)
    recipe = RECIPE.with_training(minutes=options.minutes)
    task = ambisonizer_task(recipe, [(options.stems, 1.0)], [rooms])
    task.validation = {name: array[:VALIDATION_SCENES] for name, array in task.validation.items()}
    count = sum(parameter.numel() for parameter in task.network.parameters())
    print(f"{count} parameters, {options.minutes:g} min, validated on held-out songs", flush=True)
    result = train(task, run, resume=True)
    snr, level = result.best["snr"], result.best["level"]
    print(f"kept step {result.best_step} of {result.step}: X {snr:.1f} dB, level {level:+.1f} dB")

    # Use the trained weights by file name.
    song = spatialkit.read(spatialkit.sample_path())
    rate, excerpt = song.sample_rate, slice(16 * song.sample_rate, 24 * song.sample_rate)
    upmixers = {
        "trained here": spatialkit.get_upmixer(
            "ambisonizer", weights=run / "best.safetensors", stage=STAGE
        ),
        "bundled weights": spatialkit.get_upmixer("ambisonizer", stage=STAGE),
        "foa-residual (no network)": spatialkit.get_upmixer("foa-residual"),
    }
    upmixes = {name: one.upmix(song.samples[:, excerpt], rate) for name, one in upmixers.items()}
    path = options.out / "francium.wav"
    spatialkit.write(path, upmixes["trained here"], rate, format="foa", overwrite=True)

    # Compare X with the X of the true stems, and fit the gain of each stem in it.
    stems = [spatialkit.read(spatialkit.sample_path(name)).samples for name in STAGE]
    left, right = np.stack(stems)[..., excerpt].swapaxes(0, 1)
    frontal = residual_x(np.stack([left + right, left - right], axis=1) / 2)
    target = np.array([*STAGE.values()], np.float32) @ frontal
    print("X of a song:              SNR, dB" + "".join(f"{stem:>8}" for stem in STAGE))
    print(f"  {'specified':33}" + "".join(f"{value:8.1f}" for value in STAGE.values()))
    for name, upmix in upmixes.items():
        snr = float(metrics.snr(target[None], upmix[3:]))
        gains = np.linalg.lstsq(frontal.T, upmix[3], rcond=None)[0]
        print(f"  {name:26}{snr:7.1f}" + "".join(f"{value:8.1f}" for value in gains))
    print(f"written: {path}")


if __name__ == "__main__":
    main()
