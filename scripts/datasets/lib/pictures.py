"""Photos and drawings for pic-styles: Tux Paint's stamps, GCompris's pictures, openclipart.

Each source yields Items; which pictures it takes is in pic_choice. Ids begin with the source and
carry the folder, so that they never meet an emoji's code point or each other.
"""

import fnmatch
import html
import re

from PIL import Image, ImageChops

from lib import pic_choice
from lib.qrc import read_qrc
from lib.render import Raster, Svg
from lib.tree import Attribution, Item

# A stamp whose opaque pixels equal their right neighbour (within FLAT_STEP) more often than this is
# a drawing. Photos reach 0.61 (smooth car bodies), drawings begin at 0.75 (a silhouette).
FLAT_SHARE = 0.65
FLAT_STEP = 2
OPAQUE = 250  # alpha from which a pixel counts as opaque
DRAWN_FOLDERS = {"cartoon"}
REFUSED_FOLDERS = {"plastic", "toys"}
RESOURCES = "usr/share/gcompris-qt/rcc"
ACTIVITIES = "gcompris/src/activities"


def refused(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def slug(*words):
    """An id of lower-case words joined by "-"; "_" stays, some names differ in nothing else."""
    return re.sub(r"[^a-z0-9_]+", "-", "-".join(words).lower()).strip("-_")


def words_of(name):
    """`leaningTowerOfPisa2` and `leaning_tower` as words."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return " ".join(re.findall(r"[^\W\d_]+", spaced)).lower()


def stamps(package, scratch):
    """Tux Paint's stamps: photos and drawings mixed in the same folders."""
    root = package.unpack(scratch) / "usr/share/tuxpaint/stamps"
    items, domains = [], set()
    for label, folders in pic_choice.STAMP_FOLDERS.items():
        for folder in folders:
            for path in sorted((root / folder).rglob("*")):
                if is_stamp(path, root) and not refused(
                    path.stem, pic_choice.STAMP_REFUSED.get(label, [])
                ):
                    domain = "photo" if is_photo(path) else "clipart"
                    domains.add(domain)
                    items.append(stamp_item(path, root, domain, label))
    return items, [
        Attribution(domain, "Tux Paint stamps", "Bill Kendrick and contributors", "GPL-2", package)
        for domain in sorted(domains)
    ]


def is_stamp(path, root):
    """One file per stamp: the SVG where there is one, no mirrored copy, no toy."""
    if REFUSED_FOLDERS & set(path.relative_to(root).parts) or "mirror" in path.stem:
        return False
    return path.suffix == ".svg" or path.suffix == ".png" and not path.with_suffix(".svg").exists()


def is_photo(path):
    if path.suffix == ".svg" or DRAWN_FOLDERS & set(path.parts):
        return False
    with Image.open(path) as image:
        return flat_share(image.convert("RGBA")) < FLAT_SHARE


def flat_share(image):
    """The share of opaque pixels of an RGBA image that equal their right neighbour."""
    width, height = image.size
    left, right = image.crop((0, 0, width - 1, height)), image.crop((1, 0, width, height))
    opaque = ImageChops.darker(left.getchannel("A"), right.getchannel("A")).point(
        [255 if value >= OPAQUE else 0 for value in range(256)]
    )
    steps = ImageChops.difference(left.convert("RGB"), right.convert("RGB")).split()
    step = ImageChops.lighter(ImageChops.lighter(steps[0], steps[1]), steps[2])
    flat = step.point([255 if value <= FLAT_STEP else 0 for value in range(256)])
    pixels = opaque.histogram()[255]
    return ImageChops.darker(flat, opaque).histogram()[255] / max(pixels, 1)


def stamp_item(path, root, domain, label):
    folder = path.parent.relative_to(root)
    text = path.with_suffix(".txt")
    lines = text.read_text(encoding="utf-8").splitlines() if text.exists() else []
    caption = {
        "label": (lines or [words_of(path.stem)])[0].strip().rstrip(".!"),
        "keywords": words_of(path.stem),
        "subgroup": folder.name,
        "group": folder.parts[0],
    }
    artwork = Svg(path.read_bytes()) if path.suffix == ".svg" else Raster(str(path))
    return Item(domain, label, slug("tuxpaint", *folder.parts, path.stem), artwork, caption, True)


def gcompris(package, scratch):
    """GCompris's photos, most of which fill their frame, and its drawings."""
    root = package.unpack(scratch) / RESOURCES
    items = []
    for domain, choice in (
        ("photo", pic_choice.GCOMPRIS_PHOTOS), ("clipart", pic_choice.GCOMPRIS_DRAWINGS)
    ):
        for label, entries in choice.items():
            for activity, pattern in entries:
                items += gcompris_items(root, activity, pattern, domain, label)
    return items, [
        Attribution(
            "clipart", "GCompris, drawings of words", "Art4Apps", "CC-BY-SA-3.0", package
        ),
        Attribution(
            "clipart", "GCompris, other drawings", "Bruno Coudoin, Mathieu Ignacio and others",
            "GPL-3+ or public domain", package,
        ),
        Attribution(
            "photo", "GCompris, photos", "the photographers named in the package's README files",
            "public domain or CC0-1.0, collection GPL-3+", package,
        ),
    ]


def gcompris_items(root, activity, pattern, domain, label):
    """The pictures of one activity whose path matches, in order of their paths."""
    files = read_qrc(root / f"{activity}.rcc")
    wanted = f"{ACTIVITIES}/{activity}/resource/{pattern}"
    for path in sorted(fnmatch.filter(files, wanted)):
        folder, file_name = path.split("/")[-2:]
        name, _, suffix = file_name.rpartition(".")
        if domain == "photo" and refused(name, pic_choice.GCOMPRIS_REFUSED.get(label, [])):
            continue
        artwork = (Svg if suffix == "svg" else Raster)(files[path])
        caption = {"label": words_of(name), "keywords": label, "subgroup": label}
        identity = slug("gcompris", activity, folder, name)
        yield Item(domain, label, identity, artwork, caption, trim=domain == "clipart")


def openclipart(package, captions, scratch):
    """openclipart's PNGs; titles and keywords come from the RDF in the SVGs of the same names.

    The PNGs are taken for pixels: the SVGs are cropped where their width and viewBox disagree.
    """
    root = package.unpack(scratch) / "usr/share/openclipart/png"
    svg_root = captions.unpack(scratch) / "usr/share/openclipart/svg"
    items = []
    for label, patterns in pic_choice.OPENCLIPART.items():
        for pattern in patterns:
            for path in sorted(root.glob(pattern + ".png")):
                if not refused(path.stem, pic_choice.OPENCLIPART_REFUSED.get(label, [])):
                    items.append(openclipart_item(path, root, svg_root, label))
    return items, [
        Attribution(
            "clipart", "Open Clip Art Library", "its contributors", "public domain", package
        )
    ]


def openclipart_item(path, root, svg_root, label):
    folder = path.parent.relative_to(root)
    svg = (svg_root / folder / path.name).with_suffix(".svg")
    title, keywords = rdf_of(svg.read_text(encoding="utf-8", errors="replace")
                             if svg.exists() else "")
    caption = {
        "label": title or words_of(path.stem),
        "keywords": ";".join(keywords),
        "subgroup": folder.name,
        "group": folder.parts[0],
    }
    identity = slug("openclipart", *folder.parts, path.stem)
    return Item("clipart", label, identity, Raster(str(path)), caption, True)


def rdf_of(svg):
    """(title, keywords) of an SVG's metadata; by pattern, for some files are no sound XML."""
    metadata = svg.partition("<metadata")[2].partition("</metadata")[0]
    titles = re.findall(r"<dc:title>(.*?)</dc:title>", metadata, re.DOTALL)
    subject = metadata.partition("<dc:subject>")[2].partition("</dc:subject>")[0]
    keywords = re.findall(r"<rdf:li>(.*?)</rdf:li>", subject, re.DOTALL)
    plain = [" ".join(html.unescape(text).split()) for text in titles[:1] + keywords]
    return (plain[0] if titles else ""), [word for word in plain[len(titles[:1]):] if word]
