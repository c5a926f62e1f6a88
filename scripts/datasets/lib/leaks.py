"""What pictures of two datasets have in common: near copies, and families that are siblings.

A near copy is a pair of pictures whose mean squared difference at 16x16 RGB (white = 1) is below
tree.NEAR_COPY. Framing and mirroring are no difference to training, which varies both; so pictures
are compared as they are and trimmed to their ink, each also mirrored.
"""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from lib import render
from lib.tree import NEAR_COPY

GREY = 32  # pixels a side at which families are compared
BLOCK = 1024  # candidates compared at a time: 1024 x 7,200 distances are 30 MB
SLACK = 1e-3  # of a sum of squares in float32, so that the first look misses nothing
WAYS = ("as it is", "mirrored", "trimmed", "trimmed and mirrored")


@dataclass(frozen=True)
class Look:
    """A picture as comparisons see it: THUMB x THUMB x 3 bytes as it is and trimmed to its ink,
    and GREY x GREY bytes, trimmed."""

    plain: bytes
    trimmed: bytes
    grey: bytes


def look(png):
    """The Look of a PNG file's bytes."""
    with Image.open(io.BytesIO(png)) as image:
        image = image.convert("RGB")
    trimmed = render.square(image, trim=True)
    return Look(thumb(image), thumb(trimmed), boxed(trimmed.convert("L"), GREY).tobytes())


def boxed(image, side):
    return image.resize((side, side), Image.Resampling.BOX)


def thumb(image):
    return boxed(image, render.THUMB).tobytes()


@dataclass(frozen=True)
class NearCopy:
    """candidate is within distance (mean squared difference) of reference, seen in that way."""

    candidate: int
    reference: int
    distance: float
    way: str


def near_copies(candidates, references):
    """The NearCopy of every candidate Look that has one: with its nearest reference Look."""
    nearest = {}
    for way, ours, theirs in views(candidates, references):
        for candidate, reference, distance in close_pairs(ours, theirs):
            known = nearest.get(candidate)
            if known is None or distance < known.distance:
                nearest[candidate] = NearCopy(candidate, reference, distance, way)
    return [nearest[candidate] for candidate in sorted(nearest)]


def views(candidates, references):
    """(way, candidates' thumbs, references' thumbs), both [N,THUMB,THUMB,3] bytes."""
    for field, (way, mirrored) in (("plain", WAYS[:2]), ("trimmed", WAYS[2:])):
        ours, theirs = [
            np.stack([thumb_array(getattr(one, field)) for one in looks])
            for looks in (candidates, references)
        ]
        yield way, ours, theirs
        yield mirrored, ours[:, :, ::-1], theirs


def thumb_array(data):
    return np.frombuffer(data, np.uint8).reshape(render.THUMB, render.THUMB, 3)


def close_pairs(ours, theirs):
    """(candidate, reference, distance) of every pair nearer than NEAR_COPY.

    At half the resolution the mean squared difference is never larger (the square of a mean is at
    most the mean of squares), so a product of small matrices finds all pairs worth a closer look.
    """
    rough_theirs = halved(theirs)
    squares = (rough_theirs ** 2).sum(axis=1)
    limit = NEAR_COPY * rough_theirs.shape[1] + SLACK
    for start in range(0, len(ours), BLOCK):
        rough = halved(ours[start:start + BLOCK])
        sums = (rough ** 2).sum(axis=1)[:, None] + squares - 2 * (rough @ rough_theirs.T)
        for one, other in zip(*np.nonzero(sums < limit)):
            distance = mean_squared(ours[start + one], theirs[other])
            if distance < NEAR_COPY:
                yield int(start + one), int(other), distance


def halved(thumbs):
    """[N,S,S,3] bytes as [N,D] floats of the averages of 2x2 pixels, middle grey = 0."""
    count, side = thumbs.shape[:2]
    small = thumbs.reshape(count, side // 2, 2, side // 2, 2, 3).mean(axis=(2, 4), dtype=np.float32)
    return small.reshape(count, -1) / np.float32(255) - np.float32(0.5)


def mean_squared(one, other):
    return float(((one.astype(np.int32) - other) ** 2).mean() / 255 ** 2)


def likeness(ours, theirs):
    """The median over shared concepts of the correlation of grey pictures, and their number.

    ours, theirs: {concept: Look}. Blank pictures, which correlate with nothing, are left out.
    """
    values = [
        correlation(ours[concept].grey, theirs[concept].grey)
        for concept in sorted(ours.keys() & theirs.keys())
    ]
    values = [value for value in values if not np.isnan(value)]
    return (float(np.median(values)) if values else None), len(values)


def correlation(one, other):
    one, other = [np.frombuffer(data, np.uint8).astype(np.float64) for data in (one, other)]
    one, other = one - one.mean(), other - other.mean()
    scale = np.sqrt((one ** 2).sum() * (other ** 2).sum())
    return (one * other).sum() / scale if scale else np.nan
