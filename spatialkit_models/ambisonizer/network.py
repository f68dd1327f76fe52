"""The Ambisonizer's own network: mono or stereo to first-order Ambisonics on a specified stage.

Signals are the horizontal part of AmbiX: W, Y (left), X (front), SN3D. Stereo is interpreted as the
natural pair L = W + Y, R = W - Y, from which W and Y follow exactly. X is estimated. For a single
source, |X|^2 = |W|^2 - |Y|^2; the sign of X (front or rear) cannot be inferred from stereo. The
stage specifies it for each of four stems, which the network separates.

The published network [1]_ is `spatialkit_models.ambisonizer.published`.

References
----------
.. [1] Y. Zang, Y. Wang and M. Lee, "Ambisonizer: neural upmixing as spherical harmonics
   generation", 2024, arXiv 2405.13428.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spatialkit_models.ambisonizer.config import AmbisonizerConfig
from spatialkit_models.losses import SILENCE
from spatialkit_models.modules import (
    STFT,
    Covariance,
    GroupedLinear,
    StemMasks,
    concatenate,
    power,
)
from spatialkit_models.modules.wiener_filters import (
    apply_filters,
    filtered_power,
    multichannel_filters,
    stem_covariances,
)
from spatialkit_models.stem_names import N_STEMS

__all__ = ["Ambisonizer", "add_residual"]

# Gains from W and Y to left and right.
LEFT_RIGHT = ((1.0, 1.0), (1.0, -1.0))
# Initial logits: X starts as three quarters of the X of a single source, and nothing else.
INITIAL_KEPT, INITIAL_ADDED = 1.1, -3.0
# Neighbouring frames and bands over which W and Y are correlated, to each side.
NEAR_FRAMES, NEAR_BANDS = 4, 3
# Largest gain of ambience, reached where Y is louder than W.
MAX_AMBIENCE = 1.0
TINY = 1e-12
# Minimum power ratio under a square root, whose gradient at 0 is infinite.
MIN_RATIO = 1e-6


class Ambisonizer(nn.Module):
    """Network that estimates X from W and Y on a stage, or Y and X from W alone.

    The bins of the spectrum are summed to bands. In each band the network estimates the mask of
    each of four stems, and real gains that produce the stem's X from W, from Y and from the
    residual of W after Y in each bin. The stage weights the sum over stems, so that one network
    serves all stages. The output for W and -Y, the mirror image, is exactly the same: both inputs
    are evaluated and averaged.

    Parameters
    ----------
    config : AmbisonizerConfig
        Shape of the network.
    """

    left_right: Tensor

    def __init__(self, config: AmbisonizerConfig) -> None:
        super().__init__()
        self.config = config
        self.stft = STFT(config.masks.n_fft, config.masks.hop_length)
        self.masks = StemMasks(config.masks)
        self.resolution = self.masks.resolution
        groups, features = self.masks.decide.weight.shape[:2]
        # The name is a key of stored weights.
        self.turn = GroupedLinear(groups, features, 4 * N_STEMS * config.masks.bands_per_group, 0.1)
        with torch.no_grad():
            bias = self.turn.bias.unflatten(1, (4, -1))
            bias[:, 0], bias[:, 1] = INITIAL_KEPT, INITIAL_ADDED
        self.register_buffer("left_right", torch.tensor(LEFT_RIGHT), persistent=False)

    # Public methods.

    def forward(self, pair: Tensor, stage: Tensor, masks: Tensor | None = None) -> Tensor:
        """Estimate X from W and Y on a stage.

        Parameters
        ----------
        pair : Tensor of complex, shape (batch, time, 2, bins)
            Spectrum of W and Y.
        stage : Tensor, shape (batch, stems)
            Position of vocals, drums, bass and other, from -1 (rear) to 1 (front).
        masks : Tensor, shape (batch, time, stems, bands), optional
            Masks of the stems that replace those of the network.

        Returns
        -------
        Tensor of complex, shape (batch, time, bins)
        """
        _, gains = self.gains(Covariance.of(pair, self.resolution), masks)
        weighted = (gains * stage[:, None, None, :, None]).sum(3)
        # Smoothing over three frames steadies the stereo image and costs 0.05 dB of error.
        before, after = (
            torch.cat(x, 1) for x in ((weighted[:, :1], weighted), (weighted, weighted[:, -1:]))
        )
        smooth = 0.25 * before[:, :-1] + 0.5 * weighted + 0.25 * after[:, 1:]
        return apply_filters(smooth[:, :, None], add_residual(pair), self.resolution)[:, :, 0]

    def place(self, mono: Tensor, gains: Tensor, masks: Tensor | None = None) -> Tensor:
        """Pan the stems of mono: compute Y and X from W.

        Parameters
        ----------
        mono : Tensor of complex, shape (batch, time, 2, bins)
            Spectrum of W and of its decorrelated copy, which makes stems wide.
        gains : Tensor, shape (batch, stems, 3)
            Gains of each stem in Y and in X, and of its decorrelated copy in Y.
        masks : Tensor, shape (batch, time, stems, bands), optional
            Masks of the stems that replace those of the network.

        Returns
        -------
        Tensor of complex, shape (batch, time, 3, bins)
            W unchanged, Y and X.
        """
        if masks is None:
            centred = mono * mono.new_tensor([1.0, 0.0])[:, None]
            logits, _ = self.gains(Covariance.of(centred, self.resolution))
            masks = logits.softmax(2)
        y, x, width = (gains.transpose(1, 2)[:, None] @ masks).unbind(2)
        filters = torch.stack([torch.stack([y, width], 2), torch.stack([x, 0.0 * x], 2)], 2)
        sides = apply_filters(filters, mono, self.resolution)
        return torch.cat([mono[:, :, :1], sides], 2)

    def ambience(self, pair: Tensor, decorrelated: Tensor) -> Tensor:
        """Compute X of ambience: as loud as the part of Y that is uncorrelated with W.

        Parameters
        ----------
        pair : Tensor of complex, shape (batch, time, 2, bins)
            Spectrum of W and Y.
        decorrelated : Tensor of complex, shape (batch, time, bins)
            Spectrum of the decorrelated copy of W.

        Returns
        -------
        Tensor of complex, shape (batch, time, bins)
        """
        products = Covariance.of(pair, self.resolution).products
        # Uncorrelated signals have a product of 0 on average only: over nearby bands and frames.
        batch, time, kinds, bands = products.shape
        means = nn.functional.avg_pool2d(
            products.transpose(1, 2).reshape(batch * kinds, 1, time, bands),
            (2 * NEAR_FRAMES + 1, 2 * NEAR_BANDS + 1),
            1,
            (NEAR_FRAMES, NEAR_BANDS),
            count_include_pad=False,
        )
        w, both, y = means.reshape(batch, kinds, time, bands).unbind(1)
        uncorrelated = (y - both.square() / (w + TINY)).clamp_min(0.0)
        gain = (uncorrelated / (w + TINY)).sqrt().clamp_max(MAX_AMBIENCE)
        filters = gain[:, :, None, None]
        return apply_filters(filters, decorrelated[:, :, None], self.resolution)[:, :, 0]

    # Stages of these, used by the loss as well.

    def gains(self, pair: Covariance, masks: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Estimate masks and gains of the stems.

        Parameters
        ----------
        pair : Covariance
            Covariance of W and Y.
        masks : Tensor, shape (batch, time, stems, bands), optional
            Masks of the stems that replace those of the network.

        Returns
        -------
        logits : Tensor, shape (batch, time, stems, bands)
            Logits of the masks.
        gains : Tensor, shape (batch, time, 3, stems, bands)
            Gains of W, Y and the residual (see `add_residual`) in the X of each stem.
        """
        stereo = self.to_left_right(pair)
        if not self.training:  # both mirror images, only one of them in training
            stereo = concatenate(stereo, Covariance(stereo.products.flip(2), 2))
        groups = self.masks.describe_groups(stereo)
        logits = self.masks.logits(groups).float()
        values = self.masks.per_band(self.turn(groups)).float()
        if not self.training:
            logits, values = (each.unflatten(0, (2, -1)).mean(0) for each in (logits, values))
        kept, added, across, per_bin = values.unflatten(2, (4, N_STEMS)).unbind(2)
        kept, per_bin = kept.sigmoid(), per_bin.sigmoid()
        if masks is None:
            masks = logits.softmax(2)
        filters, powers = self._extract(masks, pair)
        ratio = 1.0 - powers[:, :, :, 1] / (powers[:, :, :, 0] + SILENCE)
        residual = ratio.clamp_min(MIN_RATIO).sqrt()
        # A stem's X is the residual of its extracted W, or its part of the residual of each bin.
        front = kept * (1.0 - per_bin) * residual + added.sigmoid() * (1.0 - residual)
        w, both, y = pair.products[:, :, :, None].unbind(2)
        # An odd function of Y, so that the mirror image has the same X.
        odd = masks * across.tanh() * (2.0 * both / (w + y + TINY))
        from_w, from_y = filters[:, :, :, 0].unbind(3)
        gains = [front * from_w, front * from_y + odd, masks * kept * per_bin]
        return logits, torch.stack(gains, 2)

    def _extract(self, masks: Tensor, pair: Covariance) -> tuple[Tensor, Tensor]:
        """Return the extraction filters of W and Y of each stem, and the extracted powers."""
        for number in range(self.config.iterations):
            filters = multichannel_filters(masks, stem_covariances(pair, masks))
            powers = torch.stack([filtered_power(x, pair) for x in filters.unbind(3)], 3)
            powers = powers.clamp_min(0.0)
            if number < self.config.iterations - 1:
                total = powers.sum(3)
                masks = (masks * total / (total.sum(2, keepdim=True) + SILENCE) + TINY).sqrt()
                masks = masks / masks.sum(2, keepdim=True)
        return filters, powers

    def to_left_right(self, pair: Covariance) -> Covariance:
        """Convert the covariance of W and Y to that of left and right."""
        return pair.mixed(self.left_right.expand(len(pair.products), -1, -1))


def add_residual(pair: Tensor) -> Tensor:
    """Append the residual of W after Y in each bin: the X of a plane wave from the front.

    Its magnitude is sqrt(|W|^2 - |Y|^2), its phase that of W.
    """
    w, y = (power(channel) for channel in pair.unbind(2))
    ratio = (1.0 - y / (w + TINY)).clamp_min(0.0).sqrt()
    return torch.cat([pair, (pair[:, :, 0] * ratio)[:, :, None]], 2)
