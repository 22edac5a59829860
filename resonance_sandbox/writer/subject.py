"""From a prompt to what its article is about: a noun phrase that sentences can take.

A prompt is data: whatever it says, it only ever becomes the subject of plain prose. Markup, control
characters and links are dropped; a prompt in another script, or in code, is quoted by name.
"""

# ruff: noqa: RUF001 (typographic quotes are meant)

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from ..scoring.lexicon import word_set

__all__ = ["Subject", "subject_of"]


@dataclass(frozen=True, slots=True)
class Subject:
    """What an article is about.

    Attributes:
        name: the full noun phrase, as it stands inside a sentence ("the future of trains").
        short: a shorter one for later mention ("trains"); may equal `name`.
        name_plural, short_plural: whether it takes a plural verb.
    """

    name: str
    short: str
    name_plural: bool
    short_plural: bool


_MAX_WORDS = 9
_LONGEST_WORD = 30

_PREPOSITIONS = word_set(
    "of in for on with to at by from about between among under during without within across "
    "through against over after before behind inside into as via like versus vs that which who "
    "where when while because since if"
)
_DETERMINERS = word_set(
    "the a an this that these those my your his her its our their some any no every each all both "
    "one two three four five six seven eight nine ten many most several"
)
_PRONOUNS = word_set("i you we they he she it one me us them someone people anyone")
_LONE = (
    _PREPOSITIONS
    | _DETERMINERS
    | _PRONOUNS
    | word_set("how what why yes no not and or but hi hello null none undefined true false")
)
"""Words that name nothing by themselves."""
_CLAUSAL = word_set(
    "i you we they he she it to don't won't can't let's i'm i've you're we're they're he's she's "
    "it's that's there's here's"
)
"""Words that begin a clause rather than a noun phrase."""
_SUPERLATIVES = word_set(
    "latest best top most worst first last next same only future biggest greatest"
)
_MASS = word_set("""
    advice agriculture ai air architecture art bread business calculus care change cheese chess
    chocolate climate coffee commerce communication content cooking copywriting courage crime
    culture data death democracy design dna ecology education electricity energy english
    entertainment equipment ethics evolution exercise faith fashion fiction finance fire fitness
    food freedom friendship fun furniture gold grammar gravity grief growth health help history hope
    housing humour ice industry information insurance iot javascript jazz joy justice knowledge law
    leadership life light literature logic love luck management maths matter medicine memory metal
    milk money music nature news nutrition oil pain peace performance philosophy photosynthesis
    physics poetry politics pollution poverty power pride privacy progress psychology quality rain
    reality religion research rice safety salt sand science sex sleep snow society software soil
    space speed sport steel strategy stress success sugar support technology tennis theatre time
    tourism trade traffic training transport travel trust truth violence war waste water wealth
    weather wellness wine work yoga youth blockchain football cricket hockey parenthood childhood
    healthcare seo sql html css homework overview feedback code etiquette wildlife hardware honey
    butter cotton cocoa corn wheat wool silk ink paint flour fishing farming gin whisky beer cinema
    television radio journalism anatomy acoustics glass wood stone concrete bamboo smoke fog
    mud dust sunlight moonlight darkness silence heat cold ventilation plumbing luggage jewellery
    pottery carpentry origami
""")
_MASS_ENDINGS = tuple(
    sorted(
        word_set(
            "tion sion ness ity ism ment ing ance ence ship ics ology ography ware dom hood acy "
            "ure esis osis ery"
        )
    )
)
_IRREGULAR_PLURALS = word_set(
    "people children men women mice teeth feet geese criteria media bacteria police"
)
_SINGULAR_S = word_set(
    "news series species bus gas lens virus analysis kubernetes politics jeans always"
)
_GENRES = (
    r"(?:(?:blog|news|social media|research|short|opinion|magazine|linkedin|press)\s+)?"
    r"(?:article|post|essay|story|report|summary|guide|introduction|intro|overview|piece|paragraphs?|speech|letter|"
    r"e-?mail|newsletter|poem|tutorial|primer|note|release|case study|paper|text|content|copy|tips|"
    r"ideas|thoughts|words|sentences?|description|analysis|explanation|discussion|review|outline|lecture)"
)
_LEADS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"^(?:hi|hello|hey|ok|okay|so|now|well)\b[\s,!.]*",
        r"^(?:please|kindly)\b[\s,]*",
        r"^(?:can|could|would|will)\s+you\s+(?:please\s+)?(?=(?:write|tell|explain|describe|give|help|"
        r"make|create|draft|generate|summari[sz]e|discuss|compose|show|teach|talk)\b)",
        r"^(?:i\s+(?:want|need|would like)|i'd like)\s+(?:you\s+)?(?:to\s+)?",
        r"^help\s+me\s+(?:to\s+)?",
        r"^(?:write|draft|create|compose|generate|produce|give|make|prepare|tell|explain|describe|"
        r"discuss|"
        r"summari[sz]e|outline|explore|analy[sz]e|introduce|teach|show|talk|speak|provide|present|"
        r"elaborate|comment|report)\s+(?:(?:me|us|to\s+me|to\s+us)\s+)?(?:something\s+)?"
        r"(?=(?:about|on|of|why|how|what|whether|an?|the|some|\d+|in\b|" + _GENRES + r")\b)",
        r"^(?:explain|describe|discuss|summari[sz]e|outline|analy[sz]e|introduce|compare|contrast)\s+",
        r"^(?:this|that|it|here)\s+is\s+(?=\w)",
        r"^(?:see|read)\s+(?=about\b)",
        r"^(?:about|on|regarding|concerning|re:)\s+",
        r"^(?:an?|the|some|my|\d+|one|two|three|five|ten)?\s*(?:[\w-]+\s+){0,2}?" + _GENRES
        + r"\s+(?:about|on|to|for|of|explaining|describing|that explains|covering)\s+",
        r"^(?:everything|all|something)\s+(?:there is to know\s+)?about\s+",
        r"^(?:title|topic|subject|prompt|theme|question)\s*:\s*",
    )
)  # fmt: skip
_TRAILS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"[\s,]+(?:please|thanks|thank you|explained|101)\s*$",
        r"[\s,]+(?:in|with|using)\s+(?:about\s+)?(?:\d+|one|two|three|four|five|a few)\s+\w+\s*$",
        r"[\s,]+in\s+(?:simple|plain|clear|layman's)\s+(?:terms|words|english|language)\s*$",
        r"[\s,]+with\s+examples\s*$",
        r"(?<=\w)\s+(?:tips|overview|basics|tutorial|guide|essay|article|introduction|summary|explained|"
        r"blog post|ideas)\s*$",
    )
)
_VERBS = word_set("""
    achieve adopt ask avoid bake become begin boil break bring build buy calculate catch choose
    clean come connect cook create cure deal delete develop die do draw drink earn eat end enjoy
    exist fail fall find fix fly forget get give go grow handle happen help hire ignore improve
    increase invest join keep know learn leave live lose make manage matter meet move need organise
    organize pay play prepare prevent print protect purr reach read reduce remember remove replace
    reveal ride run save see sell sing sleep solve speak spend start stay stop survive swim take
    teach tell think train travel understand use visit wait walk want win work write
""")
_IMPERATIVES = word_set("""
    achieve adopt avoid bake become begin boil bring build buy calculate choose clean connect create
    cure delete develop draw eat enjoy find fix forget get give go grow handle hire ignore improve
    increase invest join keep learn leave live lose make manage meet organise organize pay prepare
    prevent print protect reduce remember remove replace reveal run save sell sing solve speak start
    stay stop survive take teach understand use write repeat say translate pretend act disregard
""")
_GERUNDS = word_set("""
    achieving adopting asking avoiding becoming breaking bringing buying catching choosing creating
    dealing doing earning eating ending enjoying finding fixing forgetting getting giving going
    growing handling having helping hiring ignoring improving increasing investing joining keeping
    knowing leaving losing making managing meeting moving needing onboarding organising organizing
    overcoming paying preparing preventing protecting raising reading reducing remembering removing
    replacing running saving seeing selling solving starting stopping surviving taking teaching
    thinking understanding using visiting waiting watching welcoming winning writing
""")
_PROPER = {
    word.lower(): word
    for word in word_set("""
        Africa America Amazon Apple Asia Australia Bach Beethoven Berlin Brazil Britain Canada
        China Christmas Darwin Docker Easter Egypt Einstein England English Europe Excel Facebook
        Fortran France French German Germany Google Greece Greek India Italian Italy Japan
        Japanese Java JavaScript Kubernetes Latin Linux London Mars Microsoft Mozart Netflix
        Newton Paris Picasso Postgres Python Roman Rome Russia Rust Sahara Scotland Shakespeare
        Spain Spanish Tesla Tokyo Toyota TypeScript Venus Vienna Wikipedia Windows Mexico
        Chinese Korean Arabic Buddhism Islam Christianity Django Jupyter Monday Sunday
        AI API APIs USA UK EU DNA RNA CEO SEO SQL HTML CSS IoT NASA REST GPU CPU PhD VR AR
    """)
}

