import importlib.util
import io
import unittest

from PIL import Image

from lib import render
from tests import png

DRAWING = (b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10">'
           b'<rect x="2" y="4" width="6" height="2" fill="#f00"/></svg>')


def box_of(image):
    return render.ink_mask(image).getbbox()


class SquareTest(unittest.TestCase):
    def test_a_wide_picture_is_letterboxed(self):
        image = render.square(Image.new("RGB", (200, 100), "black"), trim=False)
        self.assertEqual((image.size, box_of(image)), ((64, 64), (0, 16, 64, 48)))

    def test_a_tall_picture_is_letterboxed(self):
        image = render.square(Image.new("RGB", (30, 60), "black"), trim=False)
        self.assertEqual(box_of(image), (16, 0, 48, 64))

    def test_trimming_cuts_to_the_ink_and_leaves_the_margin(self):
        with Image.open(io.BytesIO(png((40, 40), "blue", "white"))) as image:
            self.assertEqual(box_of(render.square(image, trim=True)), (2, 2, 62, 62))

    def test_an_empty_picture_survives_trimming(self):
        image = render.square(Image.new("RGB", (20, 20), "white"), trim=True)
        self.assertEqual(render.ink_share(image), 0)

    def test_a_line_of_one_pixel_keeps_a_pixel(self):
        image = render.square(Image.new("RGB", (400, 1), "black"), trim=False)
        self.assertGreater(render.ink_share(image), 0)


class InkTest(unittest.TestCase):
    def test_pale_pixels_carry_no_ink_and_light_colours_do(self):
        image = Image.new("RGB", (2, 2), "white")
        image.putpixel((0, 0), (250, 250, 250))
        image.putpixel((1, 0), (255, 255, 0))
        self.assertEqual(render.ink_share(image), 0.25)

    def test_white_shows_through_transparent_pixels(self):
        image = Image.new("RGBA", (1, 1), (0, 0, 0, 0))
        self.assertEqual(render.on_white(image).getpixel((0, 0)), (255, 255, 255))


class DrawTest(unittest.TestCase):
    def test_a_raster_becomes_a_small_rgb_png_the_same_each_time(self):
        job = (render.Raster(png((300, 150), "red")), False, 9)
        drawn = render.draw(job)
        with Image.open(io.BytesIO(drawn.png)) as image:
            self.assertEqual((image.size, image.mode, image.format), ((64, 64), "RGB", "PNG"))
            self.assertEqual(image.info, {})
        self.assertEqual(drawn, render.draw(job))
        self.assertEqual((drawn.ink, len(drawn.thumb)), (0.5, 16 * 16 * 3))

    def test_a_broken_artwork_is_reported_not_raised(self):
        drawn = render.draw((render.Raster(b"no picture"), False, 6))
        self.assertIn("UnidentifiedImageError", drawn.error)

    def test_a_palette_picture_with_transparency_is_read(self):
        image = Image.new("P", (500, 500), 0)
        image.putpalette([0, 0, 0] * 256)
        file = io.BytesIO()
        image.save(file, "PNG", transparency=0)
        self.assertEqual(render.draw((render.Raster(file.getvalue()), False, 6)).ink, 0)

    @unittest.skipUnless(importlib.util.find_spec("gi") and importlib.util.find_spec("cairo"),
                         "needs python3-gi-cairo")
    def test_a_drawing_keeps_its_frame_and_its_colours(self):
        with Image.open(io.BytesIO(render.draw((render.Svg(DRAWING), False, 6)).png)) as image:
            self.assertEqual(image.getpixel((32, 32)), (255, 0, 0))
            self.assertEqual(image.getpixel((32, 10)), (255, 255, 255))
            left, top, right, bottom = box_of(image)
        self.assertTrue(11 <= left <= 13 and 24 <= top <= 26 and 51 <= right <= 53
                        and 38 <= bottom <= 40)
