"""How well the built-in writer meets its targets, and whether its articles can be believed.

All but the times is deterministic: the same code prints the same figures on any machine. The
prompts below were written after the writer was, and it is not tuned on them: whoever looks at the
articles on them to mend the writer writes new ones first.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

from benchmarks.harness import Goal, Options, Result
from resonance_sandbox.hrv import DIMENSIONS, HRVVector
from resonance_sandbox.scoring import measure
from resonance_sandbox.scoring.text import sentences, words
from resonance_sandbox.store.catalog import SHARED
from resonance_sandbox.writer import Brief, ResonantWriter

PROMPTS = (
    "The comeback of vinyl records",
    "Why do cats knead blankets?",
    "Write a short article about roof insulation",
    "Exit interviews",
    "gluten intolerance",
    "How to read a weather map",
    "The invention of the zip fastener",
    "Gift cards as a marketing tool",
    "Version control for documents",
    "Is cereal a soup?",
    "A beginner's guide to calligraphy",
    "Light pollution over small towns",
    "Minutes of the annual general meeting",
    "Tell me about tectonic plates",
    "Starting a choir at sixty",
    "Browser extensions",
    "vinegar",
    "Should museums be free?",
    "Appointment reminders in dental practices",
    "The psychology of collecting",
    "peat bogs",
    "Explain compound interest to a child",
    "Subtitling foreign films",
    "Women in engineering",
    "Spare parts logistics",
    "Advice for a new neighbour",
    "Invoices and reminders",
    "Braille",
    "What makes a good map?",
    "Furniture without screws",
)
_MIDDLE = HRVVector([0.5, 0.2, 0.5, 0.6, 0.5, 0.4, 0.4, 0.7])
_LEXICON = Path(__file__).with_name("lexicon.tsv")
_WRITER = ResonantWriter()
_UNSTEERED = ResonantWriter(sweeps=0, rounds=0, drafts=1)


def run(options: Options) -> list[Result]:
    """The tables: profiles, any vector, short articles, sliders, belief, time."""
    prompts = PROMPTS[: options.size(len(PROMPTS), 6)]
    articles = {
        name: [write(prompt, target) for prompt in prompts] for name, target in profiles().items()
    }
    return [
        by_profile(articles, prompts),
        by_dimension(articles),
        any_vector(options.size(200, 20), prompts),
        short(prompts),
        sliders(prompts[: options.size(10, 2)]),
        belief(articles),
        times(options),
    ]


def profiles() -> dict[str, HRVVector]:
    """The seven shared profiles."""
    return {preset.name: preset.vector for preset in SHARED}


def write(
    prompt: str, target: Iterable[float], seed: int = 0, writer: ResonantWriter = _WRITER
) -> str:
    """An article of three paragraphs, at the API's default temperature."""
    return writer.write(Brief(prompt, HRVVector(target), seed=seed)).text


def feedback(text: str, target: Iterable[float]) -> float:
    """The `hrv_feedback` of a text."""
    return measure(text).vector.feedback(target)


def by_profile(articles: dict[str, list[str]], prompts: Sequence[str]) -> Result:
    """Feedback by profile, beside the writer unsteered and the other profiles' targets."""
    targets = profiles()
    rows = []
    everything: list[float] = []
    for name, texts in articles.items():
        target = targets[name]
        steered = [feedback(text, target) for text in texts]
        unsteered = [feedback(write(p, _MIDDLE, writer=_UNSTEERED), target) for p in prompts]
        others = [
            feedback(text, target)
            for other in articles
            if other != name
            for text in articles[other]
        ]
        everything += steered
        rows.append(
            (name, *map(float, (_mean(steered), min(steered), _mean(unsteered), _mean(others))))
        )
    rows.append(
        (
            "all",
            _mean(everything),
            min(everything),
            _mean(r[3] for r in rows),
            _mean(r[4] for r in rows),
        )
    )
    return Result(
        "quality-profiles",
        "hrv_feedback by profile",
        ("profile", "mean", "worst", "unsteered", "another profile's article"),
        rows,
        notes=[f"{len(prompts)} prompts, three paragraphs each, that nobody tuned for"],
        goals=[
            Goal("mean feedback", _mean(everything), 0.90, at_least=True),
            Goal("worst feedback", min(everything), 0.80, at_least=True),
        ],
    )


