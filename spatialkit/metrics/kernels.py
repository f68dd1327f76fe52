"""Compiled loops: energies, distributions and errors of differences of channels."""

from __future__ import annotations

import numpy as np

from spatialkit._kernels import kernel

# Samples whose products are summed before they are added to the others: for precision.
SAMPLES_PER_SUM = 4096
# Bits of the sum of the places in a cell of a distribution; the others are those of the count.
FRACTION_BITS = 32


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


@kernel(reorder_sums=True)
def compare_powers(first, second, minimum, ratios, sums):
    """Compare the powers of the bins of two spectra.

    Parameters
    ----------
    first, second : complex64 or complex128, shape (frames, bins)
    minimum : float
        Powers below count as this power.
    ratios : float32 or float64, shape (frames, bins)
        Powers of the first divided by those of the second.
    sums : float64, shape (frames, 3)
        Sums of the squared differences of the magnitudes and of the powers of the first, and the
        number of powers of both above the minimum.
    """
    # Comparisons instead of min and max, which numba does not vectorize.
    number = ratios.dtype.type
    lowest, zero, one = number(minimum), number(0.0), number(1.0)
    for frame in range(first.shape[0]):
        a, b, ratio = first[frame], second[frame], ratios[frame]
        total, power, count = zero, zero, zero
        for n in range(ratio.size):
            x, y = a[n], b[n]
            p = x.real * x.real + x.imag * x.imag
            q = y.real * y.real + y.imag * y.imag
            count += (one if p > lowest else zero) + (one if q > lowest else zero)
            p = p if p > lowest else lowest
            q = q if q > lowest else lowest
            difference = np.sqrt(p) - np.sqrt(q)
            total += difference * difference
            power += p
            ratio[n] = p / q
        sums[frame, 0], sums[frame, 1], sums[frame, 2] = total, power, count


@kernel(reorder_sums=True)
def add_magnitudes(values, total):
    """Add the magnitudes of values to ``total[0]``.

    Parameters
    ----------
    values : float32 or float64, shape (rows, values of a row)
    total : float64, shape (1,)
    """
    for row in range(values.shape[0]):
        part = 0.0
        for n in range(values.shape[1]):
            part += np.float64(abs(values[row, n]))
        total[0] += part


@kernel(reorder_sums=True)
def add_leakage(first, second, floor, loudest, sums):
    """Add energies of the second spectrum, in all bins and where the first is silent.

    Parameters
    ----------
    first, second : complex64 or complex128, shape (channels, frames, bins)
    floor : float
        Power of the first relative to its loudest channel of the same bin.
    loudest : float64, shape (bins,)
        Memory for the powers of the loudest channels.
    sums : float64, shape (2,)
        Energy where a channel of the first is below the floor, and energy where any channel of the
        first is not zero, updated.
    """
    for frame in range(first.shape[1]):
        for n in range(loudest.size):
            loudest[n] = 0.0
        for channel in range(first.shape[0]):
            a = first[channel, frame]
            for n in range(loudest.size):
                real, imag = np.float64(a[n].real), np.float64(a[n].imag)
                power = real * real + imag * imag
                loudest[n] = power if power > loudest[n] else loudest[n]
        for channel in range(first.shape[0]):
            a, b = first[channel, frame], second[channel, frame]
            leaked, total = 0.0, 0.0
            for n in range(loudest.size):
                real, imag = np.float64(a[n].real), np.float64(a[n].imag)
                x, y = np.float64(b[n].real), np.float64(b[n].imag)
                energy = (x * x + y * y) * (1.0 if loudest[n] > 0.0 else 0.0)
                leaked += energy if real * real + imag * imag < floor * loudest[n] else 0.0
                total += energy
            sums[0] += leaked
            sums[1] += total


