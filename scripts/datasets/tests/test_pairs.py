import csv
import json
import unittest.mock

from lib import icons, pairs
from lib.icons import Source
from lib.names import SHORT_CODES
from lib.render import Raster
from tests import FolderCase, npm_package
from tests.test_leaks import FLAG, MIRRORED, OTHER, drawing

ROOF = [(4, 60), (32, 10), (60, 60), (32, 30)]
THIRD = [(20, 20), (40, 20), (40, 60), (20, 60)]
ART = {"flag": FLAG, "wedge": OTHER, "post": THIRD, "mirrored": MIRRORED}


def emojibase(folder):
    data = [{"hexcode": "2600", "label": "wedge", "emoji": "x", "tags": ["t"], "group": 0,
             "subgroup": 1, "version": 1}]
    groups = {"groups": {"0": "objects"}, "subgroups": {"1": "tool"}}
    files = {"en/data.json": data, "meta/groups.json": groups}
    files |= {f"en/shortcodes/{name}.json": {} for name in SHORT_CODES}
    return npm_package(folder / "b.tgz", {key: json.dumps(one).encode()
                                          for key, one in files.items()})


def icon_package(path, names):
    icons_json = {"prefix": path.stem, "icons": {name: {"body": ""} for name in names}}
    return npm_package(path, {
        "icons.json": json.dumps(icons_json).encode(), "chars.json": b"{}",
        "metadata.json": b"{}",
    })


class BuildTest(FolderCase):
    """Two families of pictures, and one evaluation picture: `flag`, which both have a copy of."""

    def setUp(self):
        super().setUp()
        evaluated = self.folder / "evaluation/line/tool"
        evaluated.mkdir(parents=True)
        (evaluated / "2600.png").write_bytes(drawing(FLAG))
        (evaluated / "2600.notofont.png").write_bytes(drawing(ROOF))
        (self.folder / "evaluation/BUILD.json").write_text('{"pixels_sha256": "abc"}')
        sources = {
            "alike": Source("p1", "Alike", "A", "MIT", icons.emoji_by_name, sibling="line"),
            "icons": Source("p2", "Icons", "B", "MIT", icons.icons_only),
        }
        for target, name, value in (
            (icons, "SOURCES", sources), (pairs, "EVALUATION", ("emoji-styles",)),
            (pairs, "evaluation_folder", lambda _: self.folder / "evaluation"),
            (pairs, "MIN_SHARED", 1),
            (icons.IconSet, "svg", lambda _, name: Raster(drawing(ART[name]))),
        ):
            patch = unittest.mock.patch.object(target, name, value)
            patch.start()
            self.addCleanup(patch.stop)
        self.target = self.folder / "made"
        self.target.mkdir()
        self.facts = pairs.build(self.target, None, {
            "emojibase-data": emojibase(self.folder),
            "p1": icon_package(self.folder / "one.tgz", ["wedge", "flag"]),
            "p2": icon_package(self.folder / "two.tgz", ["post", "mirrored"]),
        })

    def rows(self, name):
        with open(self.target / name, encoding="utf-8", newline="") as file:
            return [tuple(row.values()) for row in csv.DictReader(file)]

    def test_near_copies_of_evaluation_are_removed_counted_and_named(self):
        self.assertEqual(self.facts["near_copies"],
                         {"alike": {"emoji-styles/line": 1}, "icons": {"emoji-styles/line": 1}})
        self.assertEqual(self.facts["near_copies_removed"], {
            "alike/flag.png": "emoji-styles/line/tool/2600.png, as it is, 0.00000",
            "icons/mirrored.png": "emoji-styles/line/tool/2600.png, mirrored, 0.00000",
        })
        self.assertEqual(self.facts["evaluation_pixels_sha256"], {"emoji-styles": "abc"})

    def test_images_captions_and_counts_are_of_what_is_left(self):
        self.assertEqual(self.rows("captions.csv"), [
            ("alike/2600.png", "wedge", "t", "tool", "objects"),
            ("icons/post.png", "post", "", "", ""),
        ])
        self.assertEqual(sorted(str(path.relative_to(self.target))
                                for path in self.target.rglob("*.png")),
                         ["alike/2600.png", "icons/post.png"])
        self.assertEqual((self.facts["images"], self.facts["counts"]),
                         (2, {"alike": 1, "icons": 1}))

    def test_the_list_without_siblings_and_their_likeness(self):
        self.assertEqual([row[0] for row in self.rows(pairs.WITHOUT_SIBLINGS)], ["icons/post.png"])
        self.assertEqual(self.facts["images_without_siblings"], 1)
        self.assertEqual({family: list(row) for family, row in self.facts["siblings"].items()},
                         {"alike": ["line", "notofont"]})
        self.assertLess(self.facts["siblings"]["alike"]["line"], 0.9)
