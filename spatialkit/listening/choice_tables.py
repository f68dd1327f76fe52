"""Tables of the answers of ABX and preference tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from spatialkit.listening.answers import Answers
from spatialkit.listening.binomial import BinomialResult, binomial_test
from spatialkit.listening.tables import Table
from spatialkit.metrics import holm_bonferroni

# Answers of one listener below which a note states how little they prove.
FEW_TRIALS = 10
Found = tuple[list[Table], list[str], list[dict[str, Any]]]

BINOMIAL_COLUMNS = (
    "correct",
    "trials",
    "proportion",
    "p",
    "exact_low",
    "exact_high",
    "wilson_low",
    "wilson_high",
)


def _binomial_row(found: BinomialResult) -> list[Any]:
    return [
        found.correct,
        found.trials,
        found.proportion,
        found.p_value,
        *found.clopper_pearson,
        *found.wilson,
    ]


def abx_tables(answers: Sequence[Answers]) -> Found:
    """Return the tables, notes and observations of an ABX test."""
    observations = [
        {
            "listener": each.listener,
            "item": trial["item"],
            "x": trial["x"],
            "answer": trial["answer"],
            "correct": trial["x"] == trial["answer"],
        }
        for each in answers
        for trial in each.trials
    ]

    def test(**values: str) -> BinomialResult:
        chosen = [
            each["correct"]
            for each in observations
            if all(each[key] == value for key, value in values.items())
        ]
        return binomial_test(sum(chosen), len(chosen))

    listeners = [(each.listener, test(listener=each.listener)) for each in answers]
    adjusted = holm_bonferroni([found.p_value for _, found in listeners])
    rows = [
        (name, *_binomial_row(found), float(p))
        for (name, found), p in zip(listeners, adjusted, strict=True)
    ]
    tables = [
        Table("pooled", "All listeners", BINOMIAL_COLUMNS, (tuple(_binomial_row(test())),)),
        Table("listeners", "By listener", ("listener", *BINOMIAL_COLUMNS, "p_holm"), tuple(rows)),
    ]
    items = sorted({each["item"] for each in observations})
    if len(items) > 1:
        by_item = [(item, *_binomial_row(test(item=item))) for item in items]
        tables.append(Table("items", "By item", ("item", *BINOMIAL_COLUMNS), tuple(by_item)))
    notes = [
        "p: exact one-sided binomial test against guessing (0.5). p_holm: adjusted for the number "
        "of listeners.",
        "The pooled test counts all answers as independent. It shows that some answers are better "
        "than guessing, not that every listener hears a difference.",
        *_few_trials(answers, [len(each.trials) for each in answers]),
    ]
    return tables, notes, observations


def preference_tables(answers: Sequence[Answers]) -> Found:
    """Return the tables, notes and observations of a preference test."""
    questions = [question["name"] for question in answers[0].test["questions"]]
    observations = []
    for each in answers:
        for trial in each.trials:
            for question in questions:
                chosen = trial["answers"][question]
                other = next(name for name in trial["samples"].values() if name != chosen)
                facts = {"listener": each.listener, "item": trial["item"], "question": question}
                observations.append({**facts, "chosen": chosen, "other": other})
    # In the order of the definition, so that tables name the same condition first.
    pairs = list(dict.fromkeys(tuple(each["conditions"][:2]) for each in answers[0].test["trials"]))

    def counts(question: str, pair: tuple[str, str], listener: str | None = None) -> list[bool]:
        return [
            each["chosen"] == pair[0]
            for each in observations
            if each["question"] == question
            and {each["chosen"], each["other"]} == set(pair)
            and listener in (None, each["listener"])
        ]

    pooled, by_listener = [], []
    for question in questions:
        for pair in pairs:
            chosen = counts(question, pair)
            found = binomial_test(sum(chosen), len(chosen), alternative="two-sided")
            own = [counts(question, pair, each.listener) for each in answers]
            for each, answered in zip(answers, own, strict=True):
                result = binomial_test(sum(answered), len(answered), alternative="two-sided")
                by_listener.append((each.listener, question, *pair, *_binomial_row(result)))
            first = sum(2 * sum(answered) > len(answered) for answered in own)
            second = sum(2 * sum(answered) < len(answered) for answered in own)
            majority = binomial_test(first, first + second, alternative="two-sided").p_value
            pooled.append((question, *pair, *_binomial_row(found), first, majority))
    adjusted = holm_bonferroni([row[6] for row in pooled])
    columns = ["chosen" if name == "correct" else name for name in BINOMIAL_COLUMNS]
    tables = [
        Table(
            "pooled",
            "All listeners",
            ("question", "first", "second", *columns, "listeners_for_first", "p_sign", "p_holm"),
            tuple((*row, float(p)) for row, p in zip(pooled, adjusted, strict=True)),
        ),
        Table(
            "listeners",
            "By listener",
            ("listener", "question", "first", "second", *columns),
            tuple(by_listener),
        ),
    ]
    notes = [
        "chosen: answers for the first condition. p: exact two-sided binomial test against 0.5, "
        "which counts all answers as independent. p_holm: adjusted for the number of questions and "
        "pairs.",
        "p_sign: two-sided sign test with one vote per listener, the condition that they chose "
        "more often. It does not need independent answers of a listener.",
        *_few_trials(answers, [len(each.trials) for each in answers]),
    ]
    return tables, notes, observations


def _few_trials(answers: Sequence[Answers], counts: Sequence[int]) -> Iterator[str]:
    """Yield a note if listeners have few trials."""
    fewest = min(counts)
    if fewest < FEW_TRIALS:
        almost = binomial_test(max(fewest - 1, 0), fewest).p_value
        yield (
            f"A listener has only {fewest} trials: even {max(fewest - 1, 0)} of {fewest} answers "
            f"occur with p = {almost:.2g} by guessing (one-sided). Conclude from the pooled "
            "answers of several listeners, or plan more trials (planning_table)."
        )
