"""Compiled loops: energies, sums of level differences by bucket, integral between sorted sets."""

from __future__ import annotations

import numpy as np

from spatialkit._kernels import kernel

# Samples whose products are summed before they are added to the others: for precision.
SAMPLES_PER_SUM = 4096


@kernel(reorder_sums=True)
def add_products(first, second, gains, sums):
    """Add sums of products of each channel, in one pass and without a copy in float64.

    Parameters
    ----------
    first, second : float32 or float64, shape (channels, samples)
    gains : float64, shape (channels,)
    sums : float64, shape (4, channels)
        Sums of ``first ** 2``, ``first * second``, ``second ** 2`` and
        ``(gains * first - second) ** 2``, updated.
    """
    for channel in range(first.shape[0]):
        gain = gains[channel]
        for start in range(0, first.shape[1], SAMPLES_PER_SUM):
            # Views, whose indices need no check for negative ones.
            x = first[channel, start : start + SAMPLES_PER_SUM]
            y = second[channel, start : start + SAMPLES_PER_SUM]
            squares, products, others, differences = 0.0, 0.0, 0.0, 0.0
            for n in range(x.size):
                a, b = np.float64(x[n]), np.float64(y[n])
                difference = gain * a - b
                squares += a * a
                products += a * b
                others += b * b
                differences += difference * difference
            sums[0, channel] += squares
            sums[1, channel] += products
            sums[2, channel] += others
            sums[3, channel] += differences


@kernel
def count_differences(first, second, clip, scale, counts, sums, atoms):
    """Add the differences of two arrays to buckets from -clip to clip.

    Parameters
    ----------
    first, second : float32, shape (values,)
    clip, scale : float
        Limit of the magnitudes, and buckets per unit.
    counts, sums : float64, shape (buckets,)
        Number and sum of the differences in each bucket, updated.
    atoms : float64, shape (3,)
        Numbers of differences that are -clip, 0 and clip, updated; they are in no bucket.
    """
    for i in range(first.size):
        difference = first[i] - second[i]
        if difference == 0.0:
            atoms[1] += 1.0
        elif difference >= clip:
            atoms[2] += 1.0
        elif difference <= -clip:
            atoms[0] += 1.0
        else:
            bucket = min(int((difference + clip) * scale), counts.size - 1)
            counts[bucket] += 1.0
            sums[bucket] += difference


@kernel
def gather_differences(first, second, clip, scale, cursors, values):
    """Store the differences of some buckets, bucket by bucket.

    Parameters
    ----------
    first, second, clip, scale
        As for `count_differences`.
    cursors : int64, shape (buckets,)
        Place of the next value of each bucket, updated; negative for buckets that are left out.
    values : float32, shape (values,)
    """
    for i in range(first.size):
        difference = first[i] - second[i]
        if difference != 0.0 and -clip < difference < clip:
            bucket = min(int((difference + clip) * scale), cursors.size - 1)
            place = cursors[bucket]
            if place >= 0:
                values[place] = difference
                cursors[bucket] = place + 1


@kernel
def add_area(first, second, first_ends, second_ends, edges, steps, heights, total):
    """Add the area between two distribution functions in some buckets to ``total`` (1,).

    Parameters
    ----------
    first, second : float32, shape (values,)
        Sorted values of both sets in the buckets.
    first_ends, second_ends : int64, shape (buckets,)
        Ends of the buckets in both.
    edges : float64, shape (buckets, 2)
        Lower and upper edges of the buckets.
    steps : float64, shape (2,)
        Height of a step of each distribution function.
    heights : float64, shape (buckets,)
        Difference of the functions at the lower edges.
    total : float64, shape (1,)
    """
    i, j, area = 0, 0, 0.0
    for bucket in range(edges.shape[0]):
        position, height = edges[bucket, 0], heights[bucket]
        while i < first_ends[bucket] or j < second_ends[bucket]:
            from_first = j >= second_ends[bucket] or (
                i < first_ends[bucket] and first[i] <= second[j]
            )
            value = first[i] if from_first else second[j]
            area += abs(height) * (value - position)
            position = value
            if from_first:
                height += steps[0]
                i += 1
            else:
                height -= steps[1]
                j += 1
        area += abs(height) * (edges[bucket, 1] - position)
    total[0] += area
