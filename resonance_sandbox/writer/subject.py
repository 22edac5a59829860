"""From a prompt to what its article is about: a noun phrase that sentences can take.

A prompt is data: whatever it says, it only ever becomes the subject of plain prose. What asks for
writing ("write a blog post about") is left out, and markup and links are dropped. What is left is
taken as it stands where it is a short noun phrase, and is quoted where it is anything else: a
question, a sentence, an order, code, another language.
"""

# ruff: noqa: RUF001 (typographic and full-width punctuation is meant)

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from ..scoring.lexicon import word_set
from ..scoring.text import sentences

__all__ = ["Subject", "subject_of"]


@dataclass(frozen=True, slots=True)
class Subject:
    """What an article is about.

    Attributes:
        name: the full noun phrase, as it stands inside a sentence ("the future of trains").
        short: a shorter one for later mention ("trains"); may equal `name`.
        name_plural: whether `name` takes a plural verb.
        short_plural: whether `short` does.
    """

    name: str
    short: str
    name_plural: bool
    short_plural: bool


_MAX_PROMPT = 5_000
_MAX_WORDS = 9
_LONGEST_WORD = 30
_LONGEST_QUOTATION = 60

_PREPOSITIONS = word_set(
    "of in for on with to at by from about between among under during without within across "
    "through against over after before behind inside into as via like versus vs that which who "
    "where when while because since"
)
_DETERMINERS = word_set(
    "the a an this that these those my your his her its our their some any no every each all both "
    "one two three four five six seven eight nine ten many most several"
)
_SINGULAR_DETERMINERS = word_set("a an one this each every")
_SUPERLATIVES = word_set("latest best top worst first last next same only future biggest greatest")
_CONJUNCTIONS = word_set("and or but not than such half nor")
_CLAUSAL = word_set(
    "i you we they he she it me us is are was were am be does did can could should will would "
    "may might must has have had let's don't won't can't isn't i'm i've i'd you're we're they're "
    "he's she's it's that's there's here's what's"
)
"""Words of a sentence, which a noun phrase does without."""
_ASKING = word_set("why how what when where who whom whose which whether")
_NO_NOUN = _ASKING | word_set(
    "yes hi hello hey please thanks null none undefined true false if because since ignore "
    "disregard repeat translate pretend act say forget"
)
"""Other words that a noun phrase does not begin with; verbs come below."""
_VERBS = word_set("""
    achieve adopt avoid bake become begin boil bring build buy calculate catch choose clean connect
    create cure deal delete develop do draw eat end enjoy find fix get give go grow handle hire
    improve increase invest join keep learn leave live lose make manage meet move onboard organise
    organize overcome pay prepare prevent print protect raise read reduce remember remove replace
    reveal run save see sell sing skip solve speak start stay stop survive take teach think
    understand use visit wait watch welcome win write
""")
_GERUNDS = frozenset(
    f"{stem}ing"
    for verb in _VERBS
    for stem in (verb, verb.removesuffix("e"), verb + verb[-1])  # one of the three is the right one
)
_WRITE = word_set(
    "write draft create compose generate produce give make prepare tell explain describe discuss "
    "summarise summarize outline explore analyse analyze introduce teach show talk provide present"
)
_GENRES = word_set(
    "article post essay story report summary guide introduction intro overview piece paragraph "
    "paragraphs speech letter email e-mail newsletter poem tutorial primer note paper text content "
    "copy tips ideas thoughts words sentences description analysis explanation discussion review "
    "lecture everything something"
)
_REQUEST = (
    _WRITE
    | _GENRES
    | word_set(
        "hi hello hey please kindly can could would will you i want need like to help me us a an "
        "the some my short long brief simple blog news social media research opinion magazine "
        "press case study beginner's see read title topic subject prompt theme"
    )
)
"""Words that only ask for writing."""
_JOINS = word_set("about on to for of regarding concerning covering")
_TRAILS = word_set("tips summary overview basics tutorial guide ideas explained please")
_FOREIGN = word_set(
    "der die das und ist nicht ein eine wie warum el la los las de del y que cómo por para con le "
    "les des une est comment il lo gli che di è não os um uma são och är det en het een van jak na"
)
_ENGLISH = word_set("the of and to in is a for on with how why what an about are do does can i")

