import io
import unittest.mock

import numpy as np
from PIL import Image, ImageDraw

from lib import leaks, render
from lib.leaks import likeness, look, near_copies
from lib.tree import is_near_copy


def drawing(corners, colour="black", ground="white"):
    """A PNG of 64x64 with a polygon, by its corners on a grid of 64."""
    image = Image.new("RGB", (64, 64), ground)
    ImageDraw.Draw(image).polygon(corners, fill=colour)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def noise(seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).resize((64, 64)).save(file, "PNG")
    return file.getvalue()


FLAG = [(4, 4), (60, 12), (4, 40)]
MIRRORED = [(59, 4), (3, 12), (59, 40)]
SMALL = [(10, 10), (38, 14), (10, 28)]  # FLAG at half its size
OTHER = [(30, 4), (60, 60), (8, 50)]


class NearCopyTest(unittest.TestCase):
    def found(self, candidates, references):
        return [(one.candidate, one.reference, one.way)
                for one in near_copies([look(png) for png in candidates],
                                       [look(png) for png in references])]

    def test_the_same_mirrored_and_rescaled_pictures_are_found(self):
        for candidate, ways in (
            (FLAG, {"as it is"}), (MIRRORED, {"mirrored"}),
            (SMALL, {"trimmed"}), ([(63 - x, y) for x, y in SMALL], {"trimmed and mirrored"}),
        ):
            found = self.found([drawing(OTHER), drawing(candidate)], [drawing(FLAG)])
            self.assertEqual([one[:2] for one in found], [(1, 0)])
            self.assertIn(found[0][2], ways)

    def test_other_shapes_and_colours_are_not(self):
        self.assertEqual(self.found([drawing(OTHER), drawing(FLAG, "red")], [drawing(FLAG)]), [])

    def test_the_nearest_reference_is_told(self):
        nearly = [(4, 4), (61, 12), (4, 41)]
        found = self.found([drawing(FLAG)], [drawing(OTHER), drawing(nearly), drawing(FLAG)])
        self.assertEqual(found, [(0, 2, "as it is")])

    def test_the_quick_search_finds_what_comparing_all_finds(self):
        rng = np.random.default_rng(1)
        side = render.THUMB
        base = rng.integers(20, 235, (7, side, side, 3)).astype(np.uint8)
        steps = np.arange(60).reshape(60, 1, 1, 1) // 4  # distances on both sides of the limit
        signs = np.where(steps % 2, rng.choice([-1, 1], (side, side, 3)), 1)  # noise, or brighter
        near = (base[np.arange(60) % 7] + signs * steps).astype(np.uint8)
        expected = {(one, other) for one in range(60) for other in range(7)
                    if is_near_copy(near[one].tobytes(), base[other].tobytes())}
        found = {pair[:2] for pair in leaks.close_pairs(near, base)}
        self.assertEqual(found, expected)
        self.assertEqual(len(expected), 40)

    def test_blocks_do_not_change_the_result(self):
        looks = [look(noise(seed)) for seed in range(9)]
        with unittest.mock.patch.object(leaks, "BLOCK", 4):
            self.assertEqual([(one.candidate, one.reference, one.distance)
                              for one in near_copies(looks, looks[::-1])],
                             [(at, 8 - at, 0.0) for at in range(9)])


class LikenessTest(unittest.TestCase):
    def test_it_is_the_median_correlation_over_shared_concepts(self):
        flag, other, blank = (look(drawing(FLAG)), look(drawing(OTHER)),
                              look(drawing(FLAG, "white")))
        negative = look(drawing(FLAG, "white", "black"))
        value, shared = likeness({"a": flag, "b": other, "c": flag, "d": blank, "e": flag},
                                 {"a": flag, "b": other, "c": other, "d": flag, "f": flag})
        self.assertEqual((value, shared), (1.0, 3))  # d is blank, e and f are not shared
        self.assertLess(likeness({"a": flag}, {"a": other})[0], 0.9)
        self.assertLess(likeness({"a": flag}, {"a": negative})[0], 0)
        self.assertEqual(likeness({"a": flag}, {"b": flag}), (None, 0))
