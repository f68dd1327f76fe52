"""torchmetrics classes: means of the values of the core over batches and processes."""

from __future__ import annotations

import os
from functools import cache

import numpy as np
import pytest

from spatialkit import downmix, geometry, metrics, vbap_gains
from spatialkit.errors import OptionError, SpatialkitError

torch = pytest.importorskip("torch")
pytest.importorskip("torchmetrics")

from spatialkit_models import metrics as torch_metrics
from spatialkit_models.metrics import (
    SDSDR,
    SISDR,
    SNR,
    SRR,
    SSR,
    WILD,
    AngleError,
    CorrelationError,
    DiffusenessDifference,
    DownmixError,
    EnergyVectorAngle,
    FrontRearDifference,
    ILDError,
    IntensityAngle,
    InterauralCoherenceError,
    InterauralILDError,
    InterauralLoudnessError,
    Leakage,
    LeftRightDifference,
    LogSpectralDistance,
    LoudnessDifference,
    MultiResolutionSTFT,
)

RATE = 8000
SIZES = {"n_fft": 256, "hop": 128}
ITEMS = 7


def make_metrics() -> dict:
    return {
        "snr": SNR(),
        "channels": SNR(per_channel=True),
        "sd_sdr": SDSDR(),
        "si_sdr": SISDR(),
        "wild": WILD(**SIZES),
        "ild_error": ILDError(**SIZES),
        "angle_error": AngleError("5.0"),
        "energy": AngleError("5.0", weighting="energy"),
        "energy_vector": EnergyVectorAngle("5.0"),
        "downmix_error": DownmixError("5.0"),
        "correlation_error": CorrelationError(RATE),
        "leakage": Leakage(floor_db=-6.0),
        "ssr": SSR(RATE),
        "srr": SRR(RATE),
        "log_spectral_distance": LogSpectralDistance(),
        "multi_resolution_stft": MultiResolutionSTFT(),
        "loudness": LoudnessDifference(RATE, "5.0"),
        "front_rear": FrontRearDifference("5.0"),
        "left_right": LeftRightDifference("5.0"),
        "intensity_angle": IntensityAngle(),
        "diffuseness": DiffusenessDifference(),
        "interaural_coherence": InterauralCoherenceError(RATE),
        "interaural_ild": InterauralILDError(RATE),
        "interaural_loudness": InterauralLoudnessError(RATE),
    }


EARS = (InterauralCoherenceError, InterauralILDError, InterauralLoudnessError)  # two channels
FIELDS = (IntensityAngle, DiffusenessDifference)  # of first order: four channels
EAR_NAMES = ("interaural_coherence", "interaural_ild", "interaural_loudness")
FIELD_NAMES = ("intensity_angle", "diffuseness", *EAR_NAMES)
NEAR_ZERO = {"loudness", "front_rear", "left_right", "diffuseness"}
HIGHER = {"snr", "channels", "sd_sdr", "si_sdr", "downmix_error", "ssr", "srr"}


@cache
def make_items():
    """Stems, azimuths, targets and estimates; one target is silent, and a stem of another."""
    rng = np.random.default_rng(20261121)
    stems = rng.standard_normal((ITEMS, 4, 3600))
    stems[2], stems[5, 3] = 0.0, 0.0
    azimuth = rng.uniform(-180.0, 180.0, (ITEMS, 4))
    target = vbap_gains(azimuth).swapaxes(-1, -2) @ stems
    return stems, azimuth, target, 0.8 * target + 0.1 * rng.standard_normal(target.shape)


