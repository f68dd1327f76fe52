"""
Train the style-transfer VAE
============================

Train a small model on stems for a minute and upmix with it::

    pip install '.[train]'
    python examples/10_train_on_stems.py [STEMS [OUT]] [--minutes 1]

STEMS is a folder with one folder per song that contains vocals, drums, bass and other (.wav, .flac
or .ogg), such as MUSDB18-HQ or the output of 07_render_midi_stems.py. The default "procedural"
generates songs. The run is written to OUT (default: demo-output/run); after an interruption the
same command resumes it.

After a minute the model starts to distinguish the instruments; an untrained one has an angle error
of 90 degrees. ``spatialkit train style-vae`` trains the full model in the same way.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

import spatialkit
from spatialkit_models.modules import MaskConfig
from spatialkit_models.style_vae import RECIPES, FastConfig, style_task
from spatialkit_models.training import train

# A sixth of the bundled model at half its sample rate, for one minute on a CPU.
SMALL = FastConfig(
    MaskConfig(
        sample_rate=22050,
        n_fft=2048,
        hop_length=512,
        regions=((256, 1), (128, 2), (64, 4)),
        group_features=12,
        width=96,
        dilations=(1, 2, 4),
    ),
    latent_size=16,
    hidden=64,
)
BASE = RECIPES["fast"]
RECIPE = replace(
    BASE,
    network=SMALL,
    scenes=replace(BASE.scenes, seconds=2.0),
    loss=replace(BASE.loss, frames=48),
).with_training(batch_size=4, learning_rate=1e-2, ema=0.95)
VALIDATION_SCENES = 8  # few: a validation takes seconds of the training time
DIRECTIONS = {"vocals": 0.0, "drums": 110.0, "bass": -30.0, "other": -110.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("stems", nargs="?", default="procedural")
    parser.add_argument("out", nargs="?", type=Path, default=Path("demo-output/run"))
    parser.add_argument("--minutes", type=float, default=1.0)
    options = parser.parse_args()

    print(f"preparing scenes from {options.stems}", flush=True)
    recipe = RECIPE.with_training(minutes=options.minutes)
    task = style_task(recipe, [(options.stems, 1.0)])
    task.validation = {name: array[:VALIDATION_SCENES] for name, array in task.validation.items()}
    count = sum(parameter.numel() for parameter in task.network.parameters())
    print(f"{count} parameters, {options.minutes:g} min, validated on held-out songs", flush=True)
    result = train(task, options.out, resume=True)
    snr, angle = result.best["snr"], result.best["angle"]
    print(f"kept step {result.best_step} of {result.step}: SNR {snr:.1f} dB, ", end="")
    print(f"angle error {angle:.0f} degrees")

    # Use the trained weights by file name.
    upmixer = spatialkit.get_upmixer(
        "style-vae", weights=options.out / "best.safetensors", style=DIRECTIONS
    )
    song = spatialkit.read(spatialkit.sample_path())
    excerpt = slice(16 * song.sample_rate, 24 * song.sample_rate)
    upmix = upmixer.upmix(song.samples[:, excerpt], song.sample_rate)
    path = options.out / "francium.wav"
    spatialkit.write(path, upmix, song.sample_rate, format="5.0", overwrite=True)

    # Measure the direction of each stem in the upmix.
    stems = [spatialkit.read(spatialkit.sample_path(name)).samples.mean(0) for name in DIRECTIONS]
    stems = np.stack(stems)[:, excerpt]
    errors = spatialkit.metrics.angle_error(stems, upmix, list(DIRECTIONS.values()), "5.0")
    for stem, specified, error in zip(DIRECTIONS, DIRECTIONS.values(), errors):
        print(f"  {stem:7} specified {specified:4.0f} degrees, error {error:3.0f} degrees")
    print(f"written: {path}")


if __name__ == "__main__":
    main()
