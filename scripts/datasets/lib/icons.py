"""Iconify sets as sources of image-text pairs: which icons, and the words that go with them.

Three kinds of set: emoji that list their code points, emoji that only have names, and icons. A
drawing that is no emoji of emojibase's is captioned with its own name, as icons are.
"""

import json
import re
from dataclasses import dataclass, field

from lib.emoji import IconSet, concept_id
from lib.names import FXEMOJI, UNKNOWN, EmojiNames, words_of
from lib.tree import Attribution, Item

SKIN_TONES = frozenset(("1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff"))
MAX_KEYWORDS = 6  # of an icon
LATEST = 99  # emoji version that covers all


@dataclass(frozen=True)
class Source:
    """An Iconify set: where it comes from, whom to thank, and how it is to be read.

    items: the function that finds its pairs. version: the latest emoji version that an emoji set
    covers, which keeps later concepts of an old name out ("cricket" was the game). refused: pattern
    of names that are left out: icons that have lost their colours in the set, or tell nothing.
    names: the set's own names of concepts, {name: label}. spaced: whether names show where their
    words end. heads: whether names are English compounds, whose last word says what kind of thing
    it is. sibling: the evaluation family that the same artists drew, if any.
    """

    package: str
    artwork: str
    author: str
    licence: str
    items: object
    version: float = LATEST
    refused: str = r"(?!)"
    names: dict = field(default_factory=dict)
    spaced: bool = True
    heads: bool = False
    sibling: str = ""


@dataclass(frozen=True)
class Reading:
    """What the reading of any set needs: emojibase, its concepts, and the kinds of things."""

    catalogue: object
    concepts: list
    kinds: object


class Set:
    """One set while it is read: its icons, its own categories and what else they are called."""

    def __init__(self, family, source, package):
        self.family, self.source = family, source
        icons, self.chars, metadata = map(
            json.loads, package.read_several("icons.json", "chars.json", "metadata.json")
        )
        self.icons = IconSet(icons)
        self.categories, self.aliases = {}, {}
        for category, names in metadata.get("categories", {}).items():
            for name in names if not category.startswith("Extras") else ():
                self.categories.setdefault(name, []).append(words_of(category))
        for alias in self.icons.alias_of:
            self.aliases.setdefault(self.icons.parent(alias), []).append(alias)

    def names(self):
        """The icons that are neither withdrawn nor refused nor another in a skin tone."""
        toned = {self.icons.parent(name) for code, name in self.chars.items()
                 if SKIN_TONES.intersection(code.split("-"))}
        return [
            name for name, icon in sorted(self.icons.icons.items())
            if not icon.get("hidden") and "skin-tone" not in name and name not in toned
            and not re.search(self.source.refused, name)
        ]

    def emoji_item(self, name, concept):
        return self.item(concept.id, name, concept.caption())

    def icon_item(self, name, kinds):
        """A pair whose words are the icon's name, those of an emoji called so, and the icon's
        aliases and categories."""
        label, categories = words_of(name), self.categories.get(name, [])
        kind = UNKNOWN if "brand logo" in categories else kinds.find(label, self.source.heads)
        others = [*kind.tags, *map(words_of, self.aliases.get(name, ())), *categories]
        subgroup = kind.subgroup or "-".join(categories[:1]).replace(" ", "-")
        told = (label, subgroup.replace("-", " "))
        keywords = [words for words in dict.fromkeys(others) if words not in told]
        return self.item(name, name, {
            "label": label, "keywords": ";".join(keywords[:MAX_KEYWORDS]),
            "subgroup": subgroup, "group": kind.group,
        })

    def item(self, identity, name, caption):
        return Item(self.family, "", identity, self.icons.svg(name), caption)


def emoji_by_code(found, reading):
    """Pairs of an emoji set with code points; what it has beyond emojibase's concepts as icons."""
    known = {one.id: one for one in reading.concepts}
    names = {found.icons.parent(name): concept_id(code)
             for code, name in sorted(found.chars.items()) if not found.icons.mirrored(name)}
    return [
        found.emoji_item(name, known[names[name]]) if names.get(name) in known
        else found.icon_item(name, reading.kinds)
        for name in found.names()
    ]


