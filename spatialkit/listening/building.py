"""Builders of listening tests from files, audio or upmixers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from spatialkit.audio import Audio
from spatialkit.errors import OptionError
from spatialkit.files import read
from spatialkit.listening.anchors import ANCHORS
from spatialkit.listening.assembly import (
    REFERENCE,
    Items,
    Questions,
    as_options,
    assemble,
    check_items,
    check_questions,
    with_references,
)
from spatialkit.listening.binomial import binomial_test, correct_needed, trials_needed
from spatialkit.listening.definition import ListeningTest, Question, Trial
from spatialkit.listening.output import check_target, write_test
from spatialkit.listening.stimuli import Source, StimulusOptions
from spatialkit.typing import StrPath
from spatialkit.upmixing import Upmixer, get_upmixer
from spatialkit.validation import as_choice, as_count

__all__ = [
    "STYLE_QUESTIONS",
    "build_abx",
    "build_mushra",
    "build_preference",
    "build_style_transfer",
    "upmix_conditions",
]

STYLE_QUESTIONS = (
    *(
        Question(stem, f"In which sample is the direction of the {words} closer to the reference?")
        for stem, words in (
            ("vocals", "vocals"),
            ("drums", "drums"),
            ("bass", "bass"),
            ("other", "other instruments"),
        )
    ),
    Question("overall", "Which sample is closer to the reference overall?"),
)
"""Questions of the ABX test of style transfer: four instruments and the whole."""

# BS.1534-3, section 5.1: at most 12 signals in a trial, the hidden reference and anchors included.
MAX_SIGNALS = 12
MAX_TRIALS = 1000

BASIC_QUALITY = Question(
    "basic audio quality", "Rate the basic audio quality compared with the reference"
)
PREFERENCE = Question("preference", "Which sample do you prefer?")
SIMILARITY = Question("similarity", "Which sample is closer to the reference?")


def build_abx(
    path: StrPath,
    items: Items,
    *,
    trials: int = 16,
    title: str = "ABX test",
    instructions: str | None = None,
    stimuli: StimulusOptions | None = None,
    training: bool = True,
    seed: int = 0,
    overwrite: bool = False,
) -> ListeningTest:
    """Build an ABX test, in which X equals A or B.

    Parameters
    ----------
    path : str or path
        Output with the extension .html, or a folder for webMUSHRA.
    items : mapping of str to mapping of str to (path or Audio)
        Two conditions by name for each item of programme material.
    trials : int
        Number of trials, 1 to 1000; items are used in turn.
    title, instructions : str
        Texts of the page.
    stimuli : StimulusOptions
        Excerpt, rendering and loudness.
    training : bool
        Whether a practice trial comes first.
    seed : int
        Seed of the order, of X and of the dither.
    overwrite : bool
        Whether an existing output is replaced.

    Returns
    -------
    ListeningTest

    Raises
    ------
    OptionError, LayoutError, ShapeError, SignalError
        If an argument or a stimulus is not accepted.
    AudioFileError
        If a file cannot be read or written.
    """
    target = check_target(path, overwrite)
    checked = check_items(items)
    for item, sources in checked.items():
        if len(sources) != 2:
            raise OptionError(
                f"item {item!r} of an ABX test must have two conditions, got "
                f"{', '.join(sources) or 'none'}"
            )
    count = as_count(trials, "trials", maximum=MAX_TRIALS)
    all_trials = [
        Trial(item, tuple(checked[item]))
        for item in itertools.islice(itertools.cycle(checked), count)
    ]
    notes = [_needed_note(count)]
    test = assemble(
        "abx",
        checked,
        all_trials,
        [Question("identity", "Which sample is X?")],
        title=title,
        instructions=instructions,
        stimuli=stimuli,
        training=training,
        seed=seed,
        notes=notes,
    )
    write_test(target, test, overwrite=overwrite)
    return test


def build_preference(
    path: StrPath,
    items: Items,
    *,
    references: Mapping[str, Source] | None = None,
    questions: Questions | None = None,
    trials: int | None = None,
    title: str = "Preference test",
    instructions: str | None = None,
    stimuli: StimulusOptions | None = None,
    training: bool = True,
    seed: int = 0,
    overwrite: bool = False,
) -> ListeningTest:
    """Build a paired comparison with forced choices, with or without a reference.

    Parameters
    ----------
    path : str or path
        Output with the extension .html.
    items : mapping of str to mapping of str to (path or Audio)
        Two or more conditions by name for each item; each pair of them is a trial.
    references : mapping of str to (path or Audio), optional
        Reference of each item, with which the conditions are compared.
    questions : mapping of str to str, or sequence of Question, optional
        Questions by attribute, all on the page of a trial. By default one: the preferred sample, or
        the one closer to the reference.
    trials : int, optional
        Number of trials, 1 to 1000; the pairs of all items are used in turn. By default each once.
    title, instructions, stimuli, training, seed, overwrite
        As in `build_abx`.

    Returns
    -------
    ListeningTest

    Raises
    ------
    OptionError, LayoutError, ShapeError, SignalError, AudioFileError
        As in `build_abx`.
    """
    target = check_target(path, overwrite, webmushra=False)
    checked = check_items(items)
    pairs = []
    for item, sources in checked.items():
        if len(sources) < 2:
            raise OptionError(
                f"item {item!r} of a preference test must have two conditions or more"
            )
        pairs += [(item, pair) for pair in itertools.combinations(sources, 2)]
    compared = with_references(checked, references)
    reference = REFERENCE if references is not None else None
    count = len(pairs) if trials is None else as_count(trials, "trials", maximum=MAX_TRIALS)
    all_trials = [
        Trial(item, pair, reference)
        for item, pair in itertools.islice(itertools.cycle(pairs), count)
    ]
    default = SIMILARITY if references is not None else PREFERENCE
    per_pair = count // len({pair for _, pair in pairs})
    test = assemble(
        "preference",
        compared,
        all_trials,
        check_questions(questions, default),
        title=title,
        instructions=instructions,
        stimuli=stimuli,
        training=training,
        seed=seed,
        notes=[_needed_note(per_pair)] if per_pair else [],
    )
    write_test(target, test, overwrite=overwrite)
    return test


def build_style_transfer(
    path: StrPath,
    items: Items,
    *,
    trials: int = 5,
    title: str = "Style transfer",
    **options: Any,
) -> ListeningTest:
    """Build the listening test of the style transfer paper.

    A reference is compared with the result of style transfer and with a baseline, for the direction
    of each of four instruments and overall [1]_.

    Parameters
    ----------
    path : str or path
        Output with the extension .html.
    items : mapping of str to mapping of str to (path or Audio)
        "reference" and two other conditions, such as "transfer" and "baseline", for each item.
    trials : int
        Number of trials, 5 in the paper; items are used in turn.
    title : str
    **options
        As in `build_preference`.

    Returns
    -------
    ListeningTest
        Its notes state that 4 of 5 answers of one listener are not significant.

    References
    ----------
    .. [1] H. Yang et al., "Upmixing via style transfer: a variational autoencoder for
       disentangling spatial images and musical content", ICASSP 2022, arXiv:2203.12053.
    """
    checked = check_items(items)
    for item, sources in checked.items():
        if REFERENCE not in sources or len(sources) != 3:
            raise OptionError(
                f"item {item!r} must have a {REFERENCE!r} and two other conditions, got "
                f"{', '.join(sources) or 'none'}"
            )
    return build_preference(
        path,
        {
            item: {name: source for name, source in sources.items() if name != REFERENCE}
            for item, sources in checked.items()
        },
        references={item: sources[REFERENCE] for item, sources in checked.items()},
        questions=options.pop("questions", STYLE_QUESTIONS),
        trials=trials,
        title=title,
        **options,
    )


def build_mushra(
    path: StrPath,
    items: Items,
    *,
    references: Mapping[str, Source],
    anchors: Sequence[str] = ANCHORS,
    questions: Questions | None = None,
    title: str = "MUSHRA test",
    instructions: str | None = None,
    stimuli: StimulusOptions | None = None,
    training: bool = True,
    seed: int = 0,
    overwrite: bool = False,
) -> ListeningTest:
    """Build a MUSHRA test (ITU-R BS.1534-3): rate samples against a reference, 0 to 100.

    Each page has the reference, the hidden reference, anchors and all conditions of an item, for
    one question. Listeners are trained with all items first.

    Parameters
    ----------
    path : str or path
        Output with the extension .html, or a folder for webMUSHRA.
    items : mapping of str to mapping of str to (path or Audio)
        Conditions by name for each item.
    references : mapping of str to (path or Audio)
        Reference of each item.
    anchors : sequence of str
        Any of `ANCHORS`: the reference through low-pass filters of 3.5 and 7 kHz, and its mono
        downmix in front (width 0). BS.1534-3 requires the first two.
    questions : mapping of str to str, or sequence of Question, optional
        Questions by attribute, a page for each; by default basic audio quality.
    title, instructions, stimuli, training, seed, overwrite
        As in `build_abx`.

    Returns
    -------
    ListeningTest

    Raises
    ------
    OptionError, LayoutError, ShapeError, SignalError, AudioFileError
        As in `build_abx`.

    References
    ----------
    ITU-R BS.1534-3, "Method for the subjective assessment of intermediate quality level of audio
    systems", 2015.
    """
    target = check_target(path, overwrite)
    options = as_options(stimuli)
    sources = with_references(check_items(items), references)
    names = [as_choice(anchor, "anchor", ANCHORS) for anchor in anchors]
    for item, own in sources.items():
        if taken := set(names) & set(own):
            raise OptionError(f"item {item!r} has a condition with the name of an anchor: {taken}")
        if len(own) + len(names) > MAX_SIGNALS:
            raise OptionError(
                f"item {item!r} has {len(own) + len(names)} signals with reference and anchors; "
                f"BS.1534-3 permits {MAX_SIGNALS}: remove conditions or anchors"
            )
    notes = []
    if missing := [name for name in ANCHORS[:2] if name not in names]:
        notes.append(f"BS.1534-3 requires the anchors of 3.5 and 7 kHz; missing: {missing}.")
    if options.duration > 12.0:
        notes.append("BS.1534-3 recommends excerpts of at most 12 s.")
    test = assemble(
        "mushra",
        sources,
        [Trial(item, (*own, *names), REFERENCE) for item, own in sources.items()],
        check_questions(questions, BASIC_QUALITY),
        title=title,
        instructions=instructions,
        stimuli=options,
        training=training,
        seed=seed,
        notes=notes,
        anchors=names,
    )
    write_test(target, test, overwrite=overwrite)
    return test


def upmix_conditions(
    audio: Source, upmixers: Mapping[str, Upmixer] | Iterable[str]
) -> dict[str, Audio[Any]]:
    """Upmix audio by several upmixers: the conditions of an item.

    Parameters
    ----------
    audio : path or Audio
        Mono or stereo.
    upmixers : mapping of str to Upmixer, or iterable of str
        Upmixers by the name of their condition, or names of installed upmixers.

    Examples
    --------
    >>> import numpy as np
    >>> song = Audio(0.1 * np.random.default_rng(0).standard_normal((2, 48000)), 48000, "stereo")
    >>> {name: found.format.name for name, found in upmix_conditions(song, ["matrix"]).items()}
    {'matrix': '5.1'}
    """
    if not isinstance(upmixers, Mapping):
        upmixers = {name: get_upmixer(name) for name in upmixers}
    found = audio if isinstance(audio, Audio) else read(audio)
    return {
        name: Audio(each.upmix(found.samples, found.sample_rate), found.sample_rate, each.format)
        for name, each in upmixers.items()
    }


def _needed_note(trials: int) -> str:
    """Return a sentence about the number of correct answers that one listener needs."""
    needed = correct_needed(trials)
    count = f"{trials} trial{'' if trials == 1 else 's'}"
    if needed is None:
        return (
            f"{count} per listener: not even {trials} of {trials} equal answers are "
            f"significant at 5 % (p = {binomial_test(trials, trials).p_value:.2g}); pool listeners "
            f"or use at least 5 trials."
        )
    short = needed - 1
    return (
        f"{count} per listener: {needed} of {trials} are significant at 5 % (one-sided), "
        f"{short} of {trials} are not (p = {binomial_test(short, trials).p_value:.2g}). For "
        f"listeners who choose correctly in 80 % of the trials, {trials_needed(0.8)} trials have a "
        "power of 80 %."
    )
