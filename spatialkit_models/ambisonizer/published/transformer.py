"""Transformer of the published Ambisonizer, with little memory for long signals."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Transformer"]

DROPOUT = 0.1


class Layer(nn.Module):
    """Equivalent of `torch.nn.TransformerEncoderLayer` with ReLU and post-normalization.

    At inference, torch's layer stores the attention of all frames to all frames; this one does not.

    Parameters
    ----------
    size, heads, hidden : int
        Values per frame, attention heads, and width of the feed-forward layer.
    """

    def __init__(self, size: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(size, heads)
        self.linear1 = nn.Linear(size, hidden)
        self.linear2 = nn.Linear(hidden, size)
        self.norm1 = nn.LayerNorm(size)
        self.norm2 = nn.LayerNorm(size)

    def forward(self, frames: Tensor) -> Tensor:
        """Apply attention, then the feed-forward layer."""
        frames = self.norm1(frames + self._dropout(self._attention(frames)))
        hidden = self._dropout(functional.relu(self.linear1(frames), inplace=True))
        return self.norm2(frames + self._dropout(self.linear2(hidden)))

    def _attention(self, frames: Tensor) -> Tensor:
        layer = self.self_attn
        joined = functional.linear(frames, layer.in_proj_weight, layer.in_proj_bias)
        heads = joined.unflatten(-1, (3, layer.num_heads, -1))
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        output = functional.scaled_dot_product_attention(
            query, key, value, dropout_p=DROPOUT if self.training else 0.0
        )
        return layer.out_proj(output.transpose(1, 2).flatten(2))

    def _dropout(self, values: Tensor) -> Tensor:
        return functional.dropout(values, DROPOUT, self.training)


class Transformer(nn.Module):
    """Stack of transformer layers, without positional encoding and masks.

    Parameters
    ----------
    layers : int
        Number of layers.
    size, heads, hidden : int
        Shape of each `Layer`.
    """

    def __init__(self, layers: int, size: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([Layer(size, heads, hidden) for _ in range(layers)])

    def forward(self, frames: Tensor) -> Tensor:
        """Transform frames (batch, time, size)."""
        for layer in self.layers:
            frames = layer(frames)
        return frames
