"""Training step of the networks of the papers on one example: CPU time, on one thread.

The time is that of a quarter of an example, times four: both networks are nearly linear in time.
The audio is noise; data preparation is not included.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from benchmarks.harness import Row

STEPS = 3
PART = 4


def rows() -> list[Row]:
    try:
        import torch
    except ImportError:
        return []
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return [_row("style-vae, paper", *_paper()), _row("ambisonizer, published", *_published())]


def _paper() -> tuple[Any, dict[str, Any]]:
    import torch

    from spatialkit_models.style_vae import RECIPES, PaperLoss
    from spatialkit_models.training import new_network

    recipe = RECIPES["paper"]
    samples = round(recipe.scenes.seconds * recipe.network.sample_rate) // PART
    stems = 0.1 * torch.randn(1, 4, samples)
    gains = torch.rand(1, 4, 5)
    batch = {"stems": stems, "style_stems": stems, "gains": gains, "style_gains": gains}
    batch["seed_gains"] = torch.rand(1, 4, 2)
    return PaperLoss(new_network(recipe), recipe.loss), batch


def _published() -> tuple[Any, dict[str, Any]]:
    import torch

    from spatialkit_models.ambisonizer import RECIPES
    from spatialkit_models.ambisonizer.published import PublishedLoss
    from spatialkit_models.training import new_network

    recipe = RECIPES["published"]
    samples = round(recipe.scenes.seconds * recipe.network.sample_rate) // PART
    batch = {name: 0.1 * torch.randn(1, 2, samples) for name in ("stereo", "sides")}
    return PublishedLoss(new_network(recipe), recipe.loss), batch


def _row(name: str, loss: Any, batch: dict[str, Any]) -> Row:
    import torch

    optimizer = torch.optim.AdamW(loss.parameters(), lr=1e-5)
    times = []
    for _ in range(STEPS + 1):  # the first allocates memory
        start = time.process_time()
        optimizer.zero_grad()
        loss.train()(batch, 0.5)[0].backward()
        optimizer.step()
        times.append(time.process_time() - start)
    weights = sum(weight.numel() for weight in loss.parameters())
    task = f"training step, one example, {weights / 1e6:.1f} million weights, one thread"
    return Row(task, name, PART * statistics.median(times[1:]), "s")