def values_of_the_core() -> dict[str, np.ndarray]:
    """Oracle: the value of every item, NaN where there is none."""
    stems, azimuth, target, estimate = make_items()
    vectors = [metrics.energy_vector(audio, "5.0") for audio in (target, estimate)]
    return {
        "snr": metrics.snr(target, estimate),
        "channels": metrics.snr(target, estimate, per_channel=True),
        "sd_sdr": metrics.sd_sdr(target, estimate),
        "si_sdr": metrics.si_sdr(target, estimate),
        "wild": metrics.wild(target, estimate, **SIZES),
        "ild_error": metrics.ild_error(target, estimate, **SIZES),
        "angle_error": metrics.angle_error(stems, estimate, azimuth, "5.0"),
        "energy": metrics.angle_error(stems, estimate, azimuth, "5.0", weighting="energy"),
        "energy_vector": geometry.angle_between(*vectors),
        "downmix_error": metrics.snr(downmix(target, "5.0"), downmix(estimate, "5.0")),
        "correlation_error": metrics.correlation_error(target, estimate, RATE),
        "leakage": metrics.leakage(target, estimate, floor_db=-6.0),
        "ssr": metrics.spatial_distortion(target, estimate, RATE).ssr,
        "srr": metrics.spatial_distortion(target, estimate, RATE).srr,
        "log_spectral_distance": metrics.log_spectral_distance(target, estimate),
        "multi_resolution_stft": metrics.multi_resolution_stft(target, estimate),
        **values_of_ears(),
        **{name: values_of_evaluate()[key] for name, key in DIFFERENCES.items()},
    }


def values_of_ears() -> dict[str, np.ndarray]:
    _, _, target, estimate = make_items()
    found = metrics.interaural_errors(target[:, :2], estimate[:, :2], RATE)
    bands = (found.coherence, found.ild, found.loudness)
    means = (np.ma.masked_invalid(each).mean(axis=-1).filled(np.nan) for each in bands)
    return dict(zip(EAR_NAMES, means, strict=True))


# Names in `metrics.evaluate`.
DIFFERENCES = {
    "loudness": "loudness_difference",
    "front_rear": "front_rear_difference",
    "left_right": "left_right_difference",
    "intensity_angle": "intensity_angle",
    "diffuseness": "diffuseness_difference",
}


@cache
def values_of_evaluate() -> dict[str, np.ndarray]:
    _, _, target, estimate = make_items()
    names = [name for name in DIFFERENCES.values() if "difference" in name][:3]
    found = metrics.evaluate(target, estimate, layout="5.0", sample_rate=RATE, metrics=names)
    first_order = (audio[:, :4] for audio in (target, estimate))
    names = ["intensity_angle", "diffuseness_difference"]
    found |= metrics.evaluate(*first_order, layout="foa", metrics=names)
    silent = ~target.any(axis=(1, 2))  # infinite in the core
    found["loudness_difference"] = np.where(silent, np.nan, found["loudness_difference"])
    return found


def update(metric, items: slice, arrays=None) -> None:
    stems, azimuth, target, estimate = (
        torch.as_tensor(array[items]) for array in arrays or make_items()
    )
    if isinstance(metric, AngleError):
        metric.update(estimate, stems, azimuth)
    elif isinstance(metric, FIELDS):
        metric.update(estimate[:, :4], target[:, :4])
    elif isinstance(metric, EARS):
        metric.update(estimate[:, :2], target[:, :2])
    else:
        metric.update(estimate, target)


def assert_means_of_the_core(results: dict) -> None:
    """Results: mean, defined and undefined items of each metric."""
    for name, values in values_of_the_core().items():
        mean, defined, undefined = results[name]
        assert mean == pytest.approx(np.nanmean(values), abs=1e-4), name  # float32 comes out
        assert (defined, undefined) == (np.sum(~np.isnan(values)), np.sum(np.isnan(values))), name
        assert undefined > 0


def counted(metric) -> tuple[float, int, int]:
    return metric.compute().item(), metric.defined.item(), metric.undefined.item()


def test_means_equal_the_core_for_any_batches():
    for batches in ([slice(0, 7)], [slice(0, 1), slice(1, 5), slice(5, 7)]):
        results = {}
        for name, metric in make_metrics().items():
            for batch in batches:
                update(metric, batch)
            results[name] = counted(metric)
        assert_means_of_the_core(results)


def test_merged_states_are_those_of_all_items():
    results = {}
    for name, metric in make_metrics().items():
        other = make_metrics()[name]
        update(metric, slice(0, 3))
        update(other, slice(3, 7))
        metric.merge_state(other)
        results[name] = counted(metric)
    assert_means_of_the_core(results)


