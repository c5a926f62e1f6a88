import json
import re

from lib import emoji, pic_choice
from lib.emoji import Classes, Concept, IconSet
from lib.render import Svg
from lib.ui import Fail
from tests import FolderCase, npm_package


def concept(label, subgroup, identity="1f600", text="x", version=1):
    return Concept(identity, text, label, ("tag one", "two"), subgroup, "a-group", version)


def icons(names, aliases=()):
    """An Iconify icons.json whose drawings are their own names."""
    return {
        "prefix": "test", "height": 32,
        "icons": {name: {"body": f"<{name}/>"} for name in names},
        "aliases": dict(aliases),
    }


class ClassTest(FolderCase):
    def test_subgroups_merge_into_classes(self):
        classes = Classes(emoji.CLASSES)
        for subgroup, expected in (
            ("face-smiling", "face"), ("cat-face", None), ("hands", "hand"), ("person", "person"),
            ("person-role", "person"), ("person-symbol", None), ("animal-marine", "sea-animal"),
            ("food-asian", "meal"), ("dishware", "drink-dish"), ("transport-sign", None),
            ("country-flag", None), ("heart", "heart"),
        ):
            self.assertEqual(classes.of(concept("x", subgroup)), expected, subgroup)

    def test_joined_persons_are_left_out_but_no_other_joined_concept(self):
        classes = Classes(emoji.CLASSES)
        joined = "1f9d1-200d-1f373"
        self.assertIsNone(classes.of(concept("cook", "person-role", joined)))
        self.assertEqual(classes.of(concept("black cat", "animal-mammal", joined)), "mammal")

    def test_exceptions_come_before_subgroups(self):
        classes = Classes(pic_choice.EMOJI_CLASSES, pic_choice.EMOJI_EXCEPTIONS)
        self.assertEqual(classes.of(concept("whale", "animal-marine")), "mammal")
        self.assertEqual(classes.of(concept("crab", "animal-marine")), "fish")
        self.assertIsNone(classes.of(concept("brick", "place-building")))

    def test_every_class_of_pic_styles_is_one_of_emoji_styles(self):
        patterns = set(emoji.CLASSES.values())
        self.assertLessEqual(set(pic_choice.EMOJI_CLASSES.values()), patterns)
        for pattern in patterns:
            re.compile(pattern)


class ConceptTest(FolderCase):
    def test_id_drops_the_variation_selector(self):
        self.assertEqual(emoji.concept_id("2764-FE0F-200D-1F525"), "2764-200d-1f525")

    def test_catalogue_is_read_with_names_of_groups(self):
        data = [
            {"hexcode": "2764", "label": "red heart", "emoji": "\u2764\ufe0f", "tags": ["love"],
             "group": 0, "subgroup": 14, "version": 0.6},
            {"hexcode": "1F1E6", "label": "regional indicator A", "emoji": "A", "version": 0},
        ]
        groups = {"groups": {"0": "smileys-emotion"}, "subgroups": {"14": "heart"}}
        package = npm_package(self.folder / "p.tgz", {
            "en/data.json": json.dumps(data).encode(),
            "meta/groups.json": json.dumps(groups).encode(),
        })
        (one,) = emoji.read_concepts(package)
        self.assertEqual((one.id, one.text, one.subgroup), ("2764", "\u2764", "heart"))
        self.assertEqual(one.caption()["group"], "smileys-emotion")


class FamilyTest(FolderCase):
    def read_emojione(self, data, concepts):
        files = {"icons.json": json.dumps(data).encode()}
        found = emoji.emojione(npm_package(self.folder / "e.tgz", files), concepts, None)
        return {key: re.search("<([a-z-]+)/>", art.data.decode())[1] for key, art in found.items()}

    def test_emojione_prefers_the_concept_that_bears_the_icons_own_name(self):
        data = icons(["cricket-game"], {"cricket": {"parent": "cricket-game"}})
        insect, game = concept("cricket", "animal-bug", "1f997"), concept("cricket game", "sport",
                                                                          "1f3cf")
        self.assertEqual(self.read_emojione(data, [insect, game]), {"1f3cf": "cricket-game"})

    def test_emojione_knows_old_names_apostrophes_and_its_age(self):
        data = icons(["robot-face", "mans-shoe", "yawning-face"])
        concepts = [concept("robot", "face-costume", "a"), concept("man’s shoe", "clothing", "b"),
                    concept("yawning face", "face-concerned", "c", version=12)]
        self.assertEqual(self.read_emojione(data, concepts), {"a": "robot-face", "b": "mans-shoe"})

    def test_iconify_finds_by_code_point_and_follows_aliases(self):
        data = icons(["sun"], {"star": {"parent": "sun"}})
        package = npm_package(self.folder / "i.tgz", {
            "icons.json": json.dumps(data).encode(),
            "chars.json": json.dumps({"2600-fe0f": "star"}).encode(),
        })
        found = emoji.iconify(package, [concept("sun", "sky-weather", "2600")], None)
        self.assertEqual(set(found), {"2600"})
        self.assertIn(b'viewBox="0 0 16 32"', found["2600"].data)
        self.assertIn(b"<sun/>", found["2600"].data)

    def test_an_alias_that_mirrors_its_icon_is_drawn_so_and_one_that_turns_it_is_refused(self):
        found = IconSet(icons(["a"], {
            "b": {"parent": "a", "hFlip": True}, "c": {"parent": "b"},
            "d": {"parent": "b", "hFlip": True}, "e": {"parent": "a", "rotate": 1},
        }))
        mirror = b'<g transform="translate(16 0) scale(-1 1)"><a/></g>'
        self.assertEqual([mirror in found.svg(name).data for name in "abcd"],
                         [False, True, True, False])
        with self.assertRaises(Fail):
            found.svg("e")

    def test_files_are_found_by_code_point(self):
        package = npm_package(self.folder / "o.tgz", {
            "black/svg/2764-FE0F.svg": b"<svg/>", "color/svg/1F600.svg": b"<svg/>",
        })
        concepts = [concept("a", "heart", "2764"), concept("b", "face-smiling", "1f600")]
        self.assertEqual(emoji.openmoji_black(package, concepts, None), {"2764": Svg(b"<svg/>")})

    def test_a_font_draws_single_code_points_only(self):
        concepts = [concept("a", "heart", "a", "x"), concept("b", "heart", "b", "x\u200d")]
        self.assertEqual(set(emoji.glyphs("font.ttf", concepts)), {"a"})
