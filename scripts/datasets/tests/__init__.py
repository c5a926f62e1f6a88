"""Tests of the dataset builders, and what they share: tiny pictures and stand-ins for packages."""

import io
import pathlib
import shutil
import tarfile
import tempfile
import unittest

from PIL import Image

from lib.fetch import Package, Pin


class FolderCase(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dgbench-test-"))
        self.addCleanup(shutil.rmtree, self.folder)


def png(size=(8, 8), colour="black", ground=None):
    """A PNG of one colour, or of a coloured middle on a ground of twice its size."""
    image = Image.new("RGB", size, colour)
    if ground:
        around = Image.new("RGB", (2 * size[0], 2 * size[1]), ground)
        around.paste(image, (size[0] // 2, size[1] // 2))
        image = around
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def package(path, name="art", version="1.0", kind="npm"):
    return Package(Pin(kind, name, version, "sha-x"), path, version, "sha-x")


def npm_package(path, files):
    """An npm tarball of {path: bytes}."""
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo("package/" + name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return package(path)
