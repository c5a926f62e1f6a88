"""From the names that artists give their drawings to emoji and to captions.

Emoji sets without code points are matched by name: what emojibase calls a concept, then every
short code in use for it. Names are compared without spaces, hyphens, accents and capitals. An icon
gets its words as caption and, where they are the label or a tag of emoji, Unicode's words for the
kind of thing that it is ("animal-mammal"), which icons' names themselves hardly ever say.
"""

import collections
import json
import re
import unicodedata
from dataclasses import dataclass

SHORT_CODES = ("cldr", "emojibase", "github", "iamcal", "joypixels")  # a name's first bearer wins
# Words at the end of an icon's name that tell how it is drawn rather than what it shows.
STYLES = frozenset("alt duotone fill filled outline simple solid variant".split())


def squash(name):
    plain = unicodedata.normalize("NFKD", name.lower().replace("&", "and"))
    return re.sub(r"[^a-z0-9]+", "", plain)


def words_of(name):
    """An icon's name as words: without its style and the number of its variant."""
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()
    words = re.sub(r"[^a-z0-9]+", " ", words).split()
    while len(words) > 1 and (words[-1] in STYLES or re.fullmatch(r"\d", words[-1])):
        words.pop()
    return " ".join(words)


# Names of icons whose emoji of that label or tag show another thing, or too particular a one.
NO_KIND = frozenset((
    "alert alpha antarctica arrest assembly barrel barrier bolt cane catch chest chip claws close "
    "club clouds container cricket crush cube dam disc eggs fall falling farm field focus fuel "
    "grains hail halt iceberg invisible iron lamp launch liar line log manager maze mouse move "
    "nail offer palette pan pi pipe pirate post prohibit pump push refresh reload right river sale "
    "save scale scales seal shape siren signal silence skills slap sleigh slice solid sort space "
    "spring steam stiletto surprised suspicious table transform trident unreal vibrate virus wall "
    "waves wool wrap zipper zoom"
).split()) | {
    "baseball bat", "cricket bat", "desert eagle", "ping pong bat", "siege ram", "spiked bat",
    "static guard", "wax seal",
}

# FxEmojis' own names of concepts, where another's name would mislead or none is like it.
FXEMOJI = {
    "up": "backhand index pointing up", "down": "backhand index pointing down",
    "left": "backhand index pointing left", "right": "backhand index pointing right",
    "cat": "cat face", "dog": "dog face", "mouse": "mouse face", "pig": "pig face",
    "tiger": "tiger face", "bow": "ribbon", "construction": "building construction",
    "2hearts": "two hearts", "acorn": "chestnut", "anguish": "anguished face", "aok": "OK hand",
    "aubergine": "eggplant", "bactriancamel": "two-hump camel", "basketballandhoop": "basketball",
    "blackdroplet": "droplet", "bolt": "nut and bolt", "bouquetofflowers": "bouquet",
    "bowing": "person bowing", "bride": "person with veil", "bullhorn": "loudspeaker",
    "bunny": "rabbit face", "bunnyside": "rabbit", "catside": "cat",
    "chartdownwardstrend": "chart decreasing", "chartupwardstrend": "chart increasing",
    "chilipepper": "hot pepper", "confetti": "confetti ball", "crying": "crying face",
    "curryandrice": "curry rice", "devilhorns": "smiling face with horns",
    "dissapointedrelief": "sad but relieved face", "dogside": "dog", "dragonhead": "dragon face",
    "dragonside": "dragon", "earofmaize": "ear of corn", "electrictorch": "flashlight",
    "evergreen": "evergreen tree", "fallingleaf": "fallen leaf", "fatherchristmas": "Santa Claus",
    "fishcakeswirl": "fish cake with swirl", "fistedhand": "raised fist",
    "flexbicep": "flexed biceps", "forkknife": "fork and knife", "frown": "frowning face",
    "frontfacingchick": "front-facing baby chick", "grineyes": "grinning face with smiling eyes",
    "grinsquint": "grinning squinting face", "grinsweat": "grinning face with sweat",
    "grintears": "face with tears of joy", "guapimao": "person with skullcap",
    "hampster": "hamster", "handup": "raised hand", "heartarrow": "heart with arrow",
    "heartblue": "blue heart", "heartgreen": "green heart", "heartpurple": "purple heart",
    "heartribbon": "heart with ribbon", "heartyellow": "yellow heart", "heels": "high-heeled shoe",
    "highspeedtrainbulletnose": "bullet train", "housebuilding": "house",
    "kissclosedeyes": "kissing face with closed eyes", "leaffluttering": "leaf fluttering in wind",
    "kisseyes": "kissing face with smiling eyes", "leopardside": "leopard",
    "lockandkey": "locked with key", "loudlycrying": "loudly crying face",
    "makeupbag": "clutch bag", "mansshirt": "t-shirt", "mensrunner": "running shoe",
    "mensshoe": "man’s shoe", "monkeyhear": "hear-no-evil monkey",
    "monkeysee": "see-no-evil monkey", "monkeyspeak": "speak-no-evil monkey",
    "mouseside": "mouse", "northeastarrow": "up-right arrow", "northwestarrow": "up-left arrow",
    "openlock": "unlocked", "perservere": "persevering face", "pigside": "pig",
    "pigsnout": "pig nose", "pinkwallet": "purse", "policecarsrevolvinglight": "police car light",
    "present": "wrapped gift", "raisedhandpartfingers": "vulcan salute",
    "recreationalvehicle": "sport utility vehicle", "sakebottleandcup": "sake",
    "sandals": "woman’s sandal", "screamfear": "face screaming in fear", "skiandskiboot": "skis",
    "sleuthspy": "detective", "sliceofpizza": "pizza", "smallfrown": "slightly frowning face",
    "smallsmile": "slightly smiling face", "smileeyes": "smiling face with smiling eyes",
    "snowmountains": "snow-capped mountain", "southeastarrow": "down-right arrow",
    "spurtingwhale": "spouting whale", "studiomic": "studio microphone",
    "sunraincloud": "sun behind rain cloud", "sunsetoverbuildings": "sunset",
    "tennisball": "tennis", "thoughtbaloon": "thought balloon", "tie": "necktie",
    "tigerside": "tiger", "tongueout": "face with tongue",
    "tongueoutwink": "winking face with tongue", "toykotower": "Tokyo tower",
    "turban": "person wearing turban", "warningsign": "warning", "waving": "waving hand",
    "whitesmilingface": "smiling face", "winking": "winking face",
    "womansshirt": "woman’s clothes",
}