def emoji_by_name(found, reading):
    """Pairs of an emoji set without code points; a concept goes to the icon that bears its name
    itself rather than to one with such an alias, and what matches none is taken as an icon."""
    names = EmojiNames(
        reading.catalogue, reading.concepts, found.source.version, found.source.names
    )
    claims = {}
    for name in found.names():
        for rank, spelling in enumerate((name, *sorted(found.aliases.get(name, ())))):
            concept = names.find(spelling)
            if concept:
                claims.setdefault(concept.id, []).append((rank, name, concept))
    owners = {}
    for claimants in claims.values():
        _, name, concept = min(claimants, key=lambda claim: claim[:2])
        owners.setdefault(name, concept)
    return [
        found.emoji_item(name, owners[name]) if name in owners
        else found.icon_item(name, reading.kinds)
        for name in found.names()
        if name in owners or found.source.spaced
    ]


def icons_only(found, reading):
    return [found.icon_item(name, reading.kinds) for name in found.names()]


SOURCES = {
    "emojione-monotone": Source(
        "@iconify-json/emojione-monotone", "Emoji One 2, monotone", "Emoji One", "CC-BY-4.0",
        emoji_by_name, version=4, sibling="emojione",
    ),
    "emojione-v1": Source(
        "@iconify-json/emojione-v1", "Emoji One 1", "Emoji One", "CC-BY-SA-4.0",
        emoji_by_name, version=4, sibling="emojione",
    ),
    "fluent-flat": Source(
        "@iconify-json/fluent-emoji-flat", "Fluent Emoji, flat", "Microsoft", "MIT",
        emoji_by_code, sibling="render3d",
    ),
    "fluent-high-contrast": Source(
        "@iconify-json/fluent-emoji-high-contrast", "Fluent Emoji, high contrast", "Microsoft",
        "MIT", emoji_by_code, sibling="render3d",
    ),
    "fxemoji": Source(
        "@iconify-json/fxemoji", "FxEmojis", "Mozilla", "Apache-2.0", emoji_by_name, version=3,
        names=FXEMOJI, spaced=False, refused="^tramcar$",
    ),
    "noto-v1": Source(
        "@iconify-json/noto-v1", "Noto Emoji 1", "Google", "Apache-2.0",
        emoji_by_name, version=11, sibling="gradient",
    ),
    "openmoji-colour": Source(
        "@iconify-json/openmoji", "OpenMoji, colour", "OpenMoji", "CC-BY-SA-4.0",
        emoji_by_code, refused="^(regional-indicator-.*|guy-fawkes-mask|svg)$",
        sibling="line",
    ),
    "flat-color-icons": Source(
        "@iconify-json/flat-color-icons", "Flat Color Icons", "Icons8", "MIT", icons_only,
    ),
    "game-icons": Source(
        "@iconify-json/game-icons", "Game Icons", "the contributors of game-icons.net", "CC-BY-3.0",
        icons_only, refused=r"^abstract-\d", heads=True,
    ),
    "mdi": Source(
        "@iconify-json/mdi", "Material Design Icons", "Pictogrammers", "Apache-2.0", icons_only,
    ),
    "ph": Source(
        "@iconify-json/ph", "Phosphor, regular and filled", "Phosphor Icons", "MIT",
        icons_only, refused="-(thin|light|bold|duotone)$",
    ),
    "streamline": Source(
        "@iconify-json/streamline-ultimate-color", "Ultimate Color Icons", "Streamline",
        "CC-BY-4.0", icons_only,
    ),
    "tabler": Source("@iconify-json/tabler", "Tabler Icons", "Paweł Kuna", "MIT", icons_only),
}


def read(family, package, reading):
    """The pairs of one family, and the credit for its artwork."""
    source = SOURCES[family]
    items = source.items(Set(family, source, package), reading)
    credit = Attribution(family, source.artwork, source.author, source.licence, package)
    return items, credit