def by_dimension(articles: dict[str, list[str]]) -> Result:
    """How far from the target each dimension stays, as a share of its range."""
    targets = profiles()
    gaps = [
        measure(t).vector.gaps(targets[name]) for name, texts in articles.items() for t in texts
    ]
    rows = [
        (d.name, _mean(g[d.name] for g in gaps), max(g[d.name] for g in gaps)) for d in DIMENSIONS
    ]
    return Result(
        "quality-dimensions",
        "Gap to the target by dimension",
        ("dimension", "mean gap", "largest gap"),
        rows,
    )


def feasible_vectors(count: int, seed: int = 2) -> list[HRVVector]:
    """Random targets that a text can have.

    Uniform over the middle eight tenths of each range, but a feeling's sign needs feeling: valence
    is kept to at most twice the intensity.
    """
    draw = random.Random(seed)
    found: list[HRVVector] = []
    while len(found) < count:
        vector = HRVVector([d.low + d.span * draw.uniform(0.1, 0.9) for d in DIMENSIONS])
        if abs(vector.emotional_valence) <= 2 * vector.emotional_intensity:
            found.append(vector)
    return found


def any_vector(count: int, prompts: Sequence[str]) -> Result:
    """Feedback over random feasible targets."""
    values = [
        feedback(write(prompts[i % len(prompts)], vector, seed=i), vector)
        for i, vector in enumerate(feasible_vectors(count))
    ]
    return Result(
        "quality-vectors",
        "hrv_feedback over random feasible vectors",
        ("vectors", "mean", "worst", "5th percentile"),
        [(count, _mean(values), min(values), sorted(values)[len(values) // 20])],
        goals=[Goal("mean feedback over random vectors", _mean(values), 0.80, at_least=True)],
    )


def short(prompts: Sequence[str], bounds: Sequence[int] = (200, 300, 400, 500, 700)) -> Result:
    """Feedback of one paragraph with a bound: few sentences can't have eight measures at will."""
    rows = []
    for bound in bounds:
        steered, unsteered, counts = [], [], []
        for prompt in prompts:
            for target in profiles().values():
                brief = Brief(prompt, target, paragraphs=1, max_length=bound)
                text = _WRITER.write(brief).text
                steered.append(feedback(text, target))
                unsteered.append(feedback(_UNSTEERED.write(brief).text, target))
                counts.append(len(sentences(text)))
        rows.append((bound, _mean(counts), _mean(steered), float(min(steered)), _mean(unsteered)))
    return Result(
        "quality-short",
        "hrv_feedback of short articles",
        ("max_length", "sentences", "mean", "worst", "unsteered"),
        rows,
        goals=[
            Goal(f"mean feedback at {bound} characters", mean, 0.85, at_least=True)
            for bound, _, mean, _, _ in rows
            if bound == 400
        ],
    )


def sliders(prompts: Sequence[str]) -> Result:
    """How far the measure moves when one slider of a middling vector goes from 0.2 to 0.8."""
    rows = []
    for index, dimension in enumerate(DIMENSIONS):
        moved = []
        for seed, prompt in enumerate(prompts):
            low, high = (
                measure(
                    write(prompt, [end if i == index else v for i, v in enumerate(_MIDDLE)], seed)
                ).vector[index]
                for end in (0.2, 0.8)
            )
            moved.append(high - low)
        rows.append((dimension.name, _mean(moved), min(moved)))
    return Result(
        "quality-sliders",
        "What a slider moves",
        ("dimension", "mean move for 0.6", "least"),
        rows,
        goals=[Goal("least mean move of a measure", min(r[1] for r in rows), 0.3, at_least=True)],
    )


def belief(articles: dict[str, list[str]]) -> Result:
    """Checks with instruments that the writer does not have."""
    texts = [text for group in articles.values() for text in group]
    valence = [measure(text).vector.emotional_valence for text in texts]
    rank = spearman(valence, [polarity(text) for text in texts])
    accuracy = name_the_profile(articles)
    hardest = min(accuracy, key=accuracy.__getitem__)
    told = [sentence for text in texts for sentence in sentences(text)]
    repeated = sum(n for n in Counter(told).values() if n > 1) / len(told)
    twice = sum(len(found) - len(set(found)) for found in map(sentences, texts))
    return Result(
        "quality-belief",
        "Can it be believed?",
        ("check", "figure"),
        [
            ("rank correlation of valence with another lexicon", rank),
            ("profile named by a classifier, mean over pairs", _mean(accuracy.values())),
            (f"the same, {hardest[0]} or {hardest[1]}", accuracy[hardest]),
            ("sentences that another article also has", repeated),
            ("sentences that stand twice in one article", float(twice)),
        ],
        notes=[
            f"{len(texts)} articles, {len(told)} sentences",
            "the lexicon is that of De Smedt and Daelemans; the classifier is naive Bayes over "
            "words, trained on one half of the prompts and asked about the other",
        ],
        goals=[
            Goal("rank correlation of valence", rank, 0.5, at_least=True),
            Goal("profiles told apart", _mean(accuracy.values()), 0.8, at_least=True),
        ],
    )


def times(options: Options) -> Result:
    """Milliseconds to write three paragraphs."""
    targets = list(profiles().values())
    taken: dict[str, list[float]] = {"CPU": [], "wall": []}
    for i in range(options.size(400, 20)):
        brief = Brief(PROMPTS[i % len(PROMPTS)], targets[i % len(targets)], seed=1000 + i)
        began = time.thread_time(), time.perf_counter()
        _WRITER.write(brief)
        taken["CPU"].append(1000 * (time.thread_time() - began[0]))
        taken["wall"].append(1000 * (time.perf_counter() - began[1]))
    rows = [(name, _at(values, 0.50), _at(values, 0.99)) for name, values in taken.items()]
    p50, p99 = rows[0][1:]
    return Result(
        "quality-times",
        "Time to write three paragraphs",
        ("clock", "p50 ms", "p99 ms"),
        rows,
        notes=["CPU time is the writer's own; wall time also has what else the machine was doing"],
        goals=[Goal("p50 in ms of CPU", p50, 25), Goal("p99 in ms of CPU", p99, 100)],
    )


def polarity(text: str) -> float:
    """Mean polarity per word by a lexicon that neither the writer nor the scorer uses."""
    found = words(text)
    return math.fsum(_polarities().get(word, 0.0) for word in found) / len(found)


_cache: dict[str, float] = {}


def _polarities() -> dict[str, float]:
    if not _cache:
        for line in _LEXICON.read_text(encoding="utf-8").splitlines():
            if not line.startswith("#"):
                word, value = line.split("\t")
                _cache[word] = float(value)
    return _cache


def spearman(first: Sequence[float], second: Sequence[float]) -> float:
    """Rank correlation; ties share their mean rank."""
    return statistics.correlation(_ranks(first), _ranks(second))


def _ranks(values: Sequence[float]) -> list[float]:
    places: dict[float, list[int]] = defaultdict(list)
    for place, value in enumerate(sorted(values)):
        places[value].append(place)
    return [statistics.fmean(places[value]) for value in values]


def name_the_profile(articles: dict[str, list[str]]) -> dict[tuple[str, str], float]:
    """For each pair of profiles, how often a classifier names the profile of an unseen article."""
    half = len(next(iter(articles.values()))) // 2
    found = {}
    for pair in combinations(articles, 2):
        counts = {
            name: Counter(w for t in articles[name][:half] for w in words(t)) for name in pair
        }
        asked = [(name, text) for name in pair for text in articles[name][half:]]
        right = sum(_likelier(text, counts) == name for name, text in asked)
        found[pair] = right / len(asked)
    return found


def _likelier(text: str, counts: dict[str, Counter[str]]) -> str:
    """The class under which the words of `text` are likelier (multinomial naive Bayes)."""
    vocabulary = len(set().union(*counts.values()))

    def likelihood(name: str) -> float:
        total = counts[name].total() + vocabulary
        return math.fsum(math.log((counts[name][word] + 1) / total) for word in words(text))

    return max(counts, key=likelihood)


def _at(values: list[float], share: float) -> float:
    return sorted(values)[int(share * len(values))]


def _mean(values: Iterable[float]) -> float:
    return statistics.fmean(values)
