"""SEANet (Tagliasacchi et al. 2020) as EnCodec has it, with the additions of the Ambisonizer.

Maps are (batch, time, channels): that is how the kernels of CPUs want them. Names of modules and
parameters are those of released checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["ChannelAttention", "Decoder", "Encoder", "fold_weight_norm"]

EDGE_KERNEL = 7  # of the first and the last convolution
BLOCK_KERNEL = 3  # of residual blocks


class Kernel(nn.Module):
    """Bias and weight of a convolution, the weight as length and direction per entry of axis 0.

    Parameters
    ----------
    shape : tuple of int
        Of the weight: outputs, inputs and width; a transposed convolution has inputs first.
    outputs : int
        Channels.
    """

    weight: nn.Parameter

    def __init__(self, shape: tuple[int, int, int], outputs: int) -> None:
        super().__init__()
        bound = (shape[1] * shape[2]) ** -0.5  # as torch draws weights of convolutions
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-bound, bound))
        direction = torch.empty(shape).uniform_(-bound, bound)
        self.weight_g = nn.Parameter(_lengths(direction))
        self.weight_v = nn.Parameter(direction)
        self._folded = False

    def forward(self) -> tuple[Tensor, Tensor]:
        """Weight, its channels side by side in memory, and bias."""
        if self._folded:
            return self.weight, self.bias
        weight = self.weight_v * (self.weight_g / _lengths(self.weight_v))
        return weight.transpose(1, 2).contiguous().transpose(1, 2), self.bias

    def fold(self) -> None:
        """Keep the weight itself, for inference."""
        if not self._folded:
            with torch.no_grad():
                self.weight = nn.Parameter(self()[0], requires_grad=False)
            self.bias.requires_grad_(False)
            del self.weight_g, self.weight_v
            self._folded = True


def _lengths(weight: Tensor) -> Tensor:
    return torch.linalg.vector_norm(weight, dim=(1, 2), keepdim=True)


def fold_weight_norm(network: nn.Module) -> None:
    """Compute the weights of all convolutions once: they can no longer be trained."""
    for module in network.modules():
        if isinstance(module, Kernel):
            module.fold()


class Convolution(nn.Module):
    """Convolution to ceil(time / stride) samples, the map mirrored at both of its ends.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    width : int
        Samples that it sees.
    stride : int
        Samples from one output to the next, at most ``width``.
    """

    def __init__(self, inputs: int, outputs: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.width, self.stride = width, stride
        # Nested as in released checkpoints, here and below.
        self.conv = nn.ModuleDict({"conv": Kernel((outputs, inputs, width), outputs)})

    def kernel(self) -> tuple[Tensor, Tensor]:
        """Weight (outputs, inputs, width) and bias."""
        return self.conv["conv"]()

    def forward(self, maps: Tensor) -> Tensor:
        """Convolve."""
        weight, bias = self.kernel()
        time, stride = maps.shape[1], self.stride
        count = -(-time // stride)
        right = (self.width - stride) // 2
        left = self.width - stride - right
        right += count * stride - time
        if right > left or time < 2 * self.width:
            return _convolved(_mirrored(maps, left, right), weight, bias, stride)
        # A mirrored copy of the map would cost more than the convolution: put zeros around it,
        # then compute the few outputs that saw them anew.
        made = _convolved(maps, weight, bias, stride, padding=left)
        first, last = -(-left // stride), -(-right // stride)
        seen = _mirrored(maps[:, : (first - 1) * stride - left + self.width], left, 0)
        made[:, :first] = _convolved(seen, weight, bias, stride)
        if last:
            seen = _mirrored(maps[:, (count - last) * stride - left :], 0, right)
            made[:, count - last : count] = _convolved(seen, weight, bias, stride)
        return made[:, :count]


def _convolved(maps: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int = 0) -> Tensor:
    """Convolution in two dimensions, one of size 1: torch's kernels for one want time last."""
    made = functional.conv2d(
        maps.transpose(1, 2)[:, :, None], weight[:, :, None], bias, (1, stride), (0, padding)
    )
    return made[:, :, 0].transpose(1, 2)


def _mirrored(maps: Tensor, left: int, right: int) -> Tensor:
    """``maps`` with so many more samples at its ends, mirrored at the first and the last one.

    Where there are not enough to mirror, zeros are put behind them first, and as many samples
    taken off the end again.
    """
    time = maps.shape[1]
    maps = functional.pad(maps, (0, 0, 0, max(0, max(left, right) + 1 - time)))
    ends = maps[:, 1 : left + 1].flip(1), maps[:, maps.shape[1] - right - 1 : -1].flip(1)
    return torch.cat([ends[0], maps, ends[1]], 1)[:, : left + time + right]


