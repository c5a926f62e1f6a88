#!/usr/bin/python3
"""Writes tests/golden/datasets/splits.txt: DomainBed's in/out/uda splits, computed with NumPy alone.

usage: scripts/golden/splits.py tests/golden/datasets     (Debian's python3-numpy; only to regenerate)

A line per part: images, trial, domain, holdout fraction, uda fraction, name of the part, then its keys in order.
"""
import hashlib
import pathlib
import sys

import numpy as np

OUT = pathlib.Path(sys.argv[1])
CASES = [(1415, 0, 0, 0.2, 0.5), (120, 1, 2, 0.2, 0.3), (120, 1, 2, 0.2, 0.1), (9, 2, 5, 0.2, 0.9), (4, 0, 1, 0.5, 0.3)]


def seed_hash(*args):
    return int(hashlib.md5(str(args).encode()).hexdigest(), 16) % (2**31)


def split(keys, n, seed):
    order = np.arange(len(keys))
    np.random.RandomState(seed).shuffle(order)
    shuffled = [keys[i] for i in order]
    return shuffled[:n], shuffled[n:]


def main():
    lines = []
    for n, trial, domain, holdout, fraction in CASES:
        seed = seed_hash(trial, domain)
        out, rest = split(list(range(n)), int(n * holdout), seed)
        uda, remaining = split(rest, int(len(rest) * fraction), seed)
        assert sorted(out + uda + remaining) == list(range(n))
        for name, keys in (("out", out), ("uda", uda), ("in", remaining)):
            lines.append(" ".join(map(str, [n, trial, domain, holdout, fraction, name, *keys])))
    (OUT / "splits.txt").write_text("\n".join(lines) + "\n")


main()
