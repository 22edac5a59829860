"""Frames, slots, agreement and articles; and every frame as a sentence that could be printed."""

import re

import pytest

from resonance_sandbox.scoring.text import sentences
from resonance_sandbox.writer.domains import SLOTS, Domain, domain_of, domains
from resonance_sandbox.writer.grammar import article_for, frames, realise, third_person

PERSON = {"name": "Mara", "he": "she", "him": "her", "his": "her", "himself": "herself"}
FRAMES = [frame for members in frames().values() for frame in members]


def fillers(domain_name: str = "general") -> dict[str, str]:
    domain = next(domain for domain in domains() if domain.name == domain_name)
    return {slot: domain.fillers[slot][0] for slot in SLOTS} | PERSON


@pytest.mark.parametrize(
    ("word", "article"),
    [("engineer", "an"), ("user", "a"), ("hour", "an"), ("one", "a"), ("MRI", "an"), ("API", "an")],
)
def test_the_article_goes_by_sound(word: str, article: str) -> None:
    assert article_for(word) == article


@pytest.mark.parametrize(
    ("verb", "third"),
    [
        ("change", "changes"),
        ("carry", "carries"),
        ("have", "has"),
        ("reach", "reaches"),
        ("pay", "pays"),
    ],
)
def test_third_person(verb: str, third: str) -> None:
    assert third_person(verb) == third


def test_the_subject_agrees_and_is_stood_for() -> None:
    text = "{s} {is} old, {v:change} slowly, and {it} {has} {its} friends; few know {them}."
    assert (
        realise(text, "the train", False, {})
        == "The train is old, changes slowly, and it has its friends; few know it."
    )
    assert (
        realise(text, "trains", True, {})
        == "Trains are old, change slowly, and they have their friends; few know them."
    )


def test_a_quotation_begins_with_a_capital_inside_its_mark() -> None:
    assert realise('"it {is} late," {he} said.', "x", False, PERSON) == '"It is late," she said.'


@pytest.mark.parametrize("role", frames())
def test_every_frame_makes_one_clean_sentence(role: str) -> None:
    for frame, draw in ((f, d) for f in frames()[role] for d in range(min(f.choices, 6))):
        for subject, plural in (("the future of trains", False), ("trains", True)):
            text = realise(frame.variant(draw).text, subject, plural, fillers())
            assert not re.search(r"[{}\[\]|~_]|  | [,.;:?!]|,,", text), text
            assert text[-1] in '.?!"', text
            assert text.lstrip('"')[0].isupper(), text
            assert not re.search(r"\b(\w+) \1\b", text.lower().replace("that that", "")), text
            assert not re.search(r"\b[Aa] [aeiou](?!n[ie]|se|ne\b)|\b[Aa]n [^aeiouh]", text), text
            assert len(sentences(text)) == 1, text


def test_no_frame_stands_twice() -> None:
    texts = [frame.text for frame in FRAMES]
    assert len(texts) == len(set(texts))


def test_object_pronouns_are_objects() -> None:
    for frame in FRAMES:
        assert not re.search(
            r"\b(?:about|with|into|before|of|to|for|tried|doubt) \{it\}", frame.text
        )


def test_a_verb_of_the_subject_agrees_with_it() -> None:
    """After a subject that begins the sentence, "was" would be wrong for "trains"."""
    for frame in FRAMES:
        for draw in range(frame.choices):
            text = frame.variant(draw).text
            assert not re.match(r"\{s\} (?:was|were|is|are|has|have|does|do)\b", text), text


@pytest.mark.parametrize("domain", domains(), ids=lambda domain: domain.name)
def test_fillers_fit_their_slots(domain: Domain) -> None:
    assert set(domain.fillers) == set(SLOTS)
    for slot, items in domain.fillers.items():
        assert len(items) >= 3, slot
        assert len(items) == len(set(items)), slot
        for item in items:
            if slot in ("metric", "event", "place"):
                assert item.startswith("the "), item
            if slot in ("job", "group"):
                assert not item.startswith(("a ", "an ", "the ")), item
            if slot in ("gain", "loss", "work"):
                assert not re.search(r"(?<![suio])s$", item), f"{item} takes a plural verb"


@pytest.mark.parametrize(
    ("prompt", "field"),
    [
        ("machine learning", "ai"),
        ("Marketing strategy", "marketing"),
        ("vaccines", "health"),
        ("Why is the sky blue?", "science"),
        ("bees and pesticides", "environment"),
        ("home-made bread", "food"),
        ("electric cars", "transport"),
        ("the history of Rome", "history"),
        ("zzz", "general"),
    ],
)
def test_a_prompt_finds_its_field(prompt: str, field: str) -> None:
    assert domain_of(prompt).name == field
