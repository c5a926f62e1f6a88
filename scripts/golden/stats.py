#!/usr/bin/env python3
"""Reference values for harness/base/stats.c, with nothing but the standard library: tests/golden/stats.txt.

Standard errors from `statistics`, quantiles of exact enumerations of the two-level bootstrap (every resample has the same
probability, so that nothing is drawn), permutation p values by brute force over all sign patterns, Holm by its definition.

usage: scripts/golden/stats.py > tests/golden/stats.txt
"""
import fractions
import itertools
import statistics

SAMPLES = [[0.1, 0.2, 0.3], [0.847, 0.808, 0.972, 0.793], [0.5], [1.0, 1.0]]
DIFFERENCES = [[0.01, 0.02, 0.03], [0.01, -0.02, 0.03, 0.04, 0.0], [1.0, 1.0, 1.0, -1.0],
               [0.8, -0.1, 0.5, 0.3, 1.2, -0.4, 0.9, 0.2, 0.6, 0.1], [0.5], [0.0, 0.0]]
GROUPED = [[[0.0, 1.0], [2.0, 4.0]], [[1.0], [2.0], [4.0]], [[0.0, 1.0, 5.0]], [[3.0, 3.5], [1.0]]]
P_VALUES = [[0.01, 0.04, 0.03], [0.5, 0.9], [0.001, 0.02, 0.02, 0.6], [0.2]]



def enumerate_bootstrap(groups):
    """All resampled means with their probabilities, as exact fractions."""
    means = {}
    for drawn in itertools.product(groups, repeat=len(groups)):
        inside = [list(itertools.product(g, repeat=len(g))) for g in drawn]
        weight = fractions.Fraction(1, len(groups) ** len(groups))
        for g in inside:
            weight /= len(g)
        for values in itertools.product(*inside):
            mean = sum(fractions.Fraction(sum(v)) / len(v) for v in values) / len(values)
            means[mean] = means.get(mean, 0) + weight
    return sorted(means.items())


def quantile(distribution, q):
    total = 0
    for mean, weight in distribution:
        total += weight
        if total > q:
            return mean
    return distribution[-1][0]


def holm(p):
    order = sorted(range(len(p)), key=lambda i: p[i])
    adjusted, largest = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[i]))
        adjusted[i] = largest
    return adjusted


def main():
    for x in SAMPLES:
        sample = statistics.stdev(x) / len(x) ** 0.5 if len(x) > 1 else -1
        print("stderr", len(x), *x, statistics.mean(x), statistics.pstdev(x) / len(x) ** 0.5, sample)
    for d in DIFFERENCES:
        exact = [fractions.Fraction(str(v)) for v in d]
        sums = [abs(sum(s * v for s, v in zip(signs, exact))) for signs in itertools.product((1, -1), repeat=len(d))]
        print("signflip", len(d), *d, sum(s >= abs(sum(exact)) for s in sums) / len(sums))
    for groups in GROUPED:
        flat = [(g, v) for g, values in enumerate(groups) for v in values]
        distribution = enumerate_bootstrap(groups)
        ends = [float(quantile(distribution, fractions.Fraction(q))) for q in ("0.1", "0.9")]
        print("bootstrap", len(flat), *(v for _, v in flat), *(g for g, _ in flat), *ends)
    for p in P_VALUES:
        print("holm", len(p), *p, *holm(p))


if __name__ == "__main__":
    main()