_ABBREVIATED = re.compile(
    r"\b(?:[A-Z]|(?:[A-Z]\.)+[A-Z]|[SM]t|Drs?|Mrs?|Ms|Prof|Rev|Gen|Jr|Sr|No|vs|e\.g|i\.e)\.$"
)
_LINK = re.compile(r"\b(?:https?://|www\.)\S+|\S+@\S+\.\w+", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,200}>")
_MARKUP = re.compile(r"[<>{}\[\]|\\`*_~^$=;@%/\"“”«»()]+|(?<![\w+#])[#+]+")
_LATIN_WORD = re.compile(r"[A-Za-zÀ-ɏ0-9][A-Za-zÀ-ɏ0-9'’.+#&-]*")
_CODE = re.compile(r"[{};=<>]|\w\(|\bdef |\bclass |\bSELECT\b|\bimport ")


def subject_of(prompt: str) -> Subject:
    """The subject of an article on `prompt`: any string, the empty one too."""
    visible = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in prompt[:5_000])
    text = " ".join(unicodedata.normalize("NFC", visible).split())
    text = " ".join(_LINK.sub(" ", _TAG.sub(" ", text)).split()) or text
    if _looks_like_code(text):
        return _code(text)
    plain = " ".join(_MARKUP.sub(" ", text.replace(" & ", " and ")).split())
    if plain.isupper() and plain.count(" ") >= 2:
        plain = plain.lower()
    letters = [c for c in plain if c.isalpha()]
    if not letters:
        return _without_letters(text, plain)
    if sum(c.isascii() for c in letters) < 0.6 * len(letters):
        return _quoted(plain)
    if _foreign(plain):
        return _quoted(plain)
    return _noun_phrase(_first_clause(plain))


