"""The word lists behind the counts, each with the work it follows.

A list holds a phrase as its words joined by single spaces, lower case. Ambiguous words are left
out rather than counted wrongly ("found", "like", "kind"): the lists aim at precision.
"""

from __future__ import annotations

__all__ = [
    "BE_FORMS",
    "BOOSTERS",
    "HEDGES",
    "INVITATIONS",
    "IRREGULAR_PARTICIPLES",
    "IRREGULAR_PASTS",
    "METAPHOR_NOUNS",
    "METAPHOR_VERBS",
    "NOT_PARTICIPLES",
    "PERSON_PRONOUNS",
    "PUBLIC_VERBS",
    "TIME_MARKERS",
    "WONDER_WORDS",
    "word_set",
]


def word_set(text: str) -> frozenset[str]:
    """The words of `text`, parted by white space."""
    return frozenset(text.split())


def _phrases(text: str) -> frozenset[str]:
    return frozenset(
        phrase.strip() for phrase in text.replace("\n", " ").split(",") if phrase.strip()
    )


HEDGES = _phrases("""
    almost, apparently, appear, appears, appeared, approximately, arguably, assume, assumes,
    broadly, could, doubtful, essentially, estimate, estimates, fairly, frequently, generally,
    guess, in general, in some cases, in some ways, in my view, in our view, in part, largely,
    likely, mainly, may, maybe, might, mostly, often, on the whole, ought, partly, perhaps,
    plausible, plausibly, possible, possibly, presumably, probable, probably, quite, rarely,
    relatively, roughly, seem, seems, seemed, seemingly, sometimes, somewhat, sort of, suggest,
    suggests, suggested, suppose, suspect, suspects, tend, tends, tended, to some extent,
    typically, uncertain, unclear, unlikely, up to a point, usually, virtually, would
""")
"""Words that hold a claim back. After Hyland, K. (2005), *Metadiscourse*, appendix."""

BOOSTERS = _phrases("""
    absolutely, always, beyond doubt, beyond question, certain, certainly, clear, clearly,
    conclusively, decidedly, definite, definitely, demonstrate, demonstrates, demonstrated,
    doubtless, entirely, every time, evident, evidently, exactly, for certain, in fact, indeed,
    indisputable, indisputably, must, never, no doubt, no question, obvious, obviously, of
    course, plainly, precisely, prove, proves, proved, proven, simply, surely, truly,
    undeniable, undeniably, undoubtedly, unmistakable, unmistakably, unquestionably, without
    doubt, without exception, without question, will
""")
"""Words that press a claim home. After Hyland (2005); "will" and "must" after Biber's (1988)
prediction and necessity modals."""

WONDER_WORDS = _phrases("""
    curious, curiosity, curiously, discover, discovers, discovered, discovering, discovery,
    explore, explores, explored, exploring, exploration, fascinating, fascinated, intriguing,
    intrigued, investigate, investigates, investigating, mystery, mysteries, mysterious, puzzle,
    puzzles, puzzled, puzzling, riddle, riddles, secret, secrets, surprise, surprises,
    surprised, surprising, surprisingly, unexplored, unknown, what if, wonder, wonders,
    wondered, wondering, no one knows, nobody knows, unanswered, open question
""")
"""Words of interest and search: the epistemic emotions of Litman & Spielberger (2003)."""

INVITATIONS = _phrases("""
    ask yourself, consider, consider how, imagine, let us, let's, look closer, look again,
    notice how, picture, suppose that, take a moment, think about, think of, try it, you may
    ask, you might ask, ask why, ask how, ask what
""")
"""Directives that draw the reader in: the engagement markers of Hyland (2005)."""

METAPHOR_NOUNS = word_set("""
    anchor anchors arena armour armor arrow avalanche backbone ballast battle battlefield beacon
    blanket blueprint bone bones bridge bridges burden cage canvas chain chains chasm chorus
    cloud cocktail compass cornerstone current currents dance dawn door doors doorway echo
    echoes engine engines fabric fire flame flames flood fog fountain foundation foundations
    fruit fruits fuel furnace garden gate gates gateway glue harbour harbor harvest haze horse
    house hull heart hearts heartbeat hinge horizon iceberg journey jungle knot labyrinth ladder
    landscape lamp leak lens lever lifeblood lifeline light lighthouse magnet machine map
    marathon mask maze melody minefield mirror mosaic mountain mountains music muscle nest oasis
    ocean oceans orchestra path paths pillar pillars pulse puzzle quilt rhythm river rivers road
    roads root roots rope sail sails sandcastle scaffold scaffolding sea seas seed seeds shadow
    shadows shield skeleton soil song spark sparks spell spine spring springboard staircase
    stairway storm stream stepping-stone stumbling-block summit sword symphony tapestry
    telescope thread threads tide tides toolbox torch torrent trap treasure tree trees tunnel
    vein veins wall walls wave waves weapon weather web webs whirlpool wildfire wind window
    windows wing wings
""")
"""Concrete source-domain nouns (journeys, buildings, plants, weather, light, fire, war, machines,
the body). After Lakoff & Johnson (1980), *Metaphors We Live By*. They count only in a metaphorical
construction: "is a river", "the engine of"."""

