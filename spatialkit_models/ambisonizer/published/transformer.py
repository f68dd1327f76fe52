"""Transformer of the published Ambisonizer: layers of torch's layout, lean on long signals."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Transformer"]

DROPOUT = 0.1


class Layer(nn.Module):
    """A layer as `torch.nn.TransformerEncoderLayer` has it: ReLU, normalized after each sum.

    Torch's own forms attention of all frames to all frames in memory at inference; this one
    never does.

    Parameters
    ----------
    size, heads, hidden : int
        Values of a frame, heads of attention, width of the layer between.
    """

    def __init__(self, size: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(size, heads)
        self.linear1 = nn.Linear(size, hidden)
        self.linear2 = nn.Linear(hidden, size)
        self.norm1 = nn.LayerNorm(size)
        self.norm2 = nn.LayerNorm(size)

    def forward(self, frames: Tensor) -> Tensor:
        """Attend, then transform each frame."""
        made = self._dropped(self._attended(frames))
        frames = self.norm1(frames + made)
        made = self.linear2(self._dropped(functional.relu(self.linear1(frames), inplace=True)))
        return self.norm2(frames + self._dropped(made))

    def _attended(self, frames: Tensor) -> Tensor:
        layer = self.self_attn
        joined = functional.linear(frames, layer.in_proj_weight, layer.in_proj_bias)
        heads = joined.unflatten(-1, (3, layer.num_heads, -1))
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(
            query, key, value, dropout_p=DROPOUT if self.training else 0.0
        )
        return layer.out_proj(found.transpose(1, 2).flatten(2))

    def _dropped(self, values: Tensor) -> Tensor:
        return functional.dropout(values, DROPOUT, self.training)


class Transformer(nn.Module):
    """Layers in turn; no positions, no mask.

    Parameters
    ----------
    layers : int
        How many.
    size, heads, hidden : int
        Of each `Layer`.
    """

    def __init__(self, layers: int, size: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([Layer(size, heads, hidden) for _ in range(layers)])

    def forward(self, frames: Tensor) -> Tensor:
        """Frames (batch, time, size) of such frames."""
        for layer in self.layers:
            frames = layer(frames)
        return frames
