import json
import re
import unittest.mock

from lib import emoji, icons
from lib.emoji import Concept
from lib.icons import Reading, Source
from lib.names import SHORT_CODES, Kinds
from tests import FolderCase, npm_package

CONCEPTS = [
    Concept("1f436", "x", "dog face", ("pet",), "animal-mammal", "animals-nature", 1),
    Concept("1f415", "x", "dog", ("pet", "animal"), "animal-mammal", "animals-nature", 1),
    Concept("2600", "x", "sun", ("rays",), "sky-weather", "travel-places", 1),
]


def icon_set(names, aliases=(), **extra):
    return {
        "prefix": "test", "height": 32, "aliases": dict(aliases),
        "icons": {name: {"body": f"<{name}/>", **extra.get(name, {})} for name in names},
    }


class SetCase(FolderCase):
    def read(self, data, items, chars=(), categories=(), **options):
        """{icon's own name: (id, caption)} of a set's pairs."""
        files = {
            "icons.json": data, "chars.json": dict(chars),
            "metadata.json": {"categories": dict(categories)} if categories else {},
        }
        source = Source("p", "art", "author", "MIT", items, **options)
        package = npm_package(self.folder / "set.tgz", {
            name: json.dumps(content).encode() for name, content in files.items()
        })
        codes = {f"en/shortcodes/{name}.json": b"{}" for name in SHORT_CODES}
        catalogue = npm_package(self.folder / "emojibase.tgz", codes)
        reading = Reading(catalogue, CONCEPTS, Kinds(CONCEPTS))
        with unittest.mock.patch.dict(icons.SOURCES, {"family": source}):
            found, credit = icons.read("family", package, reading)
        self.assertEqual((credit.domain, credit.licence), ("family", "MIT"))
        self.assertEqual({one.domain for one in found}, {"family"})
        return {re.search("<([a-z0-9-]+)/>", one.artwork.data.decode())[1]: (one.id, one.caption)
                for one in found}


class EmojiTest(SetCase):
    def test_code_points_decide_and_skin_tones_are_left_out(self):
        data = icon_set(["hound", "hound-dark", "own-idea"])
        chars = {"1f415": "hound", "1f415-1f3ff": "hound-dark", "f8ff": "own-idea"}
        found = self.read(data, icons.emoji_by_code, chars)
        self.assertEqual(set(found), {"hound", "own-idea"})
        self.assertEqual(found["hound"], ("1f415", CONCEPTS[1].caption()))
        self.assertEqual((found["own-idea"][0], found["own-idea"][1]["label"]),
                         ("own-idea", "own idea"))

    def test_a_concept_goes_to_the_icon_that_bears_its_own_name(self):
        data = icon_set(["sunny", "sun"], {"sun-face": {"parent": "sunny"}})
        found = self.read(data, icons.emoji_by_name, names={"sun-face": "sun"})
        self.assertEqual((found["sun"][0], found["sunny"][0]), ("2600", "sunny"))

    def test_what_matches_nothing_is_an_icon_unless_its_words_are_run_together(self):
        data = icon_set(["dog", "stockchart", "dog-light-skin-tone"])
        found = self.read(data, icons.emoji_by_name)
        self.assertEqual({name: one[0] for name, one in found.items()},
                         {"dog": "1f415", "stockchart": "stockchart"})
        self.assertEqual(set(self.read(data, icons.emoji_by_name, spaced=False)), {"dog"})


class IconTest(SetCase):
    def test_an_icon_called_as_an_emoji_gets_its_kind_tags_aliases_and_categories(self):
        data = icon_set(["dog"], {"hound": {"parent": "dog"}, "dog-2": {"parent": "dog"}})
        found = self.read(data, icons.icons_only, categories={"Pets / Home": ["dog"]})
        self.assertEqual(found["dog"], ("dog", {
            "label": "dog", "keywords": "pet;animal;hound;pets home",
            "subgroup": "animal-mammal", "group": "animals-nature",
        }))

    def test_without_a_kind_the_first_category_is_the_subgroup(self):
        found = self.read(icon_set(["anvil"]), icons.icons_only,
                          categories={"Hardware / Tools": ["anvil"], "Art": ["anvil"]})
        self.assertEqual(found["anvil"][1], {"label": "anvil", "keywords": "art",
                                             "subgroup": "hardware-tools", "group": ""})

    def test_a_brand_is_not_what_it_is_called_after(self):
        found = self.read(icon_set(["dog"]), icons.icons_only,
                          categories={"Brand / Logo": ["dog"]})
        self.assertEqual(found["dog"][1], {"label": "dog", "keywords": "",
                                           "subgroup": "brand-logo", "group": ""})

    def test_withdrawn_and_refused_icons_are_left_out(self):
        data = icon_set(["dog", "dog-bold", "cat"], cat={"hidden": True})
        self.assertEqual(set(self.read(data, icons.icons_only, refused="-bold$")), {"dog"})

    def test_keywords_are_few(self):
        aliases = {f"alias-{word}": {"parent": "anvil"} for word in "abcdefghij"}
        found = self.read(icon_set(["anvil"], aliases), icons.icons_only)
        self.assertEqual(len(found["anvil"][1]["keywords"].split(";")), icons.MAX_KEYWORDS)


class SourcesTest(FolderCase):
    def test_no_package_of_an_evaluation_dataset_is_a_source(self):
        evaluated = {family.package for family in emoji.FAMILIES.values()}
        self.assertFalse(evaluated & {source.package for source in icons.SOURCES.values()})

    def test_siblings_are_families_of_evaluation(self):
        for name, source in icons.SOURCES.items():
            self.assertIn(source.sibling, {"", *emoji.FAMILIES}, name)
