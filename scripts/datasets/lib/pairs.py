"""Image-text pairs for pretraining, with everything that leaks from evaluation taken out.

Evaluation's packages are not among the sources; what is left of it in other packages' drawings is
found by comparing every picture with every picture of the evaluation datasets.
"""

import collections
import json
import subprocess
import sys
from dataclasses import dataclass

from lib import emoji, icons, stamp
from lib.cores import on_all_cores
from lib.fetch import HERE
from lib.leaks import likeness, look, near_copies
from lib.names import Kinds
from lib.tree import (
    draw_all, require_unique, sift, summary, write_attributions, write_captions
)
from lib.ui import Fail, say

EVALUATION = ("emoji-styles", "pic-styles")
WITHOUT_SIBLINGS = "captions-without-siblings.csv"
MIN_SHARED = 100  # concepts that two families must share for their likeness to be told


@dataclass(frozen=True)
class Held:
    """An image of an evaluation dataset: its domain ("emoji-styles/line") and concept."""

    path: str
    domain: str
    concept: str
    look: object


def build(folder, _scratch, packages):
    evaluation, facts = read_evaluation()
    items, credits = read_sources(packages)
    drawn = draw_all(items, level=6)
    kept, dropped = sift(items, drawn)
    looks = on_all_cores("comparing", look, [image.png for _, image in kept])
    leaks = near_copies(looks, [one.look for one in evaluation])
    leaking = {one.candidate for one in leaks}
    pairs = [kept[at] for at in range(len(kept)) if at not in leaking]
    for item, image in pairs:
        path = folder / item.path()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image.png)
    chosen = [item for item, _ in pairs]
    write_captions(folder / "captions.csv", chosen)
    write_captions(folder / WITHOUT_SIBLINGS, [item for item in chosen if not sibling(item)])
    write_attributions(folder / "ATTRIBUTION.txt", credits)
    for reason, places in sorted(dropped.items()):
        say(f"  dropped as {reason}: {len(places)} ({summary(place[0] for place in places)})")
    return {
        **facts,
        **count(chosen),
        **leak_facts(leaks, kept, evaluation),
        "dropped": {reason: [item_path(place) for place in places]
                    for reason, places in sorted(dropped.items())},
        "siblings": sibling_facts(kept, looks, evaluation),
        "pixels_sha256": stamp.digest_of_lines(
            f"{image.pixels}  {item.path()}" for item, image in pairs
        ),
    }


def item_path(place):
    return "/".join(part for part in place if part)


def sibling(item):
    return icons.SOURCES[item.domain].sibling


def read_sources(packages):
    """All pairs, in order of their paths, and the credits."""
    catalogue = packages[emoji.CATALOGUE]
    concepts = emoji.read_concepts(catalogue)
    reading = icons.Reading(catalogue, concepts, Kinds(concepts))
    items, credits = [], []
    for family, source in icons.SOURCES.items():
        found, credit = icons.read(family, packages[source.package], reading)
        items += found
        credits.append(credit)
    items.sort(key=lambda item: item.place())
    require_unique(items)
    say(f"  {len(items)} artworks chosen: {summary(item.domain for item in items)}")
    return items, credits


def read_evaluation():
    """The Held images of the evaluation datasets, which are built where they are missing."""
    paths, facts = [], {}
    for name in EVALUATION:
        folder = evaluation_folder(name)
        built = json.loads((folder / stamp.STAMP).read_text(encoding="utf-8"))
        facts[name] = built["pixels_sha256"]
        paths += [(name, path) for path in sorted(folder.glob("*/*/*.png"))]
    looks = on_all_cores("reading evaluation", look, [path.read_bytes() for _, path in paths])
    held = [
        Held(f"{name}/{'/'.join(path.parts[-3:])}", f"{name}/{path.parts[-3]}", path.stem, one)
        for (name, path), one in zip(paths, looks)
    ]
    return held, {"evaluation_pixels_sha256": facts}


def evaluation_folder(name):
    """Runs the dataset's own builder, which is quick when it is there already."""
    say(f"  {name}, to compare with")
    done = subprocess.run(
        [sys.executable, HERE / name], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise Fail(f"needs the dataset {name} to compare with, which could not be built")
    return type(HERE)(done.stdout.splitlines()[-1])


def count(items):
    counts = collections.Counter(item.domain for item in items)
    return {
        "images": len(items),
        "counts": dict(sorted(counts.items())),
        "images_without_siblings": sum(1 for item in items if not sibling(item)),
    }


def leak_facts(leaks, kept, evaluation):
    """How many near copies went, by family and by the domain of the nearest; and which."""
    table, named = {}, {}
    for one in leaks:
        item, held = kept[one.candidate][0], evaluation[one.reference]
        row = table.setdefault(item.domain, {})
        row[held.domain] = row.get(held.domain, 0) + 1
        named[item.path()] = f"{held.path}, {one.way}, {one.distance:.5f}"
    say(f"  near copies of evaluation images removed: {len(leaks)}")
    for family, row in table.items():
        say(f"    {family}: {sum(row.values())} ("
            + ", ".join(f"{domain} {row[domain]}" for domain in sorted(row)) + ")")
    return {"near_copies": table, "near_copies_removed": named}


def sibling_facts(kept, looks, evaluation):
    """{family: {evaluation family: likeness}}, over the emoji that both draw."""
    ours, theirs = collections.defaultdict(dict), collections.defaultdict(dict)
    for (item, _), one in zip(kept, looks):
        ours[item.domain][item.id] = one
    for held in evaluation:
        concept, _, family = held.concept.partition(".")
        if held.domain.startswith("emoji-styles/") or family == "notofont":
            theirs[family or held.domain.partition("/")[2]][concept] = held.look
    facts = {}
    for family, concepts in sorted(ours.items()):
        for other, others in sorted(theirs.items()):
            median, shared = likeness(concepts, others)
            if shared >= MIN_SHARED:
                facts.setdefault(family, {})[other] = round(median, 3)
    say("  likeness of families (median grey correlation of a concept's drawings):")
    for family, row in facts.items():
        mark = icons.SOURCES[family].sibling
        say(f"    {family}" + (f" (sibling of {mark})" if mark else "") + ": "
            + ", ".join(f"{other} {value:.2f}" for other, value in row.items()))
    return facts