class EmojiNames:
    """Squashed name -> concept, for concepts no newer than the set that is to be matched."""

    def __init__(self, catalogue, concepts, version, own=()):
        """own: {name: label} that comes before all other names."""
        known = {one.id: one for one in concepts if one.version <= version}
        labelled = {one.label: one for one in known.values()}
        self.table = {squash(name): labelled[label] for name, label in dict(own).items()
                      if label in labelled}
        for one in known.values():
            self.table.setdefault(squash(one.label), one)
        files = catalogue.read_several(*(f"en/shortcodes/{name}.json" for name in SHORT_CODES))
        for codes in files:
            for one, name in named(json.loads(codes), known):
                self.table.setdefault(squash(name), one)

    def find(self, name):
        """The concept of this name, or None. Iconify calls a country's flag `flag-for-...`."""
        country = re.sub("^flag-for-", "", name)
        for spelling in (name, f"flag-{country}", country) if country != name else (name,):
            if squash(spelling) in self.table:
                return self.table[squash(spelling)]
        return None


def named(codes, known):
    """(concept, name) of an emojibase short code file, which holds a name or a list for each."""
    for code, names in codes.items():
        one = known.get("-".join(part for part in code.lower().split("-") if part != "fe0f"))
        if one:
            yield from ((one, name) for name in ([names] if isinstance(names, str) else names))


@dataclass(frozen=True)
class Kind:
    """Unicode's words for a kind of thing, "" where unknown, and the tags of an emoji called so."""

    subgroup: str = ""
    group: str = ""
    tags: tuple = ()


UNKNOWN = Kind()


class Kinds:
    """What kind of thing an icon shows, by its name.

    An icon is of an emoji's kind if its words are the emoji's label, or a tag of emoji
    most of which are of one kind; with heads=True also if its last word is a label ("barn owl").
    """

    MAJORITY = 0.6  # of the emoji that bear a tag: fewer, and the tag tells no kind

    def __init__(self, concepts):
        concepts = [one for one in concepts if one.group not in ("component", "flags")]
        self.labels, self.tags = {}, collections.defaultdict(list)
        for one in concepts:
            self.labels.setdefault(words_of(one.label), one)
            for tag in one.tags:
                self.tags[words_of(tag)].append(one)

    def find(self, phrase, heads=False):
        if phrase in NO_KIND:
            return UNKNOWN
        if phrase in self.labels:
            one = self.labels[phrase]
            return Kind(one.subgroup, one.group, one.tags)
        if phrase in self.tags:
            bearers = self.tags[phrase]
            return Kind(self.prevailing([one.subgroup for one in bearers]),
                        self.prevailing([one.group for one in bearers]))
        head = phrase.split()[-1]
        return self.find(head) if heads and head in self.labels else UNKNOWN

    def prevailing(self, values):
        for value, times in collections.Counter(values).most_common(1):
            return value if times >= self.MAJORITY * len(values) else ""
        return ""
