"""The command line that every dataset builder shares, and the safe placing of what it builds.

The build happens in a folder beside the target, which is renamed when complete: a killed build
leaves nothing half made. A lock lets only one build of a dataset run at a time; a second caller
waits and then finds the finished dataset.
"""

import argparse
import contextlib
import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Callable

from lib import stamp
from lib.fetch import HERE, cache_folder, fetch
from lib.ui import Fail, say


@dataclass(frozen=True)
class Dataset:
    """A dataset's name, the packages it is made from, and how.

    build(folder, scratch, packages) fills the empty folder and returns facts for BUILD.json;
    scratch is a folder for unpacked packages, packages is {name: Package}. tools: the entries of
    packages.txt that it needs; None means all.
    """

    name: str
    about: str
    recipe: int
    packages: tuple
    build: Callable
    tools: tuple = None

    def home(self):
        return cache_folder() / "datasets"

    def folder(self):
        return self.home() / self.name

    def fault(self):
        return stamp.find_fault(self.folder(), self.name, self.recipe)


def main(dataset, arguments=None):
    """Runs a builder's command line; returns the exit status."""
    options = parse(dataset, arguments)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        if options.check:
            return check(dataset)
        provide(dataset, options.force)
    except Fail as problem:
        say(f"{dataset.name}: {problem}")
        return 1
    except OSError as problem:
        say(f"{dataset.name}: {problem.filename or dataset.folder()}: {problem.strerror}")
        return 1
    except KeyboardInterrupt:
        say(f"{dataset.name}: interrupted; nothing was left half made")
        return 130
    print(dataset.folder())
    return 0


def interrupt(_signal, _frame):
    """SIGTERM ends a build as Ctrl-C does, so that its work folder goes too."""
    raise KeyboardInterrupt


def parse(dataset, arguments):
    parser = argparse.ArgumentParser(
        prog=dataset.name,
        description=f"Builds the dataset {dataset.name}: {dataset.about}.",
        epilog="Datasets go to datasets/ and downloads to packages/ below $DGBENCH_CACHE (else "
        "$XDG_CACHE_HOME/dgbench, else ~/.cache/dgbench). The last line on stdout is the "
        "dataset's folder; exit status 0 done, 1 failed, 2 wrong usage.",
    )
    parser.add_argument("--force", action="store_true", help="build it anew even if it is there")
    parser.add_argument(
        "--check", action="store_true", help="only tell whether it is there and undamaged"
    )
    return parser.parse_args(arguments)


def check(dataset):
    """--check: prints the folder if all is well, else one line on stderr."""
    fault = dataset.fault()
    if fault:
        say(f"{dataset.name}: {fault}")
        return 1
    print(dataset.folder())
    return 0


def provide(dataset, force):
    """Makes sure that the dataset is there."""
    if not force and not dataset.fault():
        return
    dataset.home().mkdir(parents=True, exist_ok=True)
    with locked(dataset.home() / f".{dataset.name}.lock", dataset.name):
        fault = dataset.fault()
        if not force and not fault:
            return
        if dataset.folder().exists():
            say(f"{dataset.name}: building anew ({fault or '--force'})")
        build(dataset)


@contextlib.contextmanager
def locked(path, name):
    with open(path, "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{name}: another process builds it; waiting for that")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def build(dataset):
    start = time.monotonic()
    say(f"{dataset.name}: building in {dataset.folder()}")
    require_tools(dataset.tools)
    packages = fetch(dataset.packages)
    prefix = f".{dataset.name}.build-"
    for leftover in dataset.home().glob(prefix + "*"):  # of a killed build: we hold the lock
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(dir=dataset.home(), prefix=prefix) as work:
        work = pathlib.Path(work)
        made, scratch = work / "made", work / "scratch"
        made.mkdir()
        scratch.mkdir()
        facts = dataset.build(made, scratch, {one.pin.name: one for one in packages})
        stamp.write_stamp(made, dataset.name, dataset.recipe, packages, facts)
        put_in_place(made, dataset.folder(), work / "old")
    report(dataset, facts, time.monotonic() - start)


def require_tools(tools):
    """Asks for the Debian packages that are missing, all at once."""
    done = subprocess.run([HERE / "missing-packages"], capture_output=True, text=True, check=False)
    missing = [name for name in done.stdout.split() if tools is None or name in tools]
    if done.returncode:
        raise Fail(f"missing-packages failed: {done.stderr.strip()}")
    if missing:
        raise Fail(
            f"needs Debian's {', '.join(missing)}: run `apt-get install -y "
            f"--no-install-recommends {' '.join(missing)}` as root"
        )


def put_in_place(made, target, old):
    """Renames made to target, whose former content goes to old (and is deleted with it)."""
    os.sync()
    if target.exists():
        os.rename(target, old)
    os.rename(made, target)


def report(dataset, facts, seconds):
    for domain, found in facts.get("counts", {}).items():
        say(f"  {domain}: " + (
            f"{sum(found.values())} images in {len(found)} classes" if isinstance(found, dict)
            else f"{found} images"
        ))
    attributions = dataset.folder() / "ATTRIBUTION.txt"
    if attributions.exists():
        say("  artwork (also in ATTRIBUTION.txt):")
        for line in attributions.read_text(encoding="utf-8").splitlines():
            say(f"    {line}")
    say(f"{dataset.name}: {facts['images']} images in {seconds:.0f} s")


def run(dataset):
    """What a builder script ends with."""
    sys.exit(main(dataset))
