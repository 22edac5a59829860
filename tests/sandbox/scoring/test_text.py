"""Sentences and words, where naive splitting goes wrong."""

import pytest

from resonance_sandbox.scoring.text import MAX_SENTENCE_WORDS, sentences, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("   \n ", []),
        ("!!! ... ?", []),
        ("No end", ["No end"]),
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Lee met Mrs. Poe. They spoke.", ["Dr. Lee met Mrs. Poe.", "They spoke."]),
        ("It cost 3.50 in the U.S. market.", ["It cost 3.50 in the U.S. market."]),
        ("J. S. Bach wrote it. So did I. Then we ate.",
         ["J. S. Bach wrote it.", "So did I.", "Then we ate."]),
        ('"Really?" she asked. "Yes."', ['"Really?" she asked.', '"Yes."']),
        ("He waited... and left. Then… nothing.", ["He waited... and left.", "Then… nothing."]),
        ("Use tools, e.g. a saw. Good.", ["Use tools, e.g. a saw.", "Good."]),
        ("A heading\n\nA line.", ["A heading", "A line."]),
        ("Buy:\n- milk\n- bread", ["Buy:", "- milk", "- bread"]),
        ("你好。再见!", ["你好。", "再见!"]),
        ("Wrapped\nlines are one.", ["Wrapped\nlines are one."]),
    ],
)  # fmt: skip
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_a_run_without_end_is_cut_to_bounded_pieces() -> None:
    pieces = sentences("word " * 1_000)
    assert sum(len(words(piece)) for piece in pieces) == 1_000
    assert max(len(words(piece)) for piece in pieces) <= MAX_SENTENCE_WORDS


def test_words_keep_contractions_compounds_and_decimals_whole() -> None:
    assert words("It\u2019s a well-known 3.5% rise; don't 'quote' me.") == [
        "it's", "a", "well-known", "3.5%", "rise", "don't", "quote", "me",
    ]  # fmt: skip
