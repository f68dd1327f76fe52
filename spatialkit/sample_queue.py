"""First-in, first-out buffer of samples, for block processing."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import OptionError, ShapeError

__all__ = ["SampleQueue"]


class SampleQueue:
    """First-in, first-out buffer of samples: blocks of any size in, blocks of any size out.

    The first block sets the data type and all axes but the queued one.

    Parameters
    ----------
    axis : int
        Axis along which blocks are joined; the last by default.
    name : str
        Name of the blocks in error messages.

    Examples
    --------
    >>> import numpy as np
    >>> queue = SampleQueue()
    >>> queue.append(np.array([[1.0, 2.0, 3.0]]))
    >>> queue.append(np.array([[4.0, 5.0]]))
    >>> queue.take(2), queue.take()
    (array([[1., 2.]]), array([[3., 4., 5.]]))
    >>> len(queue)
    0
    """

    def __init__(self, *, axis: int = -1, name: str = "block") -> None:
        self._axis = axis
        self._name = name
        self._blocks: deque[NDArray[Any]] = deque()
        self._length = 0
        self._empty: NDArray[Any] | None = None  # a block without samples, once one was appended

    def __len__(self) -> int:
        """Return the number of samples in the queue."""
        return self._length

    @property
    def empty(self) -> NDArray[Any]:
        """A block without samples, with the data type and the other axes of the first block.

        Raises
        ------
        ShapeError
            If no block was appended yet.
        """
        if self._empty is None:
            raise ShapeError(
                f"no {self._name} was appended yet: its shape and data type are unknown; append "
                "one first, of no samples if there are none"
            )
        return self._empty

    def append(self, block: NDArray[Any]) -> None:
        """Append a copy of ``block``, so that the caller may overwrite it afterwards.

        Raises
        ------
        ShapeError
            If its data type, or an axis other than the queued one, differs from the first block.
        """
        empty = self._part(block, 0, 0)
        if self._empty is None:
            self._empty = empty.copy()
        elif (empty.shape, empty.dtype) != (self._empty.shape, self._empty.dtype):
            raise ShapeError(
                f"{self._name} must be like the first one in data type and all axes but the "
                f"queued one: expected {self._empty.dtype} {self._other_axes(self._empty)}, "
                f"got {block.dtype} {self._other_axes(block)}"
            )
        if block.shape[self._axis]:
            self._blocks.append(block.copy(order="C"))
            self._length += block.shape[self._axis]

    def take(self, count: int | None = None) -> NDArray[Any]:
        """Remove the first ``count`` samples, all by default, and return them.

        Returns
        -------
        ndarray
            An array of its own, C-contiguous.

        Raises
        ------
        OptionError
            If ``count`` is negative or greater than the number of samples in the queue.
        ShapeError
            If no block was appended yet.
        """
        parts = self._remove(self._length if count is None else count)
        if not parts:
            return self.empty.copy()
        if len(parts) == 1 and parts[0].flags.owndata:
            return parts[0]
        return np.concatenate(parts, axis=self._axis)

    def peek(self, count: int | None = None) -> NDArray[Any]:
        """Return the first ``count`` samples, all by default, and keep them in the queue.

        Returns
        -------
        ndarray
            Memory of the queue: values written to it are returned by `take` later.

        Raises
        ------
        OptionError, ShapeError
            As `take`.
        """
        block = self.take(count)
        if block.shape[self._axis]:
            self._blocks.appendleft(block)
            self._length += block.shape[self._axis]
        return block

    def skip(self, count: int) -> None:
        """Remove the first ``count`` samples.

        Raises
        ------
        OptionError
            As `take`.
        """
        self._remove(count)

    def _remove(self, count: int) -> list[NDArray[Any]]:
        """Remove ``count`` samples and return the blocks, or parts of blocks, that hold them."""
        if not 0 <= count <= self._length:
            raise OptionError(
                f"count must be from 0 to {self._length}, the samples in the queue, got {count}"
            )
        parts = []
        while count:
            block = self._blocks.popleft()
            size = block.shape[self._axis]
            if size > count:
                self._blocks.appendleft(self._part(block, count, size))
                block, size = self._part(block, 0, count), count
            parts.append(block)
            self._length -= size
            count -= size
        return parts

    def _part(self, block: NDArray[Any], start: int, stop: int) -> NDArray[Any]:
        """View of the samples from ``start`` to ``stop`` of a block."""
        index = [slice(None)] * block.ndim
        index[self._axis] = slice(start, stop)
        return block[tuple(index)]

    def _other_axes(self, block: NDArray[Any]) -> tuple[int, ...]:
        """Lengths of all axes but the queued one."""
        return tuple(np.delete(block.shape, self._axis).tolist())
