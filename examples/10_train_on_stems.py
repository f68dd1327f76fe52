"""Train the style-transfer VAE on stems for a minute, and upmix with what it has learned.

    pip install '.[train]'
    python examples/10_train_on_stems.py [STEMS [OUT]] [--minutes 1]

STEMS holds a folder per song with vocals, drums, bass and other (.wav, .flac or .ogg), such as
MUSDB18-HQ, or what 07_render_midi_stems.py makes; "procedural", the default, are songs that are
computed. The run goes to OUT, demo-output/run by default; if it is stopped, the same command goes
on with it.

A minute shows that it begins to learn which instrument is which, no more: chance is 90 degrees
off. `spatialkit train style-vae` is the same loop, for more time and the larger model.
"""

import argparse
from pathlib import Path

import numpy as np

import spatialkit
from spatialkit_models.modules import MaskConfig
from spatialkit_models.style_vae import FastConfig, style_task
from spatialkit_models.training import TrainingConfig, train

# A sixth of the model that ships, at half its sample rate, for a processor and a minute.
SMALL = FastConfig(
    MaskConfig(
        sample_rate=22050,
        n_fft=2048,
        hop_length=512,
        regions=((256, 1), (128, 2), (64, 4)),
        band_features=12,
        width=96,
        dilations=(1, 2, 4),
    ),
    latent_size=16,
    hidden=64,
    loss_frames=48,
    seconds=2.0,
)
BATCH = 4
VALIDATED = 8  # scenes: a validation takes seconds, and counts as time of training
ASKED = {"vocals": 0.0, "drums": 110.0, "bass": -30.0, "other": -110.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("stems", nargs="?", default="procedural")
    parser.add_argument("out", nargs="?", type=Path, default=Path("demo-output/run"))
    parser.add_argument("--minutes", type=float, default=1.0)
    options = parser.parse_args()

    print(f"preparing scenes from {options.stems}", flush=True)
    task = style_task(SMALL, [(options.stems, 1.0)], batch_size=BATCH)
    task.validation = {name: array[:VALIDATED] for name, array in task.validation.items()}
    count = sum(parameter.numel() for parameter in task.model.parameters())
    print(f"{count} parameters, {options.minutes:g} min; songs held out judge them", flush=True)
    config = TrainingConfig(
        minutes=options.minutes, batch_size=BATCH, learning_rate=1e-2, warmup=20, ema=0.95
    )
    result = train(task, options.out, config, resume=True)
    snr, angle = result.best["snr"], result.best["angle"]
    print(f"kept step {result.best_step} of {result.step}: {snr:.1f} dB, {angle:.0f} degrees off")

    # Weights of your own are used as those that ship.
    upmixer = spatialkit.get_upmixer(
        "style-vae", weights=options.out / "best.safetensors", style=ASKED
    )
    song = spatialkit.read(spatialkit.sample_path())
    excerpt = slice(16 * song.sample_rate, 24 * song.sample_rate)
    upmix = upmixer.upmix(song.samples[:, excerpt], song.sample_rate)
    path = options.out / "francium.wav"
    spatialkit.write(path, upmix, song.sample_rate, format="5.0", overwrite=True)

    # Who has the stems can tell where they went.
    stems = [spatialkit.read(spatialkit.sample_path(name)).samples.mean(0) for name in ASKED]
    stems = np.stack(stems)[:, excerpt]
    errors = spatialkit.metrics.angle_error(stems, upmix, list(ASKED.values()), "5.0")
    for stem, asked, error in zip(ASKED, ASKED.values(), errors):
        print(f"  {stem:7} asked for at {asked:4.0f} degrees, {error:3.0f} degrees off")
    print(f"upmixed: {path}")


if __name__ == "__main__":
    main()
