"""Emoji: the catalogue of concepts, and the artwork families that draw them.

A concept's id is its code points in lower-case hex, joined by "-", without the variation selector
FE0F: the same in every family, so that images of one concept carry one id in every domain.
"""

import collections
import json
import re
from dataclasses import dataclass, field
from typing import Callable

from lib.render import Glyph, Raster, Svg
from lib.tree import Attribution, Item
from lib.ui import Fail

# Class -> pattern over Unicode subgroups. Merged so that each class has at least 13 concepts and
# every family draws it; flags and symbols are left out, for they look alike in every family.
CLASSES = {
    "face": r"face-.*",
    "hand": r"hand-.*|hands",
    "person": r"person(-(gesture|role|fantasy|activity|sport|resting))?",
    "mammal": r"animal-mammal",
    "bird": r"animal-bird",
    "bug": r"animal-bug",
    "sea-animal": r"animal-marine",
    "plant": r"plant-(flower|other)",
    "fruit-vegetable": r"food-(fruit|vegetable)",
    "meal": r"food-(prepared|asian|sweet)",
    "drink-dish": r"drink|dishware",
    "building": r"place-(building|religious)",
    "vehicle": r"transport-(ground|water|air)",
    "weather": r"sky-weather",
    "sport": r"sport",
    "clothing": r"clothing",
    "instrument": r"musical-instrument",
    "tool": r"tool",
    "heart": r"heart",
    "arrow": r"arrow",
}

# Emoji One 2.3 names its icons as Unicode did in 2016; these concepts have been renamed since.
EMOJIONE_NAMES = {
    "enraged face": "pouting-face",
    "face with crossed-out eyes": "dizzy-face",
    "heart exclamation": "heavy-heart-exclamation",
    "person in suit levitating": "man-in-suit-levitating",
    "person with skullcap": "man-with-chinese-cap",
    "person with veil": "bride-with-veil",
    "person: blond hair": "blond-haired-person",
    "robot": "robot-face",
}
EMOJIONE_UNICODE = 4  # Emoji version that Emoji One 2.3 covers


@dataclass(frozen=True)
class Concept:
    id: str
    text: str
    label: str
    tags: tuple
    subgroup: str
    group: str
    version: float

    def caption(self):
        return {
            "label": self.label,
            "keywords": ";".join(self.tags),
            "subgroup": self.subgroup,
            "group": self.group,
        }

    def joined(self):
        return "200d" in self.id.split("-")


def concept_id(hexcode):
    return "-".join(part for part in hexcode.lower().split("-") if part != "fe0f")


def read_concepts(emojibase):
    """Every emoji that belongs to a subgroup, in the base (yellow) skin tone."""
    entries = json.loads(emojibase.read("en/data.json"))
    names = json.loads(emojibase.read("meta/groups.json"))
    return [
        Concept(
            concept_id(entry["hexcode"]),
            entry["emoji"].replace("\ufe0f", ""),
            entry["label"],
            tuple(entry.get("tags", ())),
            names["subgroups"][str(entry["subgroup"])],
            names["groups"][str(entry["group"])],
            entry["version"],
        )
        for entry in entries
        if "subgroup" in entry
    ]


@dataclass(frozen=True)
class Classes:
    """Class -> pattern over subgroups, and concepts (by label) that go elsewhere or nowhere (None).

    Persons joined of several code points are left out: they are the same drawings once as a man
    and once as a woman, two near-copies for each concept that is in already.
    """

    patterns: dict
    exceptions: dict = field(default_factory=dict)

    def of(self, concept):
        """The concept's class, or None."""
        if concept.label in self.exceptions:
            return self.exceptions[concept.label]
        for label, pattern in self.patterns.items():
            if re.fullmatch(pattern, concept.subgroup):
                return None if label == "person" and concept.joined() else label
        return None


@dataclass(frozen=True)
class Family:
    """A family of artwork: where it comes from, whom to thank, and how to find its drawings.

    find(package, concepts, scratch) returns {concept id: artwork}. framed: the designer drew within
    a common frame, which is kept; without one (glyphs) the drawings are trimmed.
    """

    package: str
    artwork: str
    author: str
    licence: str
    find: Callable
    framed: bool = True


def fluent_3d(package, concepts, _scratch):
    return by_code_point(package.read_all("assets", ".webp"), concepts, Raster)


def openmoji_black(package, concepts, _scratch):
    return by_code_point(package.read_all("black/svg", ".svg"), concepts, Svg)


def by_code_point(files, concepts, artwork):
    by_id = {concept_id(name): data for name, data in sorted(files.items())}
    return {one.id: artwork(by_id[one.id]) for one in concepts if one.id in by_id}


def symbola(package, concepts, scratch):
    folder = package.unpack(scratch) / "usr/share/fonts/truetype/ancient-scripts"
    return glyphs(folder / "Symbola_hint.ttf", concepts)