@kernel(reorder_sums=True)
def channel_products(spectrum, sums):
    """Sum the real parts of the cross-spectra of all pairs of channels over frames.

    Parameters
    ----------
    spectrum : complex64 or complex128, shape (channels, frames, bins)
    sums : float64, shape (pairs, bins)
        Pairs, each channel with itself included, in the order of ``numpy.triu_indices``.
    """
    pair = 0
    for i in range(spectrum.shape[0]):
        for j in range(i, spectrum.shape[0]):
            total = sums[pair]
            pair += 1
            for n in range(total.size):
                total[n] = 0.0
            for frame in range(spectrum.shape[1]):
                a, b = spectrum[i, frame], spectrum[j, frame]
                for n in range(total.size):
                    total[n] += a[n].real * b[n].real + a[n].imag * b[n].imag


@kernel
def add_differences(
    first, second, scale, limit, place_bits, group_shift, starts, steps, grouped, cells
):
    """Count the differences of two arrays in cells.

    Parameters
    ----------
    first, second : float32, shape (values,)
    scale : float
        Steps per unit of the differences.
    limit : int
        Largest magnitude of a difference in steps.
    place_bits, group_shift : int
        Numbers of bits of the steps that are the place in a cell, and within a group of cells.
    starts : int64, shape (groups + 1,)
    steps, grouped : int32, shape (values,)
        Memory for intermediate values.
    cells : int64, shape (cells,)
        Counts, times 2 ** `FRACTION_BITS`, plus sums of the places, updated.
    """
    half = limit + 0.5
    for group in range(starts.size):
        starts[group] = 0
    for n in range(first.size):
        difference = np.float64(first[n] - second[n]) * scale
        steps[n] = np.int32(min(max(difference, -limit), limit) + half)
    # Unsigned indices need no check for negative ones: two thirds of the time.
    shift, counts = np.uint32(group_shift), starts[1:]
    for n in range(steps.size):
        counts[np.uint32(steps[n]) >> shift] += 1
    for group in range(1, starts.size):
        starts[group] += starts[group - 1]
    for n in range(steps.size):
        own = np.uint32(steps[n]) >> shift
        place = starts[own]
        grouped[np.uint64(place)] = steps[n]
        starts[own] = place + 1
    cell_shift, places = np.uint32(place_bits), np.uint32((1 << place_bits) - 1)
    for n in range(grouped.size):
        step = np.uint32(grouped[n])
        cells[step >> cell_shift] += (1 << FRACTION_BITS) + np.int64(step & places)


@kernel
def add_area(first, second, first_height, second_height, place_bits, area):
    """Add the area between two distribution functions to ``area[0]``.

    Parameters
    ----------
    first, second : int64, shape (cells,)
        Cells of both, as `add_differences` fills them.
    first_height, second_height : int
        Heights of a step of each function.
    place_bits : int
        Number of bits of a place: the cells are 2 ** ``place_bits`` wide.
    area : float64, shape (1,)
    """
    places, height, total = (1 << FRACTION_BITS) - 1, 0, 0.0
    for cell in range(first.size):
        # Each difference raises its function from its place to the end of the cell.
        firsts, seconds = first[cell] >> FRACTION_BITS, second[cell] >> FRACTION_BITS
        inside = first_height * ((firsts << place_bits) - (first[cell] & places))
        inside -= second_height * ((seconds << place_bits) - (second[cell] & places))
        total += np.float64(abs((height << place_bits) + inside))
        height += first_height * firsts - second_height * seconds
    area[0] += total


@kernel(reorder_sums=True)
def add_difference_errors(first, second, clip, totals):
    """Add absolute errors of the differences of all pairs of channels.

    Parameters
    ----------
    first, second : float32, shape (channels, values)
        Levels above a floor, 0 below it.
    clip : float
        Limit of the magnitude of the differences.
    totals : float64, shape (2,)
        Sum of the errors where a level of the first is above the floor, and their number, updated.
    """
    limit = np.float32(clip)
    for i in range(first.shape[0]):
        for j in range(i + 1, first.shape[0]):
            a, b, c, d = first[i], first[j], second[i], second[j]
            total, count = 0.0, 0.0
            for n in range(a.size):
                truth = min(max(a[n] - b[n], -limit), limit)
                found = min(max(c[n] - d[n], -limit), limit)
                counted = 1.0 if max(a[n], b[n]) > 0.0 else 0.0
                total += counted * abs(truth - found)
                count += counted
            totals[0] += total
            totals[1] += count
