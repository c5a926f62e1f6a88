import base64
import hashlib
import pathlib
import re
import subprocess
import unittest.mock

from lib import fetch
from lib.fetch import Pin
from lib.ui import Fail
from tests import FolderCase, npm_package

DATA = b"a package"
HEX = "sha256-" + hashlib.sha256(DATA).hexdigest()
INTEGRITY = "sha512-" + base64.b64encode(hashlib.sha512(DATA).digest()).decode()


class FetchTest(FolderCase):
    def fetch(self, pin, file_name=None):
        """Fetches by a client that leaves DATA under this name, or must not be asked."""
        def client(_pin, scratch):
            self.assertIsNotNone(file_name, "the client was asked")
            path = pathlib.Path(scratch) / file_name
            path.write_bytes(DATA)
            return path

        with unittest.mock.patch.dict(fetch.FETCHERS, {"deb": client, "npm": client}):
            return fetch.fetch_one(pin, self.folder)

    def files(self):
        return sorted(path.name for path in self.folder.iterdir())

    def test_a_package_is_fetched_once_and_then_taken_from_the_cache(self):
        pin = Pin("npm", "@scope/art", "1.2.3", INTEGRITY)
        self.assertTrue(self.fetch(pin, "any.tgz").stamp()["pinned"])
        self.assertEqual(self.files(), ["scope-art-1.2.3.tgz"])
        self.assertEqual(self.fetch(pin).path.read_bytes(), DATA)

    def test_a_damaged_file_in_the_cache_is_fetched_anew(self):
        pin = Pin("deb", "art", "1:2-3", HEX)
        (self.folder / "art_1%3a2-3_all.deb").write_bytes(b"damaged")
        self.assertEqual(self.fetch(pin, "art_1%3a2-3_all.deb").path.read_bytes(), DATA)

    def test_another_debian_version_is_taken_and_said(self):
        package = self.fetch(Pin("deb", "art", "1.0-1", "sha256-0"), "art_1%3a2.0-1_all.deb")
        self.assertEqual((package.version, package.digest), ("1:2.0-1", HEX))
        self.assertFalse(package.stamp()["pinned"])

    def test_another_content_of_the_same_version_is_refused(self):
        for pin, name in ((Pin("deb", "art", "1.0-1", "sha256-0"), "art_1.0-1_all.deb"),
                          (Pin("npm", "art", "1.0", "sha512-0"), "art-1.0.tgz")):
            with self.assertRaisesRegex(Fail, "not used"):
                self.fetch(pin, name)
        self.assertEqual(self.files(), [])

    def test_a_client_that_fails_ends_in_one_line_that_says_what_to_do(self):
        for kind, missing in (("npm", "npm pack art@1.0"), ("deb", "apt-get update")):
            with unittest.mock.patch.object(subprocess, "run", side_effect=FileNotFoundError):
                with self.assertRaises(Fail) as caught:
                    fetch.fetch_one(Pin(kind, "art", "1.0", "sha-x"), self.folder)
            for part in ("art", missing, "is not installed", "packages"):
                self.assertIn(part, str(caught.exception))
            self.assertNotIn("\n", str(caught.exception))

    def test_the_telling_line_of_a_complaint_is_found(self):
        for text, line in (
            ("W: a\nE: b\nE: c\n", "E: b"),
            ("npm error code ENOTFOUND\nnpm error network reason: no host\nnpm error x",
             "npm error network reason: no host"),
            ("npm ERR! code E404\nnpm ERR! log", "npm ERR! code E404"),
            ("tar: Cannot write: No space left on device\nE: sub-process",
             "tar: Cannot write: No space left on device"),
            ("\nfirst\nlast\n\n", "last"),
            ("", ""),
        ):
            self.assertEqual(fetch.complaint(text), line)


class PackageTest(FolderCase):
    def test_members_are_read_in_place(self):
        package = npm_package(self.folder / "p.tgz", {"a/x.svg": b"x", "a/b/y.svg": b"y",
                                                      "a/z.txt": b"z"})
        self.assertEqual(package.read("a/z.txt"), b"z")
        self.assertEqual(package.read_all("a", ".svg"), {"x": b"x"})
        with self.assertRaisesRegex(Fail, "no file none"):
            package.read("none")


class CommittedTest(FolderCase):
    def test_pins_are_complete(self):
        pins = fetch.read_pins()
        for name, pin in pins.items():
            self.assertEqual(name, pin.name)
            self.assertIn(pin.kind, fetch.FETCHERS)
            self.assertRegex(pin.digest, {"deb": r"^sha256-[0-9a-f]{64}$",
                                          "npm": r"^sha512-[A-Za-z0-9+/]{86}==$"}[pin.kind])

    def test_no_committed_file_names_a_host_but_those_of_xml_name_spaces(self):
        for path in fetch.HERE.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                text = path.read_text(encoding="utf-8")
                hosts = set(re.findall(r"\bhttps?:/+([\w.]+)", text))
                self.assertLessEqual(hosts, {"www.w3.org"}, path)