class TransposedConvolution(nn.Module):
    """Transposed convolution to time * stride samples.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    stride : int
        Samples from the output of one input to that of the next; each has twice as many.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.convtr = nn.ModuleDict({"convtr": Kernel((inputs, outputs, 2 * stride), outputs)})

    def forward(self, maps: Tensor) -> Tensor:
        """Convolve."""
        weight, bias = self.convtr["convtr"]()
        right = self.stride // 2
        left = self.stride - right  # of the result, which are taken off
        made = functional.conv_transpose2d(
            maps.transpose(1, 2)[:, :, None],
            weight[:, :, None],
            bias,
            (1, self.stride),
            (0, left),
            (0, left - right),
        )
        return made[:, :, 0].transpose(1, 2)


class ResidualBlock(nn.Module):
    """Two convolutions beside a third one of width 1.

    Parameters
    ----------
    channels : int
        In and out; half of them between the two.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block = nn.ModuleDict(
            {
                "1": Convolution(channels, channels // 2, BLOCK_KERNEL),
                "3": Convolution(channels // 2, channels, 1),
            }
        )
        self.shortcut = Convolution(channels, channels, 1)

    def forward(self, maps: Tensor, spare: bool = False) -> Tensor:
        """Add both ways; ``spare`` maps may be written over."""
        # Of width 1 are the shortcut and the last: products of matrices, summed in place.
        last: Any = self.block["3"]
        (weight, bias), (last_weight, last_bias) = self.shortcut.kernel(), last.kernel()
        made = functional.linear(maps, weight[:, :, 0], bias + last_bias)
        spare = spare and not torch.is_grad_enabled()
        hidden = functional.elu_(self.block["1"](functional.elu(maps, inplace=spare)))
        # Autocast, which casts weights elsewhere, leaves what is done in place alone.
        last_weight = last_weight[:, :, 0].to(made.dtype)
        made.view(-1, made.shape[2]).addmm_(hidden.flatten(0, 1), last_weight.T)
        return made


class Recurrence(nn.Module):
    """LSTM whose input is added to what it makes.

    Parameters
    ----------
    channels : int
        In and out.
    layers : int
        Of the LSTM.
    """

    def __init__(self, channels: int, layers: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(channels, channels, layers, batch_first=True)

    def forward(self, maps: Tensor) -> Tensor:
        """Go through time, forwards."""
        return self.lstm(maps)[0] + maps


class ChannelAttention(nn.Module):
    """Gains of channels by their means over all time (Hu et al. 2018, squeeze and excitation).

    Parameters
    ----------
    channels : int
        In and out.
    reduction : int
        Channels for each value in the middle.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        middle = channels // reduction
        self.fc = nn.ModuleList(
            [nn.Linear(channels, middle), nn.ReLU(), nn.Linear(middle, channels), nn.Sigmoid()]
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Scale."""
        gains = maps.mean(1, keepdim=True)
        for layer in self.fc:
            gains = layer(gains)
        return maps.mul_(gains)


class Encoder(nn.Module):
    """Audio to a latent of a frame for each product of ``ratios`` samples.

    Parameters
    ----------
    channels : int
        Of the audio.
    outputs : int
        Of the latent.
    filters : int
        Channels of the first map; each stage doubles them.
    ratios : sequence of int
        Strides, those of the `Decoder`: the last comes first.
    lstm_layers : int
        Of the recurrence.
    """

    def __init__(
        self, channels: int, outputs: int, filters: int, ratios: Sequence[int], lstm_layers: int
    ) -> None:
        super().__init__()
        model: list[nn.Module] = [Convolution(channels, filters, EDGE_KERNEL)]
        for ratio in reversed(ratios):
            model += [
                ResidualBlock(filters),
                nn.ELU(inplace=True),
                Convolution(filters, 2 * filters, 2 * ratio, ratio),
            ]
            filters *= 2
        model += [
            Recurrence(filters, lstm_layers),
            nn.ELU(inplace=True),
            Convolution(filters, outputs, EDGE_KERNEL),
        ]
        self.model = nn.ModuleList(model)

    def forward(self, audio: Tensor, skips: list[Tensor] | None = None) -> Tensor:
        """Latent (batch, frames, outputs) of audio (batch, samples, channels).

        The map before each residual block is added to ``skips``.
        """
        maps = audio
        for layer in self.model:
            if isinstance(layer, ResidualBlock):
                if skips is not None:
                    skips.append(maps)
                maps = layer(maps, spare=skips is None)
            else:
                maps = layer(maps)
        return maps


class Decoder(nn.Module):
    """Latent to audio, with the maps of an encoder of audio added on the way.

    Parameters
    ----------
    inputs : int
        Channels of the latent.
    channels : int
        Of the audio.
    filters : int
        Channels of the last map; each stage before it has twice as many.
    ratios : sequence of int
        Strides.
    lstm_layers : int
        Of the recurrence.
    reduction : int
        Of the `ChannelAttention` of each stage.
    """

    def __init__(
        self,
        inputs: int,
        channels: int,
        filters: int,
        ratios: Sequence[int],
        lstm_layers: int,
        reduction: int,
    ) -> None:
        super().__init__()
        filters <<= len(ratios)
        model: list[nn.Module] = [
            Convolution(inputs, filters, EDGE_KERNEL),
            Recurrence(filters, lstm_layers),
        ]
        for ratio in ratios:
            model += [
                nn.ELU(inplace=True),
                TransposedConvolution(filters, filters // 2, ratio),
                ResidualBlock(filters // 2),
                ChannelAttention(filters // 2, reduction),
            ]
            filters //= 2
        model += [nn.ELU(inplace=True), Convolution(filters, channels, EDGE_KERNEL)]
        self.model = nn.ModuleList(model)

    def forward(self, latent: Tensor, skips: list[Tensor]) -> Tensor:
        """Audio (batch, samples, channels): whole frames of it.

        Each transposed convolution takes a map from the end of ``skips`` and adds it to its own,
        cut, or followed by zeros, to its length.
        """
        maps = latent
        for layer in self.model:
            maps = layer(maps, spare=True) if isinstance(layer, ResidualBlock) else layer(maps)
            if isinstance(layer, TransposedConvolution):
                skip = skips.pop()[:, : maps.shape[1]]
                maps[:, : skip.shape[1]] += skip
        return maps
