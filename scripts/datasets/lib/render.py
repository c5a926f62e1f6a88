"""From artwork (SVG, PNG or WebP, a font's glyph) to one small square RGB image on white.

Each kind of artwork is a small picklable object with draw(): an RGB image on white, no larger than
needed, which square() then frames. Everything here is a pure function of its input, so that the
same packages give the same pixels whatever the number of processes.
"""

import hashlib
import io
import os
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFont

SIZE = 64  # pixels a side of every image
OVERSAMPLE = 2  # drawings are made this much larger and averaged: smoother edges than at SIZE
INK = 16  # a pixel whose darkest channel is this far from white carries ink
MARGIN = 2  # pixels left free around trimmed artwork
GLYPH_PIXELS = 4 * SIZE  # font size that glyphs are drawn at, before trimming
THUMB = 16  # pixels a side of the miniatures by which near copies are found
LANCZOS = Image.Resampling.LANCZOS


@dataclass(frozen=True)
class Svg:
    """An SVG document, drawn within its own frame."""

    data: bytes

    def draw(self):
        cairo, rsvg = svg_libraries()
        side = SIZE * OVERSAMPLE
        surface = cairo.ImageSurface(cairo.FORMAT_ARGB32, side, side)
        context = cairo.Context(surface)
        context.set_source_rgb(1, 1, 1)
        context.paint()
        viewport = rsvg.Rectangle()
        viewport.width = viewport.height = side
        rsvg.Handle.new_from_data(self.data).render_document(context, viewport)
        surface.flush()
        pixels = bytes(surface.get_data())
        return Image.frombuffer("RGB", (side, side), pixels, "raw", "BGRX", surface.get_stride(), 1)


@dataclass(frozen=True)
class Raster:
    """An image file that PIL reads, given by its bytes or by its path."""

    source: object

    def draw(self):
        with Image.open(self.file()) as image:
            return on_white(shrunk(image))

    def file(self):
        return io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source


@dataclass(frozen=True)
class Glyph:
    """A character of a font file, in black."""

    font: str
    text: str

    def draw(self):
        font = ImageFont.truetype(
            self.font, GLYPH_PIXELS, layout_engine=ImageFont.Layout.BASIC
        )
        left, top, right, bottom = font.getbbox(self.text)
        size = (max(right - left, 1), max(bottom - top, 1))
        image = Image.new("RGB", size, "white")
        ImageDraw.Draw(image).text((-left, -top), self.text, fill="black", font=font)
        return image


def svg_libraries():
    """cairo and librsvg, imported when first needed: only some builders draw SVG."""
    import cairo
    import gi

    gi.require_version("Rsvg", "2.0")
    from gi.repository import Rsvg

    return cairo, Rsvg


def shrunk(image):
    """A large true-colour image averaged down to what drawing needs, to save time and memory."""
    factor = min(image.size) // (OVERSAMPLE * SIZE)
    return image.reduce(factor) if factor > 1 and image.mode in ("RGB", "RGBA", "L") else image


def on_white(image):
    """Any image as RGB; where it is transparent, white shows through."""
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def ink_mask(image):
    """255 where the image differs visibly from white."""
    darkest = ImageChops.darker(ImageChops.darker(*image.split()[:2]), image.split()[2])
    return darkest.point([255 if value <= 255 - INK else 0 for value in range(256)])


def ink_share(image):
    """The share of pixels that carry ink, in [0, 1]."""
    return ink_mask(image).histogram()[255] / (image.width * image.height)


def square(image, trim):
    """Letterboxed on white to SIZE x SIZE; with trim, first cut to its ink and given a margin."""
    box = ink_mask(image).getbbox() if trim else None
    image = image.crop(box) if box else image
    room = SIZE - 2 * MARGIN if box else SIZE
    scale = room / max(image.size)
    size = [max(1, round(side * scale)) for side in image.size]
    small = image.resize(size, LANCZOS, reducing_gap=3.0)
    canvas = Image.new("RGB", (SIZE, SIZE), "white")
    canvas.paste(small, [(SIZE - side) // 2 for side in size])
    return canvas


@dataclass(frozen=True)
class Drawn:
    """What comes out of drawing one artwork.

    The file, a hash of its pixels, the picture averaged to THUMB x THUMB, the share of ink; error
    is None when it worked.
    """

    png: bytes = b""
    pixels: str = ""
    thumb: bytes = b""
    ink: float = 0.0
    error: str = None


def draw(job):
    """(artwork, trim, zlib level) -> Drawn; never raises for a broken artwork, so that it can be
    counted. The level changes the file, not its pixels."""
    artwork, trim, level = job
    try:
        image = square(artwork.draw(), trim)
    except Exception as problem:  # pylint: disable=broad-except
        return Drawn(error=f"{type(problem).__name__}: {problem}")
    file = io.BytesIO()
    image.save(file, "PNG", optimize=False, compress_level=level)
    pixels = hashlib.sha256(image.tobytes()).hexdigest()
    thumb = image.resize((THUMB, THUMB), Image.Resampling.BOX).tobytes()
    return Drawn(file.getvalue(), pixels, thumb, ink_share(image))


def processes():
    """As many as the cores that this process may use."""
    return len(os.sched_getaffinity(0))
