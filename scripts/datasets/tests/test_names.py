import json

from lib import names
from lib.emoji import Concept
from lib.names import EmojiNames, Kinds, words_of
from tests import FolderCase, npm_package


def concept(label, subgroup="animal-mammal", identity=None, tags=(), version=1, group="g"):
    return Concept(identity or label, "x", label, tags, subgroup, group, version)


class WordsTest(FolderCase):
    def test_style_and_variant_are_no_words(self):
        for name, expected in (
            ("dog-side", "dog side"), ("fish-simple-fill", "fish"), ("book-2-filled", "book"),
            ("spider-alt", "spider"), ("filled", "filled"), ("clock-24", "clock 24"),
            ("FoodDrinks", "food drinks"), ("Food / Drink", "food drink"), ("arrow-2", "arrow"),
        ):
            self.assertEqual(words_of(name), expected)


class EmojiNamesTest(FolderCase):
    def names(self, concepts, codes=(), version=99, own=()):
        files = {f"en/shortcodes/{source}.json": b"{}" for source in names.SHORT_CODES}
        files["en/shortcodes/github.json"] = json.dumps(dict(codes)).encode()
        return EmojiNames(npm_package(self.folder / "e.tgz", files), concepts, version, own)

    def find(self, name, *arguments, **options):
        found = self.names(*arguments, **options).find(name)
        return found and found.label

    def test_labels_come_before_short_codes_and_spelling_does_not_matter(self):
        concepts = [concept("piñata", identity="1fa85"), concept("party popper", identity="1f389"),
                    concept("sun & moon", identity="2600")]
        codes = {"1F389": ["pinata", "tada"], "2600-FE0F": "star"}
        for name, expected in (("pinata", "piñata"), ("tada", "party popper"),
                               ("party-popper", "party popper"), ("sun-and-moon", "sun & moon"),
                               ("star", "sun & moon"), ("nothing", None)):
            self.assertEqual(self.find(name, concepts, codes), expected, name)

    def test_flags_are_found_under_the_name_of_their_country_or_their_own(self):
        concepts = [concept("flag: Côte d’Ivoire"), concept("white flag")]
        self.assertEqual(self.find("flag-for-cote-divoire", concepts), "flag: Côte d’Ivoire")
        self.assertEqual(self.find("flag-for-white-flag", concepts), "white flag")

    def test_concepts_newer_than_the_set_do_not_take_their_old_names(self):
        concepts = [concept("cricket", identity="1f997", version=5),
                    concept("cricket game", identity="1f3cf")]
        codes = {"1F3CF": "cricket"}
        self.assertEqual(self.find("cricket", concepts, codes, version=4), "cricket game")
        self.assertEqual(self.find("cricket", concepts, codes), "cricket")

    def test_a_sets_own_names_come_first(self):
        concepts = [concept("cat"), concept("cat face")]
        own = {"cat": "cat face", "cat-side": "cat", "lion": "no such concept"}
        self.assertEqual(self.find("cat", concepts, own=own), "cat face")
        self.assertEqual(self.find("cat-side", concepts, own=own), "cat")
        self.assertIsNone(self.find("lion", concepts, own=own))


class KindsTest(FolderCase):
    def setUp(self):
        super().setUp()
        self.kinds = Kinds([
            concept("owl", "animal-bird", tags=("night", "wise")),
            concept("swan", "animal-bird", tags=("bird",)),
            concept("duck", "animal-bird", tags=("bird",)),
            concept("fly", "animal-bug", tags=("bird", "wise")),
            concept("flag: Owlia", "country-flag", tags=("owlia",), group="flags"),
            concept("mouse", "animal-mammal"), concept("star", "sky-weather"),
        ])

    def kind(self, phrase, **options):
        found = self.kinds.find(phrase, **options)
        return found.subgroup, found.group, found.tags

    def test_a_label_gives_its_kind_and_tags(self):
        self.assertEqual(self.kind("owl"), ("animal-bird", "g", ("night", "wise")))

    def test_a_tag_gives_the_kind_of_most_that_bear_it(self):
        self.assertEqual(self.kind("bird"), ("animal-bird", "g", ()))
        self.assertEqual(self.kind("wise"), ("", "g", ()))  # one of two is no majority

    def test_flags_and_misleading_names_have_no_kind(self):
        self.assertEqual(self.kind("owlia"), ("", "", ()))
        self.assertEqual(self.kind("mouse"), ("", "", ()))

    def test_the_last_word_counts_only_where_asked_and_only_labels(self):
        self.assertEqual(self.kind("barn owl"), ("", "", ()))
        self.assertEqual(self.kind("barn owl", heads=True)[0], "animal-bird")
        self.assertEqual(self.kind("black bird", heads=True)[0], "")
        self.assertEqual(self.kind("wax seal", heads=True)[0], "")
