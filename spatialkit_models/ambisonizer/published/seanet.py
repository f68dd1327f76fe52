"""SEANet (Tagliasacchi et al. 2020) as in EnCodec, with the additions of the Ambisonizer.

Feature maps are (batch, time, channels), the fastest order on CPUs. Names of modules and parameters
are those of released checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["ChannelAttention", "Decoder", "Encoder", "fold_weight_norm"]

EDGE_KERNEL = 7  # first and last convolution
BLOCK_KERNEL = 3  # residual blocks


class Kernel(nn.Module):
    """Bias and weight of a convolution, with weight normalization over axis 0.

    Parameters
    ----------
    shape : tuple of int
        Shape of the weight: outputs, inputs and width; inputs first in a transposed convolution.
    outputs : int
        Number of output channels.
    """

    weight: nn.Parameter

    def __init__(self, shape: tuple[int, int, int], outputs: int) -> None:
        super().__init__()
        bound = (shape[1] * shape[2]) ** -0.5  # as in torch.nn.Conv1d
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-bound, bound))
        direction = torch.empty(shape).uniform_(-bound, bound)
        self.weight_g = nn.Parameter(_lengths(direction))
        self.weight_v = nn.Parameter(direction)
        self._folded = False

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return the weight, with its channels contiguous in memory, and the bias."""
        if self._folded:
            return self.weight, self.bias
        weight = self.weight_v * (self.weight_g / _lengths(self.weight_v))
        return weight.transpose(1, 2).contiguous().transpose(1, 2), self.bias

    def fold(self) -> None:
        """Replace the normalized weight by its value, for inference."""
        if not self._folded:
            with torch.no_grad():
                self.weight = nn.Parameter(self()[0], requires_grad=False)
            self.bias.requires_grad_(False)
            del self.weight_g, self.weight_v
            self._folded = True


def _lengths(weight: Tensor) -> Tensor:
    return torch.linalg.vector_norm(weight, dim=(1, 2), keepdim=True)


def fold_weight_norm(network: nn.Module) -> None:
    """Fold weight normalization in all convolutions, which can then no longer be trained."""
    for module in network.modules():
        if isinstance(module, Kernel):
            module.fold()