def noto_font(package, concepts, scratch):
    font = scratch / "noto-emoji.ttf"
    font.write_bytes(package.read("400Regular/NotoEmoji_400Regular.ttf"))
    return glyphs(font, concepts)


def glyphs(font, concepts):
    """Glyphs of single code points: a font draws a joined emoji as several pictures in a row."""
    return {one.id: Glyph(str(font), one.text) for one in concepts if len(one.text) == 1}


def iconify(package, concepts, _scratch):
    """An Iconify set that lists its code points in chars.json."""
    icons = IconSet(json.loads(package.read("icons.json")))
    chars = json.loads(package.read("chars.json"))
    names = {concept_id(code): name for code, name in sorted(chars.items())}
    if not names:
        raise Fail(f"{package.path}: chars.json is empty")
    return {one.id: icons.svg(names[one.id]) for one in concepts if one.id in names}


def emojione(package, concepts, _scratch):
    """Emoji One has no code points: concepts are found by name, old names by a table.

    Names have wandered between concepts ("cricket" was the game), so an icon goes to the concept
    that bears the icon's own name rather than to one that bears an alias of it.
    """
    icons = IconSet(json.loads(package.read("icons.json")))
    claims = collections.defaultdict(list)
    for one in concepts:
        name = EMOJIONE_NAMES.get(one.label) or icon_name(one.label)
        if one.version <= EMOJIONE_UNICODE and name in icons:
            claims[icons.parent(name)].append((icons.parent(name) != name, one.id))
    return {min(claimants)[1]: icons.svg(name) for name, claimants in claims.items()}


def icon_name(label):
    return re.sub(r"[^a-z0-9]+", "-", label.lower().replace("’", "")).strip("-")


class IconSet:
    """The drawings of an Iconify icons.json: {name: {body, width, height, ...}} and aliases."""

    def __init__(self, data):
        self.prefix, self.data = data["prefix"], data
        self.icons, self.alias_of = data["icons"], data.get("aliases", {})

    def __contains__(self, name):
        return name in self.icons or name in self.alias_of

    def parent(self, name):
        """The icon that an alias stands for."""
        while name not in self.icons:
            name = self.alias_of[name]["parent"]
        return name

    def mirrored(self, name):
        """Whether an alias is its icon mirrored; none that turns its icon is in use here."""
        flipped = False
        while name not in self.icons:
            alias = self.alias_of[name]
            if not set(alias) <= {"parent", "hFlip"}:
                raise Fail(f"{self.prefix}: alias {name} transforms its icon: {alias}")
            flipped ^= alias.get("hFlip", False)
            name = alias["parent"]
        return flipped

    def svg(self, name):
        icon = self.icons[self.parent(name)]
        left, top, width, height = [
            icon.get(key, self.data.get(key, default))
            for key, default in (("left", 0), ("top", 0), ("width", 16), ("height", 16))
        ]
        body = icon["body"]
        if self.mirrored(name):
            body = f'<g transform="translate({2 * left + width} 0) scale(-1 1)">{body}</g>'
        return Svg(
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="{left} {top} {width} {height}">{body}</svg>'.encode()
        )


CATALOGUE = "emojibase-data"  # the package that read_concepts() reads

FAMILIES = {
    "render3d": Family(
        "@lobehub/fluent-emoji-3d", "Fluent Emoji 3D", "Microsoft", "MIT", fluent_3d
    ),
    "gradient": Family("@iconify-json/noto", "Noto Emoji", "Google", "Apache-2.0", iconify),
    "flat": Family(
        "@iconify-json/twemoji", "Twemoji", "Twitter and contributors", "CC-BY-4.0", iconify
    ),
    "emojione": Family(
        "@iconify-json/emojione", "Emoji One 2.3", "Emoji One", "CC-BY-4.0", emojione
    ),
    "line": Family("openmoji", "OpenMoji, black", "OpenMoji", "CC-BY-SA-4.0", openmoji_black),
    "glyph": Family(
        "fonts-symbola", "Symbola", "George Douros", "free for any use", symbola, framed=False
    ),
    "notofont": Family(
        "@expo-google-fonts/noto-emoji", "Noto Emoji font", "Google", "OFL-1.1", noto_font,
        framed=False,
    ),
}


def find_items(family_name, domain, classes, concepts, packages, scratch, several=False):
    """The images of one family in these classes, and the attribution of its artwork.

    several: the domain has other families too, so the id tells them apart (`<code point>.<family>`)
    and, their frames being different, the drawings are trimmed.
    """
    family = FAMILIES[family_name]
    package = packages[family.package]
    labels = {one.id: classes.of(one) for one in concepts}
    wanted = [one for one in concepts if labels[one.id]]
    artworks = family.find(package, wanted, scratch)
    suffix = f".{family_name}" if several else ""
    trim = several or not family.framed
    items = [
        Item(domain, labels[one.id], one.id + suffix, artworks[one.id], one.caption(), trim)
        for one in wanted
        if one.id in artworks
    ]
    credit = Attribution(domain, family.artwork, family.author, family.licence, package)
    return items, [credit]