_MASS = word_set("""
    advice ai air anatomy art bamboo beer blockchain bread butter calculus care carpentry change
    cheese chess chocolate cinema climate cocoa code coffee cold commerce concrete content corn
    cotton courage cricket crime css data death design dna dust energy english etiquette
    exercise faith fashion feedback fire flour fog food football fun gin glass gold grammar
    grief growth health healthcare heat help history hockey homework honey hope html humour ice
    industry ink iot javascript jazz joy justice knowledge law life light logic love luck
    luggage maths matter medicine memory metal milk money moonlight mud music news oil origami
    overview pain paint peace philosophy poetry poverty power pride progress radio rain religion
    research rice safety salt sand seo sex silk sleep smoke snow society soil space speed sport
    sql steel stone strategy stress success sugar sunlight support tennis theatre time trade
    traffic transport travel trust truth war waste water wealth weather wheat whisky wildlife
    wine wood wool work yoga youth
""")
_MASS_ENDINGS = tuple(
    word_set(
        "tion sion ness ity ism ment ing ance ence ship ics ology graphy ware dom hood acy ure "
        "esis osis ery"
    )
)
_IRREGULAR_PLURALS = word_set("people children men women mice teeth feet geese criteria media "
                              "bacteria police")  # fmt: skip
_SINGULAR_S = word_set("news series species bus gas lens virus analysis kubernetes always")
_PROPER = {
    word.lower(): word
    for word in word_set("""
        Africa America Amazon Apple Asia Australia Bach Beethoven Berlin Brazil Britain Canada China
        Christmas Darwin Docker Easter Egypt Einstein England English Europe Excel Facebook Fortran
        France French German Germany Google Greece Greek India Italian Italy Japan Japanese Java
        JavaScript Kubernetes Latin Linux London Mars Microsoft Mozart Netflix Newton Paris Picasso
        Postgres Python Roman Rome Russia Rust Sahara Scotland Shakespeare Spain Spanish Tesla Tokyo
        Toyota TypeScript Venus Vienna Wikipedia Windows Mexico Chinese Korean Arabic Buddhism Islam
        Christianity Django Jupyter Monday Sunday AI API APIs USA UK EU DNA RNA CEO SEO SQL HTML CSS
        IoT NASA REST GPU CPU PhD VR AR
    """)
}

_CODE = re.compile(r"[{};]|\w\(")
_TAG = re.compile(r"<[^<>]{0,200}>")
_MARKUP = re.compile(r"[<>{}\[\]|\\`*_~^$=;@%/\"“”«»()]|(?<![\w+#])[#+]")
_ENDS = re.compile(r"[.:!?…。！？¿¡、，：；]")
_LOST = re.compile(r"[.:!?…]{2}| (?:[:!?…]|\.(?!\w))")
"""Punctuation that no name has; ".NET" is one."""
_COMMAS = re.compile("(?: ?,)+")
_LOOSE = " .,!?;:'’-–—&"


def subject_of(prompt: str) -> Subject:
    """The subject of an article on `prompt`: any string, the empty one too."""
    text = _plain(prompt[:_MAX_PROMPT])
    first = next(iter(sentences(text)), text)
    words = _asked_for(first.split())
    phrase = " ".join(words).strip(_LOOSE)
    if first.endswith("?"):
        return _quoted("the question", first)
    if _LOST.search(phrase):
        return _quoted("the subject", text)
    if _is_noun_phrase(phrase) and not _CODE.search(prompt):
        return _nominal(_cased(phrase.split()))
    if len(words) > 2 and words[0].lower() in _ASKING:  # "why cats purr" names a question
        said = " ".join(_cased(_trimmed(phrase.split())))
        return Subject(f"the question of {said}", "the question", False, False)
    return _quoted("the subject", text)


def _plain(text: str) -> str:
    """`text` on one line, without control characters, tags, links and markup."""
    visible = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)
    words = _TAG.sub(" ", unicodedata.normalize("NFC", visible)).replace("&", " and ").split()
    kept = [w for w in words if "://" not in w and "@" not in w and not w.startswith("www.")]
    plain = _spaced(_MARKUP.sub(" ", " ".join(kept or words)))
    return plain.lower() if plain.isupper() and plain.count(" ") >= 2 else plain


def _spaced(text: str) -> str:
    """`text` with one space between words, and one comma, with none before it."""
    return _COMMAS.sub(",", " ".join(text.split()))


def _asked_for(words: list[str]) -> list[str]:
    """`words` without those that only ask for writing."""
    lower = [word.lower().strip(_LOOSE) for word in words]
    if len(words) > 1 and lower[-1] in _TRAILS:
        words, lower = words[:-1], lower[:-1]
    for i, word in enumerate(lower[:-1][:16]):
        if words[i].endswith(":"):
            asks = all(w in _REQUEST for w in lower[: i + 1])
            return words[i + 1 :] if asks else words[: i + 1]  # a title without its subtitle
        if i and word in _JOINS and lower[i - 1] in _WRITE | _GENRES | {"me", "us", "see", "read"}:
            strange = [w for w in lower[:i] if w not in _REQUEST and not w[:1].isdigit()]
            if len(strange) <= 1:
                return words[i + 1 :]
    while len(words) > 1 and lower[0] in _WRITE | {"please", "about", "on"}:
        words, lower = words[1:], lower[1:]
    return words


