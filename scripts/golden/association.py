#!/usr/bin/env python3
"""Reference values for harness/base/association.c, with Debian's python3-scipy: tests/golden/association.txt.

Spearman's rho from scipy.stats.spearmanr, AUC from scipy.stats.mannwhitneyu (in strata: all pairs, one by one), the slope
by numpy.polyfit on what is left when the strata's means are taken away; intervals from a bootstrap of its own with NumPy's
generator, 4,000 resamples.

usage: scripts/golden/association.py > tests/golden/association.txt
"""
import numpy
from scipy import stats

RESAMPLES = 4000
FIELDS = ("x", "right", "unit", "block", "stratum", "series", "side")


def spearman(rows):
    total = weight = 0
    for s in numpy.unique(rows["stratum"]):
        own = rows[rows["stratum"] == s]
        if len(set(own["x"])) > 1 and len(set(own["right"])) > 1:
            total += len(own) * stats.spearmanr(own["x"], own["right"])[0]
            weight += len(own)
    return total / weight if weight else numpy.nan


def auc(rows):
    wins = pairs = 0
    for s in numpy.unique(rows["stratum"]):
        own = rows[rows["stratum"] == s]
        right, wrong = own["x"][own["right"] == 1], own["x"][own["right"] == 0]
        if len(right) and len(wrong):
            wins += stats.mannwhitneyu(right, wrong)[0]
            pairs += len(right) * len(wrong)
    return wins / pairs if pairs else numpy.nan


def slope(rows):
    x, right, mixed = rows["x"].copy(), rows["right"].astype(float), False
    for s in numpy.unique(rows["stratum"]):
        own = rows["stratum"] == s
        mixed |= len(set(right[own])) > 1
        x[own] -= x[own].mean()
        right[own] -= right[own].mean()
    if not mixed or numpy.abs(x).max() < 1e-9:
        return numpy.nan
    return numpy.polyfit(x, right, 1)[0] * x.std()


def measure(rows):
    sides = []
    for side in numpy.unique(rows["side"]):
        series = [rows[(rows["side"] == side) & (rows["series"] == s)]
                  for s in numpy.unique(rows["series"][rows["side"] == side])]
        values = numpy.array([[spearman(one), auc(one), slope(one)] for one in series])
        sides.append([numpy.nan if numpy.isnan(v).all() else numpy.nanmean(v) for v in values.T])
    return numpy.subtract(sides[1], sides[0]) if len(sides) == 2 else numpy.array(sides[0])


def intervals(rows, rng):
    units = {}
    for unit, block in {(int(r["unit"]), int(r["block"])) for r in rows}:
        units.setdefault(block, []).append(unit)
    of_unit = {unit: numpy.flatnonzero(rows["unit"] == unit) for unit in set(rows["unit"])}
    values = []
    for _ in range(RESAMPLES):
        drawn = [u for block in sorted(units) for u in rng.choice(sorted(units[block]), len(units[block]))]
        values.append(measure(rows[numpy.concatenate([of_unit[u] for u in drawn])]))
    return numpy.nanpercentile(values, [2.5, 97.5], axis=0)


def table(**columns):
    n = len(columns["x"])
    rows = numpy.zeros(n, dtype=[("x", float)] + [(name, int) for name in FIELDS[1:]])
    for name in FIELDS:
        rows[name] = columns.get(name, numpy.arange(n) if name == "unit" else 0)
    return rows


def drawn(rng, n, strength, digits=4, **columns):
    x = numpy.round(rng.uniform(0.1, 0.4, n), digits)
    chance = 1 / (1 + numpy.exp(-strength * (x - 0.25)))
    return table(x=x, right=rng.uniform(size=n) < chance, **columns)


def cases():
    rng = numpy.random.default_rng(1)
    yield "small", table(x=[1, 2, 3, 4], right=[0, 1, 0, 1]), False
    yield "ties", table(x=[1, 1, 2, 2, 2, 3], right=[0, 1, 1, 0, 1, 1]), False
    yield "constant-x", table(x=[0.3] * 5, right=[0, 1, 1, 0, 1]), False
    yield "constant-right", table(x=[1, 2, 3], right=[1, 1, 1]), False
    yield "constant-in-strata", table(x=[.1, .1, .2, .2, .3], right=[0, 1, 1, 0, 1], stratum=[0, 0, 1, 1, 2]), False
    yield "one-row", table(x=[1], right=[1]), False
    yield "strata", drawn(rng, 60, 10, digits=2, stratum=rng.integers(0, 4, 60)), False
    yield "series", drawn(rng, 60, 10, digits=2, unit=numpy.arange(60) // 3, series=numpy.arange(60) % 3), False
    yield "large", drawn(rng, 300, 12, digits=3), True
    n = 150
    x = numpy.round(rng.uniform(0.1, 0.4, n), 3)
    image = numpy.arange(n)
    both = [drawn(rng, n, 0) for _ in range(4)]
    for k, rows in enumerate(both):
        rows["x"] = x if k < 2 else numpy.round(0.5 * x + rng.uniform(0, 0.15, n), 3)
        rows["right"] = rng.uniform(size=n) < 1 / (1 + numpy.exp(-(15 if k < 2 else 5) * (x - 0.25)))
        rows["unit"], rows["block"], rows["stratum"] = image, image % 3, image % 5
        rows["series"], rows["side"] = k % 2, k < 2
    yield "two-sides", numpy.concatenate(both), True


def main():
    rng = numpy.random.default_rng(2)
    for name, rows, with_intervals in cases():
        ends = intervals(rows, rng) if with_intervals else numpy.full((2, 3), numpy.nan)
        values = numpy.concatenate([measure(rows), ends[0], ends[1]])
        print(name, len(rows), *(f"{v:.15g}" for v in values))
        for row in rows:
            print(f"{row['x']:.17g}", *(row[field] for field in FIELDS[1:]))


if __name__ == "__main__":
    main()
