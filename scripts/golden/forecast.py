#!/usr/bin/python3
"""Reference values for harness/base/isotonic.c, stats_t_quantile and results/calibration.c: tests/golden/forecast.txt.

Isotonic regression by its min-max formula (Barlow et al. 1972, 1.9): at point i, the largest over a <= i of the smallest over
b >= i of the weighted mean of points a to b; nothing is pooled. Between points: numpy.interp. Quantiles of Student's t from
scipy. The bootstrap draws 20,000 times with NumPy's generator: its ends are compared with a tolerance.

usage: scripts/golden/forecast.py > tests/golden/forecast.txt       (two minutes)
"""
import numpy as np
import scipy.stats

RESAMPLES = 20000
rng = np.random.default_rng(5)


def isotonic(x, y, w):
    """(distinct x of positive weight, fitted values)"""
    xs = np.unique(x[w > 0])
    weight = np.array([w[(x == v) & (w > 0)].sum() for v in xs])
    mean = np.array([(w * y)[(x == v) & (w > 0)].sum() for v in xs]) / weight
    total, right = np.concatenate([[0], np.cumsum(weight)]), np.concatenate([[0], np.cumsum(weight * mean)])
    of = (right[None, 1:] - right[:-1, None]) / np.where(np.triu(np.ones((len(xs), len(xs)))), total[None, 1:] - total[:-1, None], 1)
    fit = [max(of[a, i:].min() for a in range(i + 1)) for i in range(len(xs))]
    return xs, np.array(fit)


def predict(domains, target):
    x, y, w = (np.concatenate([d[k] for d in domains]) for k in range(3))
    xs, fit = isotonic(x, y, w)
    return np.average(np.interp(target[0], xs, fit), weights=target[2])


def equal(domain, counts=None):
    x, y, w = domain
    w = w if counts is None else w * counts
    return x, y, w / w.sum()


def draw(domain):
    n = len(domain[0])
    return np.bincount(rng.integers(0, n, n), minlength=n)


def resample(domains, target):
    drawn = [domains[i] for i in rng.integers(0, len(domains), len(domains))]
    return predict([equal(d, draw(d)) for d in drawn], equal(target, draw(target)))


def invent(n, level):
    score = np.round(rng.normal(0.2 + 0.03 * level, 0.05, n), 3)
    trials = rng.integers(1, 4, n)
    right = rng.binomial(trials, np.clip(0.5 + 6 * (score - 0.25) + 0.1 * level, 0.05, 0.95))
    return score, right / trials, trials.astype(float)


def accuracy(domain):
    return np.average(domain[1], weights=domain[2])


def number(*values):
    return " ".join(f"{float(v):.15g}" for v in values)


def print_domain(domain):
    print(len(domain[0]), number(*np.stack(domain, 1).ravel()))


def main():
    for n in (1, 2, 5, 17, 40):
        x = np.sort(np.round(rng.random(n), 1 if n > 5 else 3))
        y, w = np.round(rng.random(n), 3), np.round(rng.random(n), 3) * (rng.random(n) > 0.2)
        w[0] = 0.5
        at = np.sort(np.concatenate([rng.uniform(-0.2, 1.2, 6), x[:2]]))
        xs, fit = isotonic(x, y, w)
        print("isotonic", n, number(*x), number(*y), number(*w), len(at), number(*at), number(*np.interp(at, xs, fit)))
    for degrees in (1, 2, 5, 10, 11, 15, 30, 200):
        print("t", degrees, number(scipy.stats.t.ppf(0.975, degrees)))
    for sizes in ((25, 30, 18, 40), (60, 45), (30,)):
        sources, target = [invent(n, i % 3 - 1) for i, n in enumerate(sizes)], invent(35, 0)
        known = [equal(d) for d in sources]
        predicted, low, high = predict(known, target), -1, -1
        if len(sources) > 1:
            errors = [predict(known[:s] + known[s + 1:], sources[s]) - accuracy(sources[s]) for s in range(len(sources))]
            half = scipy.stats.t.ppf(0.975, len(sources)) * np.sqrt(np.mean(np.square(errors)))
            low, high = max(predicted - half, 0), min(predicted + half, 1)
        ends = np.quantile([resample(sources, target) for _ in range(RESAMPLES)], (0.025, 0.975))
        print("forecast", len(sources), number(predicted, low, high, *ends, np.mean([accuracy(d) for d in sources])))
        for domain in (*sources, target):
            print_domain(domain)


main()
