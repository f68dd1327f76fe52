"""References of the metrics as BibTeX."""

from __future__ import annotations

from collections.abc import Iterable

from spatialkit._version import __version__
from spatialkit.metrics.definitions import METRICS, select_metrics

__all__ = ["bibtex", "citation"]

_YANG = "yang2022upmixing"
_LEROUX = "leroux2019sdr"
_BS1770 = "itu_bs1770"

# Keys of the references by metric.
SOURCES: dict[str, tuple[str, ...]] = {
    "snr": (_LEROUX,),
    "sd_sdr": (_LEROUX,),
    "si_sdr": (_LEROUX,),
    "wild": (_YANG,),
    "ild_error": (_YANG,),
    "leakage": (_YANG,),
    "correlation_error": ("breebaart2005parametric", "glasberg1990auditory"),
    "ssr": ("watcharasupat2024quantifying",),
    "srr": ("watcharasupat2024quantifying",),
    "log_spectral_distance": ("gray1976distance",),
    "multi_resolution_stft": ("yamamoto2020parallel", "steinmetz2020auraloss"),
    "downmix_snr": ("itu_bs775", _LEROUX),
    "energy_vector_angle": ("gerzon1992metatheory",),
    "energy_vector_difference": ("gerzon1992metatheory",),
    "front_rear_difference": ("gerzon1992metatheory",),
    "left_right_difference": ("gerzon1992metatheory",),
    "intensity_angle": ("merimaa2005sirr",),
    "diffuseness_difference": ("merimaa2005sirr",),
    "angle_error": (_YANG,),
    "loudness_reference": (_BS1770,),
    "loudness_estimate": (_BS1770,),
    "loudness_difference": (_BS1770,),
    "max_momentary_difference": ("ebu_tech3341",),
    "max_short_term_difference": ("ebu_tech3341",),
    "loudness_range_difference": ("ebu_tech3342",),
    "true_peak_reference": (_BS1770,),
    "true_peak_estimate": (_BS1770,),
    "binaural_itd_error": ("armstrong2018sadie",),
    "binaural_ild_error": ("glasberg1990auditory", "armstrong2018sadie"),
    "binaural_coherence_error": ("glasberg1990auditory", "armstrong2018sadie"),
    "binaural_loudness_error": ("glasberg1990auditory", "armstrong2018sadie"),
}
STATISTICS = ("efron1993bootstrap", "wilcoxon1945ranking", "holm1979simple", "kerby2014simple")