def _looks_like_code(text: str) -> bool:
    return len(text) > 8 and len(_CODE.findall(text)) >= max(2, len(text) // 60)


def _code(text: str) -> Subject:
    names = re.findall(r"[A-Za-z_][A-Za-z_0-9]{2,20}", text)
    known = word_set(
        "def class return import from select where for while function const let var int"
    )
    name = next((word for word in names if word.lower() not in known), "")
    name = name.replace("_", " ").strip()
    about = f"the code around “{name}”" if name else "this piece of code"
    return Subject(about, "the code", False, False)


def _without_letters(text: str, plain: str) -> Subject:
    number = re.search(r"\d[\d.,]*", plain)
    if number and len(number.group()) <= 20:
        name = f"the number {number.group().strip('.,')}"
        return Subject(name, name, False, False)
    for character in text:
        if unicodedata.category(character) in ("So", "Sm", "Sc", "Po"):
            name = unicodedata.name(character, "").lower()
            if name and len(name) <= 40:
                return Subject(f"the {name} sign", "the sign", False, False)
    return Subject("the unnamed subject", "the subject", False, False)


def _quoted(plain: str) -> Subject:
    inner = re.sub(r"[.!?…。！？¿¡、，：；\"]+", " ", plain)
    inner = re.sub(r"[ ,]*[,;:][ ,;:]*", ", ", " ".join(inner.split()))
    if len(inner) > 60:
        inner = inner[:60].rsplit(" ", 1)[0] if " " in inner[:60] else inner[:24]
    return Subject(f"the subject “{inner.strip(' ,')}”", "this subject", False, False)


_FOREIGN = word_set("""
    der die das und ist nicht ein eine wie warum el la los las de del y que cómo por qué para con
    le les des une est pourquoi comment il lo gli perché di che è não os as um uma são och är det en
    het een van jak co je na się
""")
_ENGLISH = word_set(
    "the of and to in is a for on with how why what an about are do does can i write"
)


def _foreign(plain: str) -> bool:
    tokens = plain.lower().strip("¿?!.").split()
    foreign = sum(token in _FOREIGN for token in tokens)
    return foreign >= 2 and foreign > 2 * sum(token in _ENGLISH - _FOREIGN for token in tokens)


def _first_clause(plain: str) -> str:
    """The first sentence or line of substance, without what only asks for writing."""
    clauses: list[str] = []
    for piece in re.split(r"(?<=[.!?])\s+|[.!?]+$|\s[-–—]\s|:\s+", plain):
        if clauses and _ABBREVIATED.search(clauses[-1]):
            clauses[-1] += f" {piece}".rstrip()
        else:
            clauses.append(piece.strip())
    asks = [
        c for c in clauses if re.search(r"\b(?:write|explain|describe|discuss|tell)\b", c, re.I)
    ]
    long_enough = [c for c in asks + clauses if c and _LATIN_WORD.search(_stripped(c))]
    if not long_enough:
        return plain
    chosen = long_enough[0]
    question = plain[plain.find(chosen) + len(chosen) :].lstrip()[:1] == "?" or chosen.endswith("?")
    return chosen.rstrip("?!. ") + ("?" if question else "")


def _stripped(clause: str) -> str:
    for _ in range(3):
        before = clause
        for pattern in _LEADS:
            shorter = pattern.sub("", clause, count=1)
            if _LATIN_WORD.search(shorter):
                clause = shorter
        if clause == before:
            break
    asked = clause.endswith("?")
    clause = clause.rstrip(" ?!.,;:'-")
    for pattern in _TRAILS:
        shorter = pattern.sub("", clause)
        if _LATIN_WORD.search(shorter):
            clause = shorter
    return clause.strip(" ,;:'-") + ("?" if asked else "")


def _noun_phrase(clause: str) -> Subject:
    clause = _stripped(clause)
    asked = clause.endswith("?")
    tokens = [
        w if _ABBREVIATED.fullmatch(w) else w.rstrip(".'’-&")
        for w in _LATIN_WORD.findall(clause.rstrip("?."))
    ]
    tokens = [w for w in tokens if w]
    if not tokens:
        return Subject("the unnamed subject", "the subject", False, False)
    if all(len(word) > _LONGEST_WORD for word in tokens[:_MAX_WORDS]):
        return Subject(f"the string “{tokens[0][:12]}…”", "the string", False, False)
    tokens = [word for word in tokens if len(word) <= _LONGEST_WORD]
    tokens = [w for i, w in enumerate(tokens) if not i or w.lower() != tokens[i - 1].lower()]
    tokens = _cased(tokens)
    if len(tokens) == 1 and tokens[0].lower() in _LONE:
        return Subject(f"the word “{tokens[0]}”", "the word", False, False)
    if len(tokens) == 1 and len(tokens[0]) == 1 and tokens[0].isalpha():
        return Subject(f"the letter “{tokens[0]}”", "the letter", False, False)
    tokens, found = _question(tokens, asked)
    if found is not None:
        return found
    if tokens[0].lower() in _IMPERATIVES and len(tokens) > 1:
        cut = next(
            (i for i, w in enumerate(tokens) if i > 1 and w in ("and", "then", "or")), len(tokens)
        )
        return _gerund(tokens[:cut])
    if _is_clause(tokens):
        said = " ".join(tokens[:_MAX_WORDS])
        return Subject(f"the words “{said}”", "these words", True, True)
    return _nominal(tokens)


def _is_clause(tokens: list[str]) -> bool:
    """Whether this says something instead of naming it, as "I love you" and "skip the line" do: it
    begins like a clause, or a determiner stands where no noun phrase has one."""
    if len(tokens) > 1 and tokens[0].lower().replace("’", "'") in _CLAUSAL:
        return True
    joins = _PREPOSITIONS | _DETERMINERS | word_set("and or but not than such half")
    return (
        not tokens[0].lower().endswith("ing")
        and any(
            word.lower() in _DETERMINERS
            and not word.isdigit()
            and before.lower() not in joins
            and not (after[0].isupper() or after[0].isdigit())  # "Winnie the Pooh"
            for before, word, after in zip(tokens, tokens[1:], tokens[2:])  # noqa: B905
        )
    )


def _cased(tokens: list[str]) -> list[str]:
    """Lower case but for names: a prompt's capital may only be that of a sentence or a title."""
    plain = [w for w in tokens if w.isalpha()]
    shouting = plain and sum(map(len, tokens)) > 6 and all(w.isupper() for w in plain)
    long_words = [w for w in tokens if len(w) > 3]
    titled = len(long_words) >= 3 and all(w[0].isupper() for w in long_words)
    cased = []
    for i, word in enumerate(tokens):
        lower = word.lower()
        if lower in _PROPER and (
            word[0].isupper() or len(lower) <= 3 or lower in ("python", "japan")
        ):
            cased.append(_PROPER[lower])
        elif (
            shouting
            or (word[1:].islower() and (i == 0 or titled) and not _name_alone(tokens))
            or (len(word) == 1 and i == 0 and word != "I")
        ):
            cased.append(lower)
        else:
            cased.append(word)
    return cased


def _name_alone(tokens: list[str]) -> bool:
    """Two or three capitalised words that are no common ones are taken for a name."""
    return (
        2 <= len(tokens) <= 3
        and all(w[0].isupper() and w[1:].islower() for w in tokens)
        and not any(_is_mass(w.lower()) or _is_plural(w.lower()) for w in tokens)
        and len(tokens[0]) <= 9
    )


def _question(tokens: list[str], asked: bool) -> tuple[list[str], Subject | None]:
    """Turn a question into the noun phrase it asks about."""
    first = tokens[0].lower()
    rest = tokens[1:]
    auxiliaries = word_set(
        "do does did is are was were can could should will would may might must has have"
    )
    if first in ("how", "what", "when", "where", "why") and len(rest) > 1 and rest[0] == "to":
        return tokens, _gerund(rest[1:])
    if first == "what" and len(rest) > 1 and rest[0].lower() == "if":
        return tokens, Subject(
            "a world in which " + " ".join(_trimmed(rest[1:])), "such a world", False, False
        )
    if first in ("why", "how", "when", "where", "what", "which", "who") and rest:
        if first == "how" and rest[0].lower() in ("much", "many", "long", "often", "far", "big"):
            rest = rest[1:]
        auxiliary = next((i for i, w in enumerate(rest[:4]) if w.lower() in auxiliaries), None)
        if auxiliary is None:
            # "why cats purr": an indirect question is a noun phrase already
            return tokens, _clause(tokens) if len(tokens) > 2 else None
        if first in ("what", "who", "which") and rest[auxiliary].lower() in (
            "is",
            "are",
            "was",
            "were",
        ):
            return (rest[auxiliary + 1 :] or tokens), None
        if auxiliary and rest[auxiliary].lower() in ("is", "are", "was", "were", "has", "have"):
            return tokens, _clause(tokens)
        return _asked_about(rest[auxiliary + 1 :], tokens)
    if (
        first in auxiliaries
        and len(rest) > 1
        and (asked or first not in ("will", "may", "might", "must"))
    ):
        if first in ("is", "are", "was", "were"):
            return _being(first, rest)
        who, verb = _parted(rest)
        if verb and first not in ("do", "does", "did", "has", "have"):
            clause = " ".join(["whether", *who, first, *verb][: _MAX_WORDS + 3])
            return tokens, Subject(f"the question of {clause}", "the question", False, False)
        return _asked_about(rest, tokens)
    return tokens, None


def _being(auxiliary: str, rest: list[str]) -> tuple[list[str], Subject | None]:
    """ "is remote work good ...": remote work."""
    if rest[0].lower() in _PRONOUNS:
        clause = " ".join(["whether", rest[0].lower(), auxiliary, *_trimmed(rest[1:])])
        return rest, Subject(f"the question of {clause}", "the question", False, False)
    determiner = (i for i, w in enumerate(rest) if i and w.lower() in _DETERMINERS)
    for end in range(min(4, next(determiner, len(rest))), 0, -1):
        last = rest[end - 1].lower()
        if (_is_mass(last) or _is_plural(last)) and _first_preposition(rest) >= end:
            return rest[:end], None
    return rest[: 2 if rest[0].lower() in _DETERMINERS else 1], None


def _asked_about(rest: list[str], tokens: list[str]) -> tuple[list[str], Subject | None]:
    if not rest:
        return tokens, None
    who, verb = _parted(rest)
    if who and who[0].lower() in _PRONOUNS:
        return tokens, _gerund(verb) if verb else None
    return (who or tokens), None


def _parted(words: list[str]) -> tuple[list[str], list[str]]:
    """Subject and verb phrase of "the moon shine at night"."""
    if words and words[0].lower() in _PRONOUNS:
        return words[:1], words[1:]
    for i in range(1, len(words)):
        if words[i].lower() in _VERBS and words[i - 1].lower() not in _DETERMINERS | _PREPOSITIONS:
            return words[:i], words[i:]
    determined = words[0].lower() in _DETERMINERS
    end = 2 if determined else 1
    if len(words) <= end:
        return words, []
    return words[:end], words[end:]


def _clause(tokens: list[str]) -> Subject:
    clause = " ".join(_trimmed(tokens))
    return Subject(
        f"the question of {clause[0].lower() + clause[1:]}", "the question", False, False
    )


def _gerund(tokens: list[str]) -> Subject:
    verb = tokens[0].lower()
    if verb == "be" and len(tokens) > 1:
        verb = "being"
    elif verb.endswith("ie"):
        verb = verb[:-2] + "ying"
    elif verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        verb = verb[:-1] + "ing"
    elif re.fullmatch(r"[^aeiou]*[aeiou][bdgklmnprt]", verb) and verb not in ("open", "listen"):
        verb = verb + verb[-1] + "ing"
    elif not verb.endswith("ing"):
        verb += "ing"
    words = _trimmed([verb, *tokens[1:]])
    words = ["the" if word.lower() in ("my", "your") else word for word in words]
    name = " ".join(words)
    cut = _first_preposition(words)
    short = " ".join(words[:cut]) if 1 < cut < len(words) else name
    return Subject(name, short, False, False)


def _nominal(tokens: list[str]) -> Subject:
    words = _trimmed(tokens)
    name, plural = _determined(words)
    cut = _first_preposition(words)
    if cut < len(words) - 1 and words[cut].lower() == "of":
        inner = words[cut + 1 :]
        short, short_plural = _determined(inner[: _first_preposition(inner)])
    elif 0 < cut < len(words):
        short, short_plural = _determined(words[:cut])
    else:
        short, short_plural = name, plural
    return Subject(name, short, plural, short_plural)


def _trimmed(tokens: list[str]) -> list[str]:
    """At most `_MAX_WORDS` words, and no loose end."""
    words = tokens[:_MAX_WORDS]
    if len(tokens) > _MAX_WORDS:
        relative = next(
            (i for i, w in enumerate(words) if i > 1 and w in ("that", "which", "who")), 0
        )
        words = words[:relative] if relative else words
    loose = _PREPOSITIONS | _DETERMINERS | word_set("and or but nor very is are was were be")
    while len(words) > 1 and words[-1].lower() in loose:
        words = words[:-1]
    return words


def _first_preposition(words: list[str]) -> int:
    return next((i for i, w in enumerate(words) if i and w.lower() in _PREPOSITIONS), len(words))


def _determined(words: list[str]) -> tuple[str, bool]:
    """The phrase with the article that it needs, and whether it is plural."""
    cut = _first_preposition(words)
    head = words[cut - 1]
    phrase = " ".join(words)
    first = words[0].lower()
    coordinated = any(w.lower() in ("and", "&") for w in words[:cut])
    plural = _is_plural(head.lower()) or coordinated
    if first in _GERUNDS:
        return phrase, False
    if first in _DETERMINERS or first in _PRONOUNS or words[0].lower().endswith(("'s", "’s", "s'")):
        if first in ("a", "an", "one", "this", "each", "every"):
            plural = coordinated
        if first in ("a", "an"):
            phrase = "the " + " ".join(words[1:]) if len(words) > 1 else phrase
        if first in ("my", "your"):
            phrase = " ".join(["the", *words[1:]])
        return phrase, plural
    if first in _SUPERLATIVES or (cut < len(words) and words[cut].lower() == "of"):
        return "the " + phrase, plural
    if plural or _is_mass(head.lower()) or coordinated:
        return phrase, plural
    if head[0].isupper() or not head.isalpha():
        return phrase, False
    return "the " + phrase, False


def _is_plural(word: str) -> bool:
    if word in _IRREGULAR_PLURALS:
        return True
    return (
        len(word) > 3
        and word.endswith("s")
        and "." not in word
        and not word.endswith(("ss", "us", "is", "ics", "'s", "’s"))
        and word not in _SINGULAR_S
        and word not in _PROPER
    )


def _is_mass(word: str) -> bool:
    return word in _MASS or (len(word) > 5 and word.endswith(_MASS_ENDINGS))
