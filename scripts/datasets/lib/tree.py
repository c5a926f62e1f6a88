"""An image dataset on disk: <root>/<domain>/<class>/<id>.png, captions.csv, ATTRIBUTION.txt.

Draws the chosen artworks on all cores, drops what can't serve (unreadable, empty, a font's
placeholder, exact duplicates), writes the rest and counts both.
"""

import collections
import csv
from dataclasses import dataclass, field

from lib import render, stamp
from lib.cores import on_all_cores
from lib.ui import say

MIN_INK = 0.02  # share of inked pixels below which an image counts as empty
MAX_REPEATS = 2  # a glyph that a font draws more often is its placeholder, such as a "?" box
NEAR_COPY = 0.0015  # mean squared difference of thumbs (white = 1) below which two are one picture
CAPTION_FIELDS = ("label", "keywords", "subgroup", "group")


@dataclass(frozen=True)
class Item:
    """One artwork and its place in the dataset; trim cuts it to its ink before it is framed.

    label is its class; "" where a dataset has no classes, and then no folders of them.
    """

    domain: str
    label: str
    id: str
    artwork: object
    caption: dict = field(compare=False)
    trim: bool = False

    def place(self):
        return (self.domain, self.label, self.id)

    def path(self):
        return "/".join(part for part in self.place() if part) + ".png"


@dataclass(frozen=True)
class Attribution:
    """What the artwork's licence asks to be told."""

    domain: str
    artwork: str
    author: str
    licence: str
    package: object

    def line(self):
        return (
            f"{self.domain}: {self.artwork}, by {self.author}; licence {self.licence}; "
            f"from {self.package.pin.kind} package {self.package.pin.name} {self.package.version}"
        )


def write_tree(folder, items, attributions, no_near_copies=()):
    """Draws and writes the dataset below folder; returns its facts for BUILD.json.

    no_near_copies: domains made of sources that copy from one another, in which a picture that
    looks like an earlier one of its class is dropped.
    """
    items = sorted(items, key=Item.place)
    require_unique(items)
    say(f"  {len(items)} artworks chosen: {summary(item.domain for item in items)}")
    drawn = draw_all(items)
    kept, dropped = sift(items, drawn, no_near_copies)
    for item, image in kept:
        path = folder / item.path()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image.png)
    write_captions(folder / "captions.csv", [item for item, _ in kept])
    write_attributions(folder / "ATTRIBUTION.txt", attributions)
    for reason, places in sorted(dropped.items()):
        say(f"  dropped as {reason}: {len(places)} ({summary(place[0] for place in places)})")
    return {
        "images": len(kept),
        "counts": count(item for item, _ in kept),
        "dropped": {reason: ["/".join(place) for place in places]
                    for reason, places in sorted(dropped.items())},
        "pixels_sha256": stamp.digest_of_lines(
            f"{image.pixels}  {item.path()}" for item, image in kept
        ),
    }


def require_unique(items):
    """Two items of one path would overwrite each other: a mistake in how a builder makes ids."""
    for one, other in zip(items, items[1:]):
        if one.place() == other.place():
            raise ValueError(f"two artworks for {one.path()}")


def summary(names):
    """`a 3, b 5`: how often each name occurs, in order of the names."""
    counts = collections.Counter(names)
    return ", ".join(f"{name} {counts[name]}" for name in sorted(counts))


def draw_all(items, level=9):
    """The items' drawings, in order, as PNG of that zlib level: 6 is 5 times faster than 9."""
    jobs = [(item.artwork, item.trim, level) for item in items]
    return on_all_cores("drawing", render.draw, jobs)


def sift(items, drawn, no_near_copies=()):
    """Splits into the (item, drawing) pairs kept and {reason: places dropped}."""
    glyphs = collections.Counter(
        (item.domain, image.pixels)
        for item, image in zip(items, drawn)
        if isinstance(item.artwork, render.Glyph)
    )
    kept, dropped = [], collections.defaultdict(list)
    seen, thumbs = set(), collections.defaultdict(list)
    for item, image in zip(items, drawn):
        fellows = thumbs[item.domain, item.label] if item.domain in no_near_copies else []
        reason = fault(image, glyphs[item.domain, image.pixels], seen, fellows)
        if image.error:
            say(f"  warning: {item.path()} can't be drawn: {image.error}")
        if reason:
            dropped[reason].append(item.place())
            continue
        seen.add(image.pixels)
        fellows.append(image.thumb)
        kept.append((item, image))
    return kept, dict(dropped)


def fault(image, repeats, seen, fellows):
    """Why a drawing can't serve, or None; of the same picture, the first in order is kept."""
    if image.error:
        return "unreadable"
    if image.ink < MIN_INK:
        return "empty"
    if repeats > MAX_REPEATS:
        return "placeholder"
    if image.pixels in seen:
        return "duplicate"
    return "near copy" if any(is_near_copy(image.thumb, thumb) for thumb in fellows) else None


def is_near_copy(one, other):
    """Whether the mean squared difference of two thumbs, in units of white, is below NEAR_COPY."""
    limit = NEAR_COPY * 255 * 255 * len(one)
    if (sum(one) - sum(other)) ** 2 >= limit * len(one):  # Cauchy-Schwarz: a cheap first look
        return False
    return sum((left - right) ** 2 for left, right in zip(one, other)) < limit


def count(items):
    """{domain: {class: images}}"""
    counts = {}
    for item in items:
        domain = counts.setdefault(item.domain, {})
        domain[item.label] = domain.get(item.label, 0) + 1
    return counts


def write_captions(path, items):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", *CAPTION_FIELDS))
        for item in items:
            writer.writerow((item.path(), *(item.caption.get(key, "") for key in CAPTION_FIELDS)))


def write_attributions(path, attributions):
    lines = [one.line() for one in attributions]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