class Convolution(nn.Module):
    """Convolution to ceil(time / stride) samples, with reflection padding at both ends.

    Parameters
    ----------
    inputs, outputs : int
        Number of input and output channels.
    width : int
        Kernel size, samples.
    stride : int
        Stride, samples, at most ``width``.
    """

    def __init__(self, inputs: int, outputs: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.width, self.stride = width, stride
        # Nested as in released checkpoints, here and below.
        self.conv = nn.ModuleDict({"conv": Kernel((outputs, inputs, width), outputs)})

    def kernel(self) -> tuple[Tensor, Tensor]:
        """Return weight (outputs, inputs, width) and bias."""
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
            return _convolve(_reflect(maps, left, right), weight, bias, stride)
        # A padded copy of the map would cost more than the convolution: pad with zeros, then
        # recompute the few outputs at both ends.
        output = _convolve(maps, weight, bias, stride, padding=left)
        first, last = -(-left // stride), -(-right // stride)
        start = _reflect(maps[:, : (first - 1) * stride - left + self.width], left, 0)
        output[:, :first] = _convolve(start, weight, bias, stride)
        if last:
            end = _reflect(maps[:, (count - last) * stride - left :], 0, right)
            output[:, count - last : count] = _convolve(end, weight, bias, stride)
        return output[:, :count]


def _convolve(maps: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int = 0) -> Tensor:
    """Convolve in two dimensions, one of size 1: torch's 1-D kernels need time as the last axis."""
    output = functional.conv2d(
        maps.transpose(1, 2)[:, :, None], weight[:, :, None], bias, (1, stride), (0, padding)
    )
    return output[:, :, 0].transpose(1, 2)


def _reflect(maps: Tensor, left: int, right: int) -> Tensor:
    """Pad maps at both ends by reflection.

    Maps that are too short are first extended by zeros, and the result is cut accordingly, as in
    EnCodec.
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
        Number of input and output channels.
    stride : int
        Output samples per input sample; the kernel has twice as many.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.convtr = nn.ModuleDict({"convtr": Kernel((inputs, outputs, 2 * stride), outputs)})

    def forward(self, maps: Tensor) -> Tensor:
        """Convolve."""
        weight, bias = self.convtr["convtr"]()
        right = self.stride // 2
        left = self.stride - right  # cut off from the result
        output = functional.conv_transpose2d(
            maps.transpose(1, 2)[:, :, None],
            weight[:, :, None],
            bias,
            (1, self.stride),
            (0, left),
            (0, left - right),
        )
        return output[:, :, 0].transpose(1, 2)


class ResidualBlock(nn.Module):
    """Residual block of two convolutions, with a shortcut convolution of width 1.

    Parameters
    ----------
    channels : int
        Number of input and output channels; half as many between the two convolutions.
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
        """Add both paths; with ``spare``, the maps may be overwritten."""
        # Shortcut and last convolution have width 1: matrix products, summed in place.
        last: Any = self.block["3"]
        (weight, bias), (last_weight, last_bias) = self.shortcut.kernel(), last.kernel()
        output = functional.linear(maps, weight[:, :, 0], bias + last_bias)
        spare = spare and not torch.is_grad_enabled()
        hidden = functional.elu_(self.block["1"](functional.elu(maps, inplace=spare)))
        # Autocast does not cast the weights of in-place operations.
        last_weight = last_weight[:, :, 0].to(output.dtype)
        output.view(-1, output.shape[2]).addmm_(hidden.flatten(0, 1), last_weight.T)
        return output


class Recurrence(nn.Module):
    """LSTM with a residual connection.

    Parameters
    ----------
    channels : int
        Number of input and output channels.
    layers : int
        Number of LSTM layers.
    """

    def __init__(self, channels: int, layers: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(channels, channels, layers, batch_first=True)

    def forward(self, maps: Tensor) -> Tensor:
        """Apply the LSTM along time."""
        return self.lstm(maps)[0] + maps


class ChannelAttention(nn.Module):
    """Channel attention by the means over time (squeeze and excitation, Hu et al. 2018).

    Parameters
    ----------
    channels : int
        Number of input and output channels.
    reduction : int
        Reduction factor of the hidden layer.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        middle = channels // reduction
        self.fc = nn.ModuleList(
            [nn.Linear(channels, middle), nn.ReLU(), nn.Linear(middle, channels), nn.Sigmoid()]
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Scale the channels."""
        gains = maps.mean(1, keepdim=True)
        for layer in self.fc:
            gains = layer(gains)
        return maps.mul_(gains)


class Encoder(nn.Module):
    """Encoder of audio to a latent with one frame per product of ``ratios`` samples.

    Parameters
    ----------
    channels : int
        Number of audio channels.
    outputs : int
        Number of values per latent frame.
    filters : int
        Channels of the first map; each stage doubles them.
    ratios : sequence of int
        Strides of the `Decoder`; the encoder uses them in reverse order.
    lstm_layers : int
        Number of LSTM layers.
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
        """Encode audio (batch, samples, channels) to a latent (batch, frames, outputs).

        The input map of each residual block is appended to ``skips``.
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
    """Decoder of a latent to audio, with skip connections from an encoder.

    Parameters
    ----------
    inputs : int
        Number of values per latent frame.
    channels : int
        Number of audio channels.
    filters : int
        Channels of the last map; each earlier stage has twice as many.
    ratios : sequence of int
        Strides.
    lstm_layers : int
        Number of LSTM layers.
    reduction : int
        Reduction factor of the `ChannelAttention` of each stage.
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
        """Decode to audio (batch, samples, channels), in whole frames.

        The last map of ``skips`` is removed and added to the output of each transposed
        convolution, cut or padded with zeros to its length.
        """
        maps = latent
        for layer in self.model:
            maps = layer(maps, spare=True) if isinstance(layer, ResidualBlock) else layer(maps)
            if isinstance(layer, TransposedConvolution):
                skip = skips.pop()[:, : maps.shape[1]]
                maps[:, : skip.shape[1]] += skip
        return maps
