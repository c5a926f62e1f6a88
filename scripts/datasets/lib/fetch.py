"""Artwork packages: fetched by name with the ordinary clients, verified, kept in <cache>/packages.

Nothing is installed: a .deb is unpacked into a scratch folder, an npm tarball is read in place. A
verified package file in the cache needs no network, so a machine without one can be given the
files.
"""

import base64
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass

from lib.ui import Fail, say

HERE = pathlib.Path(__file__).resolve().parent.parent
NPM_PATIENCE = ("--fetch-retries=2", "--fetch-retry-mintimeout=1000",
                "--fetch-retry-maxtimeout=5000")
TIMEOUT_S = 1800  # for one package: the largest is 161 MB


@dataclass(frozen=True)
class Pin:
    kind: str
    name: str
    version: str
    digest: str


@dataclass(frozen=True)
class Package:
    """A verified package file, and what is to be told about it in BUILD.json."""

    pin: Pin
    path: pathlib.Path
    version: str
    digest: str

    def stamp(self):
        return {
            "kind": self.pin.kind,
            "name": self.pin.name,
            "version": self.version,
            "digest": self.digest,
            "pinned": self.digest == self.pin.digest,
        }

    def read(self, member):
        """The bytes of one file of an npm package, named below its top folder."""
        return self.read_several(member)[0]

    def read_several(self, *members):
        """The bytes of these files of an npm package, found in one pass through it."""
        found = dict.fromkeys("package/" + member for member in members)
        with tarfile.open(self.path, "r|gz") as tar:
            for member in tar:
                if member.name in found:
                    found[member.name] = tar.extractfile(member).read()
                    if None not in found.values():
                        break
        for name, data in found.items():
            if data is None:
                raise Fail(f"{self.path}: holds no file {name.removeprefix('package/')}")
        return list(found.values())

    def read_all(self, folder, suffix):
        """{file name without suffix: bytes} of one folder of an npm package."""
        found = {}
        with tarfile.open(self.path) as tar:
            for member in tar:
                parent, _, name = member.name.rpartition("/")
                if parent == "package/" + folder and name.endswith(suffix):
                    found[name[: -len(suffix)]] = tar.extractfile(member).read()
        return found

    def unpack(self, scratch):
        """Unpacks a .deb into its own folder below scratch and returns that folder."""
        folder = pathlib.Path(scratch) / self.pin.name
        say(f"  unpacking {self.pin.name}")
        done = subprocess.run(
            ["dpkg-deb", "-x", self.path, folder], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Fail(f"{self.path}: dpkg-deb can't unpack it: {complaint(done.stderr)}")
        return folder


def cache_folder():
    """`<cache>`: DGBENCH_CACHE, else dgbench below XDG_CACHE_HOME, else below ~/.cache."""
    chosen = os.environ.get("DGBENCH_CACHE")
    if chosen:
        return pathlib.Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base).absolute() / "dgbench"


def read_pins(path=HERE / "pins.txt"):
    """{package name: Pin} of the pin file."""
    pins = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = line.split("#")[0].split()
        if fields:
            pin = Pin(*fields)
            pins[pin.name] = pin
    return pins


def digest_of(path, kind):
    """The digest in the form that the kind's registry uses: npm integrity, or sha256 in hex."""
    algorithm = "sha512" if kind == "npm" else "sha256"
    digest = hashlib.new(algorithm)
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    raw = digest.digest()
    return f"{algorithm}-" + (base64.b64encode(raw).decode() if kind == "npm" else raw.hex())


def fetch(names):
    """The packages of these names, in that order: from the cache, else from their registry."""
    pins = read_pins()
    folder = cache_folder() / "packages"
    folder.mkdir(parents=True, exist_ok=True)
    return [fetch_one(pins[name], folder) for name in names]


def fetch_one(pin, folder):
    """A cached file with the pinned digest is used as it is; any other is fetched anew."""
    target = folder / file_name(pin)
    if target.exists() and digest_of(target, pin.kind) == pin.digest:
        return Package(pin, target, pin.version, pin.digest)
    say(f"  fetching {pin.name} {pin.version}")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch:
        got = FETCHERS[pin.kind](pin, scratch)
        digest = digest_of(got, pin.kind)
        if digest == pin.digest:
            os.replace(got, target)
            return Package(pin, target, pin.version, pin.digest)
        return accept_other(pin, got, digest, folder)


def file_name(pin):
    """What the ordinary client calls the package's file (all our .debs are `all`)."""
    if pin.kind == "npm":
        return f"{pin.name.lstrip('@').replace('/', '-')}-{pin.version}.tgz"
    return f"{pin.name}_{pin.version.replace(':', '%3a')}_all.deb"


def accept_other(pin, got, digest, folder):
    """Another Debian version is good enough (apt has verified it); any other surprise is not."""
    version = got.name.split("_")[1].replace("%3a", ":") if pin.kind == "deb" else pin.version
    if version == pin.version:
        raise Fail(
            f"{pin.name} {pin.version}: the file fetched has digest {digest}, pins.txt expects "
            f"{pin.digest}; it was not used"
        )
    say(f"  warning: {pin.name} {version} used, for the archive lacks the pinned {pin.version};"
        " counts may differ a little")
    target = folder / got.name
    shutil.move(got, target)
    return Package(pin, target, version, digest)


def fetch_deb(pin, scratch):
    """apt-get download of the pinned version, else of whatever version the archive has now."""
    pinned, ours = f"{pin.name}={pin.version}", []
    for wanted in (pinned, pin.name):
        ours = run_client(["apt-get", "download", "-q", wanted], scratch, "*.deb")
        if isinstance(ours, pathlib.Path):
            return ours
    raise Fail(
        f"Debian package {pin.name}: `apt-get download` of {pin.version} and of the archive's own "
        f"version both failed ({ours}); run `apt-get update` as root and check the network, or put "
        f"{file_name(pin)} into {cache_folder()}/packages"
    )


def fetch_npm(pin, scratch):
    """npm pack; by its own settings npm would try for minutes before it says that it can't."""
    command = ["npm", "pack", "--loglevel=error", "--pack-destination", scratch, *NPM_PATIENCE]
    got = run_client([*command, f"{pin.name}@{pin.version}"], scratch, "*.tgz")
    if isinstance(got, pathlib.Path):
        return got
    raise Fail(
        f"npm package {pin.name}: `npm pack {pin.name}@{pin.version}` failed ({got}); check that "
        f"npm is installed and the network reachable, or put {file_name(pin)} into "
        f"{cache_folder()}/packages"
    )


def run_client(command, scratch, pattern):
    """Runs a registry's client in scratch: the file that it leaves, or the text of its failure."""
    try:
        done = subprocess.run(
            command, cwd=scratch, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
    except FileNotFoundError:
        return f"{command[0]} is not installed"
    except subprocess.TimeoutExpired:
        return f"no answer in {TIMEOUT_S} s"
    files = list(pathlib.Path(scratch).glob(pattern))
    if done.returncode == 0 and len(files) == 1:
        return files[0]
    return complaint(done.stderr + done.stdout) or f"exit status {done.returncode}"


def complaint(text):
    """The line of a client's output that says best what went wrong, else its last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for telling in ("No space left", r"^E: ", r"reason:", r"\b404\b", r"^npm (ERR!|error) code "):
        for line in lines:
            if re.search(telling, line):
                return line
    return lines[-1] if lines else ""


FETCHERS = {"deb": fetch_deb, "npm": fetch_npm}
