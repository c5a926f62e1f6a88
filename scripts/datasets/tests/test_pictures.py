import struct
import zlib

from PIL import Image

from lib import pic_choice, pictures
from lib.qrc import read_qrc
from lib.render import Raster, Svg
from lib.ui import Fail
from tests import FolderCase, package, png


class WordsTest(FolderCase):
    def test_names_become_ids_and_words(self):
        self.assertEqual(pictures.slug("stamps", "Birds", "crow 01.x"), "stamps-birds-crow-01-x")
        self.assertNotEqual(pictures.slug("white_rose"), pictures.slug("white-rose"))
        self.assertEqual(pictures.words_of("leaningTowerOfPisa2"), "leaning tower of pisa")
        self.assertEqual(pictures.words_of("05_polar_bear"), "polar bear")

    def test_title_and_keywords_are_read_from_rdf(self):
        svg = ("<svg><title>no</title><metadata><dc:title>A\n &amp; B</dc:title><dc:subject>"
               "<rdf:li>bird</rdf:li><rdf:li> </rdf:li><rdf:li>sea gull</rdf:li></dc:subject>"
               "<dc:creator><dc:title>Me</dc:title></dc:creator></metadata></svg>")
        self.assertEqual(pictures.rdf_of(svg), ("A & B", ["bird", "sea gull"]))
        self.assertEqual(pictures.rdf_of(""), ("", []))
        self.assertEqual(pictures.rdf_of("<metadata><rdf:li>x</rdf:li>"), ("", []))


class ChoiceTest(FolderCase):
    def test_every_table_speaks_of_the_same_classes(self):
        classes = set(pic_choice.EMOJI_CLASSES)
        for table in (pic_choice.STAMP_FOLDERS, pic_choice.OPENCLIPART):
            self.assertEqual(set(table), classes)
        for table in (pic_choice.STAMP_REFUSED, pic_choice.GCOMPRIS_PHOTOS,
                      pic_choice.GCOMPRIS_REFUSED, pic_choice.GCOMPRIS_DRAWINGS,
                      pic_choice.OPENCLIPART_REFUSED):
            self.assertLessEqual(set(table), classes)
        self.assertLessEqual(set(pic_choice.EMOJI_EXCEPTIONS.values()) - {None}, classes)

    def test_a_picture_is_refused_by_pattern(self):
        refused = pic_choice.OPENCLIPART_REFUSED["vehicle"]
        self.assertTrue(pictures.refused("knot_bowline", refused))
        self.assertFalse(pictures.refused("bicycle_01", refused))


class StampsTest(FolderCase):
    def test_flat_pixels_make_a_drawing(self):
        flat = Image.new("RGBA", (10, 10), "red")
        self.assertEqual(pictures.flat_share(flat), 1)
        ramp = Image.new("RGBA", (10, 1))
        for x in range(10):
            ramp.putpixel((x, 0), (x * 3, 0, 0, 255))
        self.assertEqual(pictures.flat_share(ramp), 0)
        clear = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
        self.assertEqual(pictures.flat_share(clear), 0)

    def test_stamps_go_to_photo_or_clipart_and_each_once(self):
        birds = self.folder / "usr/share/tuxpaint/stamps/animals/birds"
        (birds / "cartoon").mkdir(parents=True)
        (birds / "toys").mkdir()
        noise = Image.effect_noise((32, 32), 80).convert("RGB")
        for name in ("crow.png", "crow_mirror.png", "toys/duck.png", "cartoon/hen.png", "jay.png"):
            noise.save(birds / name)
        (birds / "jay.svg").write_bytes(b"<svg/>")
        (birds / "logo.png").write_bytes(png((32, 32)))
        (birds / "crow.txt").write_text("A crow.\nfr.utf8=Un corbeau\n", encoding="utf-8")
        items, credits = pictures.stamps(UnpackedPackage(self.folder), self.folder)
        self.assertEqual({item.id.split("birds-")[1]: item.domain for item in items}, {
            "crow": "photo", "cartoon-hen": "clipart", "jay": "clipart", "logo": "clipart",
        })
        self.assertEqual([one.domain for one in credits], ["clipart", "photo"])
        crow = next(item for item in items if item.domain == "photo")
        self.assertEqual(crow.caption, {"label": "A crow", "keywords": "crow",
                                        "subgroup": "birds", "group": "animals"})


class UnpackedPackage:
    """A package that needs no unpacking."""

    def __init__(self, folder):
        self.folder = folder
        self.pin = package(folder).pin

    def unpack(self, _scratch):
        return self.folder


def qrc(files, version=1, top="top"):
    """A Qt resource file of {name: (flags, bytes)} in one folder."""
    names, heap, offsets = b"", b"", {}
    for name in (top, *files):
        offsets[name] = len(names)
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
    times = b"\0" * 8 if version > 1 else b""
    nodes = struct.pack(">IHII", 0, 2, 1, 1) + times
    nodes += struct.pack(">IHII", offsets[top], 2, len(files), 2) + times
    for name, (flags, data) in files.items():
        nodes += struct.pack(">IHHHI", offsets[name], flags, 0, 1, len(heap)) + times
        heap += struct.pack(">I", len(data)) + data
    head = struct.pack(">4s4I", b"qres", version, 20, 20 + len(nodes), 20 + len(nodes) + len(heap))
    return head + nodes + heap + names


class QrcTest(FolderCase):
    def read(self, data):
        path = self.folder / "x.rcc"
        path.write_bytes(data)
        return read_qrc(path)

    def test_files_are_read_plain_and_compressed(self):
        packed = struct.pack(">I", 5) + zlib.compress(b"hello")
        for version in (1, 2, 3):
            files = self.read(qrc({"a.png": (0, b"plain"), "b.svg": (1, packed)}, version))
            self.assertEqual(files, {"top/a.png": b"plain", "top/b.svg": b"hello"})

    def test_anything_else_fails_in_one_line(self):
        whole = qrc({"a": (0, b"x"), "b": (1, b"\0\0\0\5no zlib")})
        circle = bytearray(qrc({"a": (0, b"x")}))
        circle[20 + 10 : 20 + 14] = struct.pack(">I", 0)
        for data in (b"", b"qres", whole, bytes(circle), b"x" * 100, qrc({"a": (4, b"x")})):
            with self.assertRaisesRegex(Fail, "x.rcc: can't be read"):
                self.read(data)


class GcomprisTest(FolderCase):
    def test_patterns_choose_and_refusals_hold_for_photos_only(self):
        folder = self.folder / pictures.RESOURCES
        folder.mkdir(parents=True)
        files = {"windmill6.webp": (0, b"1"), "windmill.webp": (0, b"2"), "house.svg": (0, b"3")}
        top = f"{pictures.ACTIVITIES}/act/resource"
        (folder / "act.rcc").write_bytes(qrc(files, top=top))

        def found(pattern, domain):
            items = pictures.gcompris_items(folder, "act", pattern, domain, "building")
            return {item.id: (item.artwork, item.trim) for item in items}

        self.assertEqual(found("*.webp", "photo"),
                         {"gcompris-act-resource-windmill": (Raster(b"2"), False)})
        self.assertEqual(len(found("*.webp", "clipart")), 2)
        self.assertEqual(found("h*.svg", "clipart"),
                         {"gcompris-act-resource-house": (Svg(b"3"), True)})
