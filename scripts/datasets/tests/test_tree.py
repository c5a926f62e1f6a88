import csv
import json
import unittest.mock

from lib import render, stamp, tree
from lib.render import Drawn, Glyph, Raster
from lib.tree import Attribution, Item, sift
from tests import FolderCase, package, png

COLOURS = ("red", "green", "blue", "black")


def item(identity, domain="photo", label="cat", artwork=None):
    return Item(domain, label, identity, artwork or Raster(b""), {})


def drawn(pixels, ink=0.5, level=0, error=None):
    return Drawn(b"png", pixels, bytes([level]) * 768, ink, error)


def ids(pairs):
    return [one.id for one, _ in pairs]


class SiftTest(FolderCase):
    def test_unreadable_and_empty_pictures_are_dropped_and_named(self):
        kept, dropped = sift(
            [item("a"), item("b"), item("c")],
            [drawn("x"), drawn("y", ink=0.019), drawn("", error="OSError: no")],
        )
        self.assertEqual(ids(kept), ["a"])
        self.assertEqual(dropped, {"empty": [("photo", "cat", "b")],
                                   "unreadable": [("photo", "cat", "c")]})

    def test_the_first_of_equal_pictures_is_kept_across_classes_and_domains(self):
        items = [item("a"), item("b", label="dog"), item("c", domain="line")]
        kept, dropped = sift(items, [drawn("x")] * 3)
        self.assertEqual((ids(kept), len(dropped["duplicate"])), (["a"], 2))

    def test_a_glyph_repeated_more_than_twice_is_a_placeholder(self):
        glyph = Glyph("font", "x")
        items = [item(str(n), artwork=glyph) for n in range(5)]
        kept, dropped = sift(items, [drawn(pixels) for pixels in "???ab"])
        self.assertEqual((ids(kept), len(dropped["placeholder"])), (["3", "4"], 3))
        kept, dropped = sift([item(str(n)) for n in range(3)], [drawn("?")] * 3)
        self.assertEqual((ids(kept), set(dropped)), (["0"], {"duplicate"}))

    def test_near_copies_are_dropped_only_within_a_class_of_the_domains_asked_for(self):
        items = [item("a"), item("b"), item("c", label="dog"), item("d", domain="line")]
        drawings = [drawn(str(n), level=n) for n in range(4)]
        kept, dropped = sift(items, drawings, {"photo"})
        self.assertEqual((ids(kept), dropped), (["a", "c", "d"],
                                                {"near copy": [("photo", "cat", "b")]}))
        self.assertEqual(len(sift(items, drawings)[0]), 4)

    def test_near_copy_is_a_mean_squared_difference(self):
        plain = bytes(768)
        self.assertTrue(tree.is_near_copy(plain, bytes([9]) * 768))  # (9 / 255)^2 = 0.00125
        self.assertFalse(tree.is_near_copy(plain, bytes([10]) * 768))  # 0.00154
        checks = bytes([30, 0] * 384)  # means are close, pixels are not
        self.assertFalse(tree.is_near_copy(checks, bytes([15]) * 768))

    def test_two_artworks_of_one_path_are_a_mistake(self):
        with self.assertRaises(ValueError):
            tree.require_unique([item("a"), item("a")])


class WriteTest(FolderCase):
    def write(self, name, processes=1):
        items = [
            Item(domain, "cat", f"id{n}", Raster(png((20 + n, 20), colour)),
                 {"label": 'a "cat", small', "keywords": "x;y", "subgroup": "s", "group": "g"})
            for domain in ("photo", "line")
            for n, colour in enumerate(COLOURS if domain == "photo" else COLOURS[:1])
        ]
        credit = Attribution("photo", "Art", "A. Painter", "MIT", package("p.tgz"))
        folder = self.folder / name
        folder.mkdir()
        items = items[::-1] if processes > 1 else items
        with unittest.mock.patch.object(render, "processes", lambda: processes):
            return folder, tree.write_tree(folder, items, [credit])

    def test_the_tree_its_captions_and_its_attributions(self):
        folder, facts = self.write("a")
        self.assertEqual(facts["counts"], {"line": {"cat": 1}, "photo": {"cat": 3}})
        self.assertEqual(facts["dropped"], {"duplicate": ["photo/cat/id0"]})
        with open(folder / "captions.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        self.assertEqual(rows[0], ["path", "label", "keywords", "subgroup", "group"])
        self.assertEqual(rows[1], ["line/cat/id0.png", 'a "cat", small', "x;y", "s", "g"])
        self.assertEqual([row[0] for row in rows[1:]],
                         sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png")))
        self.assertEqual((folder / "ATTRIBUTION.txt").read_text(encoding="utf-8"),
                         "photo: Art, by A. Painter; licence MIT; from npm package art 1.0\n")

    def test_the_same_bytes_whatever_the_order_and_the_number_of_processes(self):
        one, facts_one = self.write("a")
        two, facts_two = self.write("b", processes=2)
        self.assertEqual(facts_one, facts_two)
        self.assertEqual(stamp.files_digest(one), stamp.files_digest(two))


class StampTest(FolderCase):
    def setUp(self):
        super().setUp()
        (self.folder / "sub").mkdir()
        (self.folder / "sub/a.png").write_bytes(b"a")
        stamp.write_stamp(self.folder, "tiny", 3, [package("p.tgz")], {"images": 1})

    def fault(self, recipe=3):
        return stamp.find_fault(self.folder, "tiny", recipe)

    def test_a_finished_dataset_has_no_fault(self):
        self.assertIsNone(self.fault())
        content = json.loads((self.folder / "BUILD.json").read_bytes())
        self.assertEqual([one["name"] for one in content["packages"]], ["art"])

    def test_changed_added_and_missing_files_are_found(self):
        for change in (lambda path: path.write_bytes(b"b"), lambda path: path.unlink(),
                       lambda path: (path.parent / "new").touch()):
            change(self.folder / "sub/a.png")
            self.assertIn("not those", self.fault())
            (self.folder / "sub/a.png").write_bytes(b"a")
        (self.folder / "sub/new").unlink()
        self.assertIsNone(self.fault())

    def test_another_recipe_a_broken_stamp_and_no_folder_are_faults(self):
        self.assertIn("recipe 3, wanted tiny recipe 4", self.fault(recipe=4))
        for text in ("", "[]", "{}", "{\"dataset\":"):
            (self.folder / "BUILD.json").write_text(text, encoding="utf-8")
            self.assertIn("can't be used", self.fault())
        self.assertIn("not built yet", stamp.find_fault(self.folder / "no", "tiny", 3))

    def test_the_digest_is_what_sha256sum_would_give(self):
        expected = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  sub/a.png"
        self.assertEqual(stamp.files_digest(self.folder), stamp.digest_of_lines([expected]))
        self.assertEqual(stamp.digest_of_lines(["b", "a"]), stamp.digest_of_lines(["a", "b"]))
