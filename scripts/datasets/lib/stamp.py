"""BUILD.json: what a dataset was built from and what its files were, to tell later whether it is
the same. Written last, so a folder that has one is complete."""

import hashlib
import json

STAMP = "BUILD.json"


def digest_of_lines(lines):
    """sha256 over the lines, sorted, each with its newline."""
    digest = hashlib.sha256()
    for line in sorted(lines):
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def files_digest(folder):
    """One hash over all files but the stamp: `sha256  path` lines, as sha256sum prints them."""
    return digest_of_lines(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}"
        for path in folder.rglob("*")
        if path.is_file() and path != folder / STAMP
    )


def write_stamp(folder, name, recipe, packages, facts):
    """recipe: the builder's own number, raised when its choice of images or their pixels change."""
    stamp = {
        "dataset": name,
        "recipe": recipe,
        "packages": [package.stamp() for package in packages],
        **facts,
        "files_sha256": files_digest(folder),
    }
    text = json.dumps(stamp, indent=1, sort_keys=True) + "\n"
    (folder / STAMP).write_text(text, encoding="utf-8")


def find_fault(folder, name, recipe):
    """None if folder holds the finished dataset of this recipe, else what is wrong, in a line."""
    if not folder.is_dir():
        return f"{folder}: not built yet"
    try:
        stamp = json.loads((folder / STAMP).read_text(encoding="utf-8"))
        built, expected = (stamp["dataset"], stamp["recipe"]), stamp["files_sha256"]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        return f"{folder / STAMP}: can't be used ({type(problem).__name__}: {problem})"
    if built != (name, recipe):
        return f"{folder}: built as {built[0]} recipe {built[1]}, wanted {name} recipe {recipe}"
    if files_digest(folder) != expected:
        return f"{folder}: its files are not those that {STAMP} was written for"
    return None