METAPHOR_VERBS = word_set("""
    anchors anchored blossom blossoms blossomed bloom blooms bloomed breathes breathed bubbling
    carve carves carved chart charts charted cultivate cultivates cultivated devour devours ebbs
    erode erodes eroded fuels fuelled fueled flourish flows flowed flooded floods forge forges
    forged germinate germinates hammers hammered harness harnesses harvests harvested haunt
    haunts ignite ignites ignited illuminate illuminates illuminated kindle kindles kindled knit
    knits mushroom mushroomed navigate navigates navigated nourish nourishes nourished paves
    paved plunge plunges plunged ripple ripples rippled ripen ripens ripened rooted sail sails
    sailed seeded shackle shackles shadowed shield shields simmer simmers simmered smother
    smothers smoulders soar soars soared sow sows sowed sown sparked sprout sprouts sprouted
    steer steers steered stitch stitches stitched suffocate suffocates swallow swallows
    swallowed swell swells thaw thaws threads threaded untangle untangles untangled uproot
    uproots weather weathers weathered weave weaves wove woven whispers whispered wither withers
    withered
""")
"""Verbs that an abstract subject takes only in a figure. After Steen et al. (2010), *MIPVU*: the
contextual meaning contrasts with a more basic, bodily one. A literal use ("she sailed home") can't
be told apart without a parser and is counted too."""

PERSON_PRONOUNS = word_set(
    "he she him her his hers himself herself they them their theirs themselves"
)
"""Third-person personal pronouns: Biber (1988), dimension 2, narrative concerns."""

PUBLIC_VERBS = word_set("""
    said says told tells asked asks replied replies answered answers announced announces
    admitted admits declared declares whispered whispers shouted shouts explained insisted
    insists laughed remarked promised warned warns
""")
"""Verbs of speech: Quirk et al. (1985), 1180-1183, as in Biber (1988), dimension 2."""

TIME_MARKERS = _phrases("""
    afterwards, ago, at first, at last, by morning, by nightfall, by then, by the time,
    eventually, finally, later, meanwhile, once, one afternoon, one day, one evening, one
    morning, one night, one winter, one spring, one summer, one autumn, overnight, soon,
    suddenly, that afternoon, that autumn, that day, that evening, that morning, that night,
    that spring, that summer, that week, that winter, that year, the next day, the next morning,
    then, until, when, yesterday, last week, last month, last year, last spring, last winter,
    last summer, last autumn
""")
"""Connectives that put events in sequence: Labov & Waletzky (1967); Halliday & Hasan (1976)."""

BE_FORMS = word_set("am is are was were be been being isn't aren't wasn't weren't")

IRREGULAR_PARTICIPLES = word_set("""
    beaten become begun bent bet bitten blown born borne bought bound bred broken brought built
    burnt caught chosen cut dealt done drawn driven dug eaten fallen fed felt flown forbidden
    forgiven forgotten fought found frozen given ground grown heard held hidden hit hung hurt
    kept known laid led left lent lit lost made meant met mistaken overcome overtaken overthrown
    paid proven put read ridden said seen sent set sewn shaken shaped shed shot shown shut slain
    sold sought sown spent split spoken spread spun stolen struck stuck sung swept sworn taken
    taught thought thrown told torn understood undertaken undone upheld withdrawn withheld won
    worn wound woven written rewritten rebuilt
""")

IRREGULAR_PASTS = word_set("""
    ate became began bent bit blew bore bought broke brought built came caught chose crept dealt
    did drank drew drove dug fed fell felt fled flew forgave forgot fought found froze gave got
    grew had heard held hid hung kept knelt knew laid led left lent lit lost made meant met
    overcame paid ran rang rode rose said sang sank sat saw sent shook shone shot showed slept
    slid smelt sold sought spent spoke spun stole stood struck stuck swam swept swore taught
    thought threw told took tore understood undertook was went were withdrew woke won wore wove
    wrote couldn't didn't hadn't wasn't weren't
""")
"""Past forms of irregular verbs that differ from the base form (Quirk et al. 1985, 3.19)."""

NOT_PARTICIPLES = word_set("""
    ahead allied ashamed beloved biased bed blessed bored bleed breed concerned convinced
    crooked cursed deed delighted determined devoted embarrassed exceed excited exhausted
    experienced fed-up feed frightened gifted greed hatred hundred indeed interested jagged
    limited need naked overjoyed pleased prepared proceed ragged red relieved rugged sacred
    satisfied scared seed shed skilled sled speed succeed supposed talented thrilled tired
    unexpected unprecedented unrelated used varied weed wicked worried wretched
""")
"""Words in -ed that are nouns, base forms, or adjectives after "be" ("was tired" is no passive)."""