ENTRIES = {
    _LEROUX: """@inproceedings{leroux2019sdr,
  author = {Le Roux, Jonathan and Wisdom, Scott and Erdogan, Hakan and Hershey, John R.},
  title = {{SDR} -- half-baked or well done?},
  booktitle = {IEEE International Conference on Acoustics, Speech and Signal Processing (ICASSP)},
  pages = {626--630},
  year = {2019},
  doi = {10.1109/ICASSP.2019.8683855}
}""",
    _YANG: """@inproceedings{yang2022upmixing,
  author = {Yang, Haici and Wager, Sanna and Russell, Spencer and Luo, Mike and Kim, Minje and
    Kim, Wontak},
  title = {Upmixing via style transfer: a variational autoencoder for disentangling spatial images
    and musical content},
  booktitle = {IEEE International Conference on Acoustics, Speech and Signal Processing (ICASSP)},
  year = {2022},
  note = {arXiv:2203.12053}
}""",
    "itu_bs775": """@techreport{itu_bs775,
  author = {{ITU-R}},
  title = {Multichannel stereophonic sound system with and without accompanying picture},
  institution = {International Telecommunication Union},
  number = {Recommendation BS.775-4},
  year = {2022}
}""",
    "gerzon1992metatheory": """@inproceedings{gerzon1992metatheory,
  author = {Gerzon, Michael A.},
  title = {General metatheory of auditory localisation},
  booktitle = {Audio Engineering Society Convention 92},
  year = {1992}
}""",
    "merimaa2005sirr": """@article{merimaa2005sirr,
  author = {Merimaa, Juha and Pulkki, Ville},
  title = {Spatial impulse response rendering {I}: analysis and synthesis},
  journal = {Journal of the Audio Engineering Society},
  volume = {53},
  number = {12},
  pages = {1115--1127},
  year = {2005}
}""",
    _BS1770: """@techreport{itu_bs1770,
  author = {{ITU-R}},
  title = {Algorithms to measure audio programme loudness and true-peak audio level},
  institution = {International Telecommunication Union},
  number = {Recommendation BS.1770-5},
  year = {2023}
}""",
    "ebu_tech3341": """@techreport{ebu_tech3341,
  author = {{EBU}},
  title = {Loudness metering: `{EBU} mode' metering to supplement {EBU} {R} 128 loudness
    normalization},
  institution = {European Broadcasting Union},
  number = {Tech 3341},
  year = {2023}
}""",
    "ebu_tech3342": """@techreport{ebu_tech3342,
  author = {{EBU}},
  title = {Loudness range: a measure to supplement {EBU} {R} 128 loudness normalization},
  institution = {European Broadcasting Union},
  number = {Tech 3342},
  year = {2023}
}""",
    "watcharasupat2024quantifying": """@inproceedings{watcharasupat2024quantifying,
  author = {Watcharasupat, Karn N. and Lerch, Alexander},
  title = {Quantifying spatial audio quality impairment},
  booktitle = {IEEE International Conference on Acoustics, Speech and Signal Processing (ICASSP)},
  year = {2024},
  note = {arXiv:2306.08053}
}""",
    "breebaart2005parametric": """@article{breebaart2005parametric,
  author = {Breebaart, Jeroen and van de Par, Steven and Kohlrausch, Armin and Schuijers, Erik},
  title = {Parametric coding of stereo audio},
  journal = {EURASIP Journal on Applied Signal Processing},
  volume = {2005},
  number = {9},
  pages = {1305--1322},
  year = {2005},
  doi = {10.1155/ASP.2005.1305}
}""",
    "gray1976distance": """@article{gray1976distance,
  author = {Gray, Augustine H. and Markel, John D.},
  title = {Distance measures for speech processing},
  journal = {IEEE Transactions on Acoustics, Speech, and Signal Processing},
  volume = {24},
  number = {5},
  pages = {380--391},
  year = {1976},
  doi = {10.1109/TASSP.1976.1162849}
}""",
    "yamamoto2020parallel": """@inproceedings{yamamoto2020parallel,
  author = {Yamamoto, Ryuichi and Song, Eunwoo and Kim, Jae-Min},
  title = {Parallel {WaveGAN}: a fast waveform generation model based on generative adversarial
    networks with multi-resolution spectrogram},
  booktitle = {IEEE International Conference on Acoustics, Speech and Signal Processing (ICASSP)},
  pages = {6199--6203},
  year = {2020},
  doi = {10.1109/ICASSP40776.2020.9053795}
}""",
    "steinmetz2020auraloss": """@inproceedings{steinmetz2020auraloss,
  author = {Steinmetz, Christian J. and Reiss, Joshua D.},
  title = {auraloss: audio-focused loss functions in {PyTorch}},
  booktitle = {Digital Music Research Network One-day Workshop (DMRN+15)},
  year = {2020}
}""",
    "glasberg1990auditory": """@article{glasberg1990auditory,
  author = {Glasberg, Brian R. and Moore, Brian C. J.},
  title = {Derivation of auditory filter shapes from notched-noise data},
  journal = {Hearing Research},
  volume = {47},
  pages = {103--138},
  year = {1990},
  doi = {10.1016/0378-5955(90)90170-T}
}""",
    "armstrong2018sadie": """@article{armstrong2018sadie,
  author = {Armstrong, Cal and Thresh, Lewis and Murphy, Damian and Kearney, Gavin},
  title = {A perceptual evaluation of individual and non-individual {HRTFs}: a case study of the
    {SADIE II} database},
  journal = {Applied Sciences},
  volume = {8},
  number = {11},
  year = {2018},
  doi = {10.3390/app8112029}
}""",
    "efron1993bootstrap": """@book{efron1993bootstrap,
  author = {Efron, Bradley and Tibshirani, Robert J.},
  title = {An introduction to the bootstrap},
  publisher = {Chapman \\& Hall},
  year = {1993}
}""",
    "wilcoxon1945ranking": """@article{wilcoxon1945ranking,
  author = {Wilcoxon, Frank},
  title = {Individual comparisons by ranking methods},
  journal = {Biometrics Bulletin},
  volume = {1},
  number = {6},
  pages = {80--83},
  year = {1945},
  doi = {10.2307/3001968}
}""",
    "holm1979simple": """@article{holm1979simple,
  author = {Holm, Sture},
  title = {A simple sequentially rejective multiple test procedure},
  journal = {Scandinavian Journal of Statistics},
  volume = {6},
  number = {2},
  pages = {65--70},
  year = {1979}
}""",
    "kerby2014simple": """@article{kerby2014simple,
  author = {Kerby, Dave S.},
  title = {The simple difference formula: an approach to teaching nonparametric correlation},
  journal = {Comprehensive Psychology},
  volume = {3},
  year = {2014},
  doi = {10.2466/11.IT.3.1}
}""",
}


def bibtex(metrics: str | Iterable[str] | None = None, *, statistics: bool = False) -> str:
    """Return the BibTeX entries of metrics and of spatialkit.

    Parameters
    ----------
    metrics : str or iterable of str, optional
        Names of metrics and groups, see `select_metrics`. By default all.
    statistics : bool
        Whether the entries of the methods of `compare_systems` are added.

    Examples
    --------
    >>> print(bibtex("snr").splitlines()[0])
    @inproceedings{leroux2019sdr,
    """
    names = METRICS if metrics is None else select_metrics(metrics) or ()
    keys = dict.fromkeys(key for name in names for key in SOURCES[name])
    found = [ENTRIES[key] for key in (*keys, *(STATISTICS if statistics else ()))]
    return "\n\n".join([*found, _software()]) + "\n"


def citation(metric: str) -> str:
    r"""Return a line of LaTeX that cites a metric, for the text of a paper.

    Parameters
    ----------
    metric : str
        Name of the metric.

    Examples
    --------
    >>> print(citation("wild").partition(" (")[2])
    WILD, dB)~\cite{yang2022upmixing}, computed with spatialkit~\cite{spatialkit}
    """
    (name,) = select_metrics([metric]) or ("",)
    found = METRICS[name]
    title = ", ".join(filter(None, [found.title, found.unit]))
    return (
        f"{found.help} ({title})~\\cite{{{','.join(SOURCES[name])}}}, computed with "
        "spatialkit~\\cite{spatialkit}"
    )


def _software() -> str:
    return f"""@software{{spatialkit,
  title = {{spatialkit: spatial audio in Python}},
  author = {{{{The spatialkit developers}}}},
  version = {{{__version__}}}
}}"""