def work(rank: int, folder: str) -> None:
    """One of two processes, with three items or four."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2
    )
    results, arrays = {}, torch.load(f"{folder}/items.pt")
    for name, metric in make_metrics().items():
        for items in ([slice(0, 3)], [slice(3, 4), slice(4, 7)])[rank]:
            update(metric, items, arrays)
        mean = metric.compute().item()
        with metric.sync_context():
            results[name] = mean, metric.defined.item(), metric.undefined.item()
        assert metric.undefined + metric.defined < sum(results[name][1:])  # its own again
    torch.save(results, f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def processes(fork_server):
    """Processes that start at once, with their imports done."""
    return fork_server("torchmetrics", __name__)


@pytest.mark.skipif(os.name != "posix", reason="a fork server is of POSIX")
def test_two_processes_give_the_result_of_one(tmp_path, processes):
    # Made once: the processes need not load what pans.
    torch.save([torch.tensor(array) for array in make_items()], tmp_path / "items.pt")
    both = [processes.Process(target=work, args=(rank, str(tmp_path))) for rank in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(120)
    assert [process.exitcode for process in both] == [0, 0]
    for rank in range(2):
        assert_means_of_the_core(torch.load(tmp_path / f"{rank}.pt"))


def test_a_batch_without_defined_items_has_no_effect():
    metric, silence = SNR(), torch.zeros(2, 5, 100)
    assert metric(torch.ones(2, 5, 100), silence).isnan()
    update(metric, slice(0, 2))
    expected = np.mean(values_of_the_core()["snr"][:2])
    assert counted(metric) == pytest.approx((expected, 2, 2), abs=1e-4)
    metric.reset()
    assert metric.defined == metric.undefined == 0


def test_infinite_items_make_the_mean_infinite():
    metric, noise = SNR(), torch.randn(2, 5, 100)
    assert metric(noise, noise).item() == np.inf
    assert metric.defined == 2
    silent = SDSDR()
    assert silent(torch.zeros(2, 5, 100), noise).item() == -np.inf


def test_forward_returns_the_differentiable_value_of_its_batch():
    stems, azimuth, target, estimate = (torch.tensor(array[:2]) for array in make_items())
    for name, metric in make_metrics().items():
        update(metric, slice(3, 5))
        preds = estimate.clone().requires_grad_()
        arguments = (stems, azimuth) if isinstance(metric, AngleError) else (target,)
        if isinstance(metric, FIELDS):
            value = metric(preds[:, :4], target[:, :4])
        elif isinstance(metric, EARS):
            value = metric(preds[:, :2], target[:, :2])
        else:
            value = metric(preds, *arguments)
        expected = np.nanmean(values_of_the_core()[name][:2])
        assert value.item() == pytest.approx(expected, abs=1e-4)
        value.backward()
        assert torch.isfinite(preds.grad).all()
        assert preds.grad.any()
        assert metric.is_differentiable
        assert metric.higher_is_better == (None if name in NEAR_ZERO else name in HIGHER)


def test_sums_are_exact_for_more_items_than_float32_can_count():
    metric = SNR()
    metric.total += 2.0**24 * 10.0
    metric.defined += 2**24
    metric._update_count = 1
    update(metric, slice(0, 1))
    added = metric.total.item() - 2.0**24 * 10.0
    assert added == pytest.approx(values_of_the_core()["snr"][0], abs=1e-4)


@pytest.mark.parametrize("name", sorted(make_metrics()))
@pytest.mark.parametrize(
    ("invalid", "message"),
    [
        (torch.ones(5, 100, dtype=torch.int16), "must be float32 or float64, got torch.int16"),
        (torch.ones(5, 100).half(), "must be float32 or float64, got torch.float16"),
        (torch.ones(100), r"must have shape \(..., channels, samples\)"),
        (torch.ones(4000, 5), "looks frames-first"),
        ([[1.0]], r"must be a tensor, got \[\[1.0\]\]"),
        (torch.ones(5, 100, device="meta"), "must be a dense tensor with values"),
        (torch.full((5, 100), torch.nan), "contains NaN or infinity"),
    ],
    ids=["integers", "half", "one axis", "frames-first", "list", "meta", "NaN"],
)
def test_signals_are_checked_as_in_the_core(name, invalid, message):
    metric = make_metrics()[name]
    others = (torch.zeros(1, 5),) if isinstance(metric, AngleError) else ()
    for pair in ((invalid, torch.ones(5, 100)), (torch.ones(5, 100), invalid)):
        with pytest.raises(SpatialkitError, match=message):
            metric.update(*pair, *others)


def test_a_collection_has_the_angle_error_beside_metrics_of_pairs():
    from torchmetrics import MetricCollection

    from spatialkit.panning import vbap_pan

    stems = np.random.default_rng(0).standard_normal((2, 3, 4000))
    azimuth = [0.0, 60.0, -120.0]
    target = vbap_pan(stems, azimuth, layout="5.0")
    preds = vbap_pan(stems, [5.0, 50.0, -120.0], layout="5.0")
    tensors = [torch.from_numpy(each) for each in (preds, target)]
    collection = MetricCollection([torch_metrics.SISDR(), torch_metrics.AngleError("5.0")])
    stem_tensors = torch.from_numpy(stems)
    collection.update(*tensors, azimuth=torch.tensor(azimuth), stems=stem_tensors)
    found = {name: value.item() for name, value in collection.compute().items()}
    assert found["AngleError"] == pytest.approx((5.0 + 10.0 + 0.0) / 3.0, abs=1e-3)
    alone = torch_metrics.AngleError("5.0")
    alone.update(tensors[0], stem_tensors, torch.tensor(azimuth))
    assert found["AngleError"] == alone.compute().item()


def test_every_metric_is_usable_in_one_collection():
    from torchmetrics import MetricCollection

    stems, azimuth, target, estimate = (torch.as_tensor(array[:2]) for array in make_items())
    pairs = {name: metric for name, metric in make_metrics().items() if name not in FIELD_NAMES}
    collection = MetricCollection(pairs)
    found = collection(estimate, target, azimuth=azimuth, stems=stems)
    for name, values in values_of_the_core().items():
        if name not in FIELD_NAMES:
            assert found[name].item() == pytest.approx(np.nanmean(values[:2]), abs=1e-4), name


@pytest.mark.parametrize("gain", [0.0, 1.0])
def test_metrics_of_a_collection_differ_after_a_batch_of_equal_values(gain):
    """Errors of silence are all NaN, and those of equal signals all 0."""
    from torchmetrics import MetricCollection

    target, estimate = (torch.as_tensor(array[:2, :2]) for array in make_items()[2:])
    names = (*EAR_NAMES, "ild_error", "correlation_error")
    chosen = {name: metric for name, metric in make_metrics().items() if name in names}
    collection = MetricCollection(chosen)
    collection.update(gain * target, gain * target)
    collection.update(estimate, target)
    found = collection.compute()
    for name, metric in make_metrics().items():
        if name in chosen:
            metric.update(gain * target, gain * target)
            metric.update(estimate, target)
            assert found[name] == metric.compute(), name


def test_the_sample_rate_is_checked_before_the_first_batch():
    for sample_rate in ("44.1 kHz", 0, 44100.5):
        with pytest.raises(OptionError, match="sample_rate must be"):
            InterauralILDError(sample_rate)


def test_a_stereo_original_is_the_target_of_the_downmix():
    _, _, target, estimate = (torch.as_tensor(array[:2]) for array in make_items())
    metric = DownmixError("5.0", method="sum")
    original = target[:, :2]
    expected = metrics.downmix_error(estimate.numpy(), original.numpy(), "5.0", method="sum")
    assert metric(estimate, original).item() == pytest.approx(expected.mean(), abs=1e-4)


def test_values_are_plotted():
    pytest.importorskip("matplotlib")
    metric = torch_metrics.SNR()
    target = torch.ones(2, 10)
    figure, axes = metric.plot([metric(0.5 * target, target), metric(0.6 * target, target)])
    assert len(axes.get_lines()) > 0
    figure.clear()
