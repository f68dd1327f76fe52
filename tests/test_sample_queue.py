"""The sample queue that block processing shares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialkit.errors import OptionError, ShapeError
from spatialkit.sample_queue import SampleQueue


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=12),
    st.lists(st.tuples(st.sampled_from(["take", "peek", "skip"]), st.integers(0, 9)), max_size=20),
    st.integers(0, 2),
)
def test_the_queue_returns_samples_in_the_order_in_which_they_were_appended(sizes, calls, axis):
    """Oracle: slices of the joined blocks."""
    queue = SampleQueue(axis=axis)
    whole = np.moveaxis(np.arange(6.0 * sum(sizes)).reshape(sum(sizes), 2, 3), 0, axis)
    start = 0
    for size in sizes:
        queue.append(np.take(whole, range(start, start + size), axis))
        start += size
    position = 0
    for name, count in calls:
        count = min(count, len(queue))
        expected = np.take(whole, range(position, position + count), axis)
        result = getattr(queue, name)(count)
        if name == "skip":
            assert result is None
        else:
            np.testing.assert_array_equal(result, expected)
        position += 0 if name == "peek" else count
        assert len(queue) == sum(sizes) - position
    rest = queue.take()
    np.testing.assert_array_equal(rest, np.take(whole, range(position, sum(sizes)), axis))
    assert rest.flags.c_contiguous


def test_the_caller_may_overwrite_a_block_after_it_was_appended():
    queue, block = SampleQueue(), np.ones((2, 3), np.float32)
    queue.append(block)
    block[:] = 2.0
    np.testing.assert_array_equal(queue.take(), np.ones((2, 3)))


def test_returned_samples_share_no_memory_with_the_queue():
    queue = SampleQueue()
    queue.append(np.ones((2, 5)))
    queue.take(2)[:] = 7.0
    first, second = queue.take(2), queue.take()
    assert not np.may_share_memory(first, second)
    np.testing.assert_array_equal(np.concatenate([first, second], axis=1), np.ones((2, 3)))


def test_values_written_to_peeked_samples_are_returned_later():
    queue = SampleQueue()
    for size in (2, 3):
        queue.append(np.ones((1, size)))
    queue.peek()[:, 1:4] += 1.0
    np.testing.assert_array_equal(queue.take(), [[1.0, 2.0, 2.0, 2.0, 1.0]])


def test_an_empty_queue_returns_no_samples_of_the_first_blocks_kind():
    queue = SampleQueue()
    with pytest.raises(ShapeError, match="no block was appended yet"):
        queue.take()
    queue.append(np.zeros((3, 2, 0), np.float32))
    for result in (queue.take(), queue.peek(), queue.empty, queue.take(0)):
        assert result.shape == (3, 2, 0)
        assert result.dtype == np.float32


@pytest.mark.parametrize("name", ["take", "peek", "skip"])
@pytest.mark.parametrize("count", [-1, 4])
def test_more_samples_than_there_are_is_an_error(name, count):
    queue = SampleQueue()
    queue.append(np.zeros((2, 3)))
    with pytest.raises(OptionError, match=f"count must be from 0 to 3, .* got {count}"):
        getattr(queue, name)(count)
    assert len(queue) == 3


@pytest.mark.parametrize(
    ("block", "words"),
    [
        (np.zeros((2, 3), np.float32), r"expected float64 \(2,\), got float32 \(2,\)"),
        (np.zeros((1, 3)), r"expected float64 \(2,\), got float64 \(1,\)"),
        (np.zeros((2, 2, 3)), r"expected float64 \(2,\), got float64 \(2, 2\)"),
    ],
)
def test_a_block_unlike_the_first_is_an_error(block, words):
    queue = SampleQueue(name="spectrum")
    queue.append(np.zeros((2, 3)))
    with pytest.raises(ShapeError, match=f"spectrum must be like the first one.*{words}"):
        queue.append(block)