def _is_noun_phrase(phrase: str) -> bool:
    """Whether `phrase` is short, in English letters, and names something instead of saying it."""
    words = phrase.lower().replace("’", "'").split()
    letters = [c for c in phrase if c.isalpha()]
    return (
        0 < len(words) <= _MAX_WORDS
        and max(map(len, words)) <= _LONGEST_WORD
        and sum(c.isascii() for c in letters) > 0.8 * len(letters)
        and words[0] not in _NO_NOUN | _PREPOSITIONS - {"that"} | _VERBS
        and words[-1] not in _PREPOSITIONS | _DETERMINERS | _CONJUNCTIONS
        and not _CLAUSAL.intersection(words)
        and not (sum(w in _FOREIGN for w in words) > 1 and not _ENGLISH.intersection(words))
        and len(letters) > 1
        and ("," not in phrase or not {"and", "or"}.isdisjoint(words))
        and (words[0] in _GERUNDS or not _has_object(phrase.split()))
    )


def _has_object(words: list[str]) -> bool:
    """Whether a determiner stands where no noun phrase has one, as in "skip the line"."""
    joins = _PREPOSITIONS | _DETERMINERS | _CONJUNCTIONS
    return any(
        word.lower() in _DETERMINERS
        and before.lower().strip(",") not in joins
        and after.islower()  # not "Winnie the Pooh"
        for before, word, after in zip(words, words[1:], words[2:], strict=False)
    )


def _quoted(kind: str, text: str) -> Subject:
    whole = _spaced(_ENDS.sub(" ", text))
    said = whole[:_LONGEST_QUOTATION]
    if said != whole:
        said = " ".join(_trimmed(said.split()[:-1])) or said[: _LONGEST_WORD - 1]
    said = said.strip(_LOOSE)
    return Subject(f"{kind} “{said}”" if said else kind, kind, False, False)


def _trimmed(words: list[str]) -> list[str]:
    """At most `_MAX_WORDS` words, and no loose end."""
    words = words[:_MAX_WORDS]
    while words and words[-1].lower() in _PREPOSITIONS | _DETERMINERS | _CONJUNCTIONS:
        words = words[:-1]
    return words


def _cased(words: list[str]) -> list[str]:
    """Lower case but for names: a capital may only be that of a sentence or a title."""
    long_words = [w for w in words if len(w) > 3]
    titled = len(long_words) > 2 and all(w[0].isupper() for w in long_words)
    a_name = 1 < len(words) < 4 and all(w[0].isupper() and not _is_common(w) for w in words)
    return [
        _PROPER[word.lower()]
        if word.lower() in _PROPER and (word[0].isupper() or len(word) <= 3)
        else word.lower()
        if (i == 0 or titled) and not a_name and (word[1:].islower() or word == "A")
        else word
        for i, word in enumerate(words)
    ]


def _nominal(words: list[str]) -> Subject:
    name, plural = _determined(words)
    cut = _first_preposition(words)
    core = words[:cut]
    if words[cut : cut + 1] == ["of"]:
        core = words[cut + 1 :]
        core = core[: _first_preposition(core)]
    short, short_plural = _determined(core)
    return Subject(name, short.rstrip(","), plural, short_plural)


def _first_preposition(words: list[str]) -> int:
    return next((i for i, w in enumerate(words) if i and w.lower() in _PREPOSITIONS), len(words))


def _determined(words: list[str]) -> tuple[str, bool]:
    """The phrase with the article that it needs, and whether it is plural."""
    cut = _first_preposition(words)
    head = words[cut - 1]
    first = words[0].lower()
    joined = "and" in words[:cut]
    plural = (joined or _is_plural(head.lower())) and first not in _SINGULAR_DETERMINERS
    if first in word_set("a an my your") and len(words) > 1:
        return " ".join(["the", *words[1:]]), plural
    phrase = " ".join(words)
    if first in _GERUNDS:
        return phrase, False
    if first in _DETERMINERS or first.endswith(("'s", "’s", "s'")):
        return phrase, plural
    if first in _SUPERLATIVES or "of" in words[cut : cut + 1]:
        return "the " + phrase, plural
    named = head[0].isupper() or not head.isalpha()
    return phrase if plural or named or _is_mass(head.lower()) else "the " + phrase, plural


def _is_common(word: str) -> bool:
    return _is_mass(word.lower()) or _is_plural(word.lower())


def _is_plural(word: str) -> bool:
    return word in _IRREGULAR_PLURALS or (
        len(word) > 3
        and word.endswith("s")
        and "." not in word
        and not word.endswith(("ss", "us", "is", "ics", "'s", "’s"))
        and word not in _SINGULAR_S
        and word not in _PROPER
    )


def _is_mass(word: str) -> bool:
    return word in _MASS or (len(word) > 5 and word.endswith(_MASS_ENDINGS))
