#!/usr/bin/env python3
"""A synthetic sweep folder as DomainBed leaves it, and the tables that its collect_results prints for such a folder.

usage: domainbed_sweep.py make KIND DIR [--runs N]    write the sweep KIND into the new folder DIR
       domainbed_sweep.py tables DIR [--latex]        the tables, computed from the files alone
       domainbed_sweep.py golden DIR                  for every kind but "many": KIND.txt and KIND.tex in DIR

Kinds: vlcs (the shape of DomainBed's own test sweep: ERM on VLCS, 4 single and 6 pairs of held-out environments, 2 sets of
hyper-parameters, 2 trials), odd (several algorithms and datasets, an unknown one of each, ties, missing cells, runs without
marker, records appended twice, losses that are not finite, a line cut off), single (no pairs, nine sources, one trial),
many (N runs of the shape of vlcs, for measuring).

The tables are written from the rules alone (no code of DomainBed, no numpy), as the independent side of the tests of
`dgbench table domainbed --as-domainbed`: tests/golden/domainbed holds what `golden` writes. Everything is deterministic.
"""

import argparse
import hashlib
import json
import math
import pathlib
import random
import sys

ENVIRONMENTS = {
    "Debug28": "0 1 2", "Debug224": "0 1 2", "ColoredMNIST": "+90% +80% -90%", "RotatedMNIST": "0 15 30 45 60 75",
    "VLCS": "C L S V", "PACS": "A C P S", "OfficeHome": "A C P R", "TerraIncognita": "L100 L38 L43 L46",
    "DomainNet": "clip info paint quick real sketch",
    "SVIRO": "aclass escape hilux i3 lexus tesla tiguan tucson x5 zoe",
    "WILDSCamelyon": "hospital_0 hospital_1 hospital_2 hospital_3 hospital_4",
    "WILDSFMoW": "region_0 region_1 region_2 region_3 region_4 region_5",
    **{f"Spawrious{a}_{b}": "Test SC_group_1 SC_group_2" for a in ("O2O", "M2M") for b in ("easy", "medium", "hard")},
}
ALGORITHMS = (
    "ERM ERMPlusPlus Fish IRM GroupDRO Mixup MLDG CORAL MMD DANN CDANN MTL SagNet ARM VREx RSC SD ANDMask SANDMask IGA "
    "SelfReg Fishr TRM IB_ERM IB_IRM CAD CondCAD Transfer CausIRL_CORAL CausIRL_MMD EQRM RDM ADRMX URM"
).split()
SIZES = {"VLCS": [1415, 2656, 3282, 3376], "PACS": [2048, 2344, 1670, 3929]}


# ---- the sweep -------------------------------------------------------------------------------------------------------


def sizes_of(dataset):
    names = ENVIRONMENTS.get(dataset, "a b c").split()
    return SIZES.get(dataset, [1000 + 37 * i for i in range(len(names))])


def test_sets(n, pairs):
    for i in range(n):
        yield [i]
        if pairs:
            yield from ([i, j] for j in range(i + 1, n))


def args_of(dataset, algorithm, test_envs, hparams_seed, trial_seed, steps):
    identity = repr((dataset, algorithm, test_envs, hparams_seed, trial_seed))
    return {
        "algorithm": algorithm, "checkpoint_freq": None, "data_dir": "/data/images", "dataset": dataset,
        "holdout_fraction": 0.2, "hparams": None, "hparams_seed": hparams_seed, "save_model_every_checkpoint": False,
        "seed": int(hashlib.md5(identity.encode()).hexdigest(), 16) % 2**31, "skip_model_save": False, "steps": steps,
        "task": "domain_generalization", "test_envs": test_envs, "trial_seed": trial_seed, "uda_holdout_fraction": 0,
    }


def records_of(args, step_list, coarse=False):
    """Accuracies are fractions of whole images, as from a real run; coarse ones tie often."""
    draw = random.Random(json.dumps(args, sort_keys=True))
    hparams = {
        "batch_size": 32, "class_balanced": False, "data_augmentation": True, "lr": 10 ** draw.uniform(-5, -3.5),
        "nonlinear_classifier": False, "resnet18": False, "resnet_dropout": 0.1, "weight_decay": 10 ** draw.uniform(-6, -2),
    }
    for step in step_list:
        record = {"args": args, "hparams": hparams, "step": step, "epoch": step / 35.4, "mem_gb": 7.25,
                  "loss": 1.7 * math.exp(-step / 300) + draw.random() / 50, "step_time": 0.25 + draw.random() / 20}
        for env, size in enumerate(sizes_of(args["dataset"])):
            held = env in args["test_envs"]
            top = min(1.0, (0.6 + 0.05 * env if held else 0.85) + 0.12 * (step > 0))
            for split, n in (("in", size - size // 5), ("out", size // 5)):
                share = draw.uniform(top - 0.1, top)
                record[f"env{env}_{split}_acc"] = round(share * 8) / 8 if coarse else int(share * n) / n
        yield record


def run_folder(root, args):
    name = hashlib.md5(json.dumps(args, sort_keys=True).encode()).hexdigest()
    folder = root / name
    folder.mkdir()
    return folder, {**args, "output_dir": f"sweep/{name}"}


def write_run(root, args, step_list, coarse=False, done=True):
    folder, args = run_folder(root, args)
    lines = [json.dumps(r, sort_keys=True) + "\n" for r in records_of(args, step_list, coarse)]
    (folder / "results.jsonl").write_text("".join(lines))
    head = {"Python": "3.7.6", "PyTorch": "1.7.0", "Torchvision": "0.8.1", "CUDA": "9.2", "CUDNN": "7603",
            "NumPy": "1.19.4", "PIL": "8.1.0"}
    (folder / "out.txt").write_text("Environment:\n" + "".join(f"\t{k}: {v}\n" for k, v in head.items()) + "Args:\n")
    if done:
        (folder / "done").write_text("done")
    return folder / "results.jsonl"


def sweep(root, dataset, algorithm, pairs=True, n_hparams=2, n_trials=2, **options):
    steps = options.pop("steps", [0, 300, 600, 900, 1000])
    files = []
    for trial in range(n_trials):
        for test_envs in test_sets(len(sizes_of(dataset)), pairs):
            for hparams_seed in range(n_hparams):
                args = args_of(dataset, algorithm, test_envs, hparams_seed, trial, 1001)
                files.append((args, write_run(root, args, steps, **options)))
    return files


def appended(file, n):
    """The first n records once more with other numbers, as after a second start in the same folder."""
    lines = file.read_text().splitlines(keepends=True)
    with open(file, "a") as out:
        for line in lines[:n]:
            record = json.loads(line)
            for key in record:
                if key.endswith("_acc"):
                    record[key] = 1 - record[key] / 3
            out.write(json.dumps(record, sort_keys=True) + "\n")


def make_odd(root):
    sweep(root, "PACS", "ERM")
    coral = sweep(root, "PACS", "CORAL", n_trials=3, coarse=True)
    sweep(root, "PACS", "Zebra", pairs=False, n_hparams=1, n_trials=1)
    sweep(root, "PACS", "ADRMX_variant_with_a_long_name", pairs=False, n_hparams=1, n_trials=1)
    sweep(root, "ColoredMNIST", "ERM", n_trials=3, coarse=True)
    vrex = sweep(root, "VLCS", "VREx", n_hparams=1)
    sweep(root, "MyImages", "ERM", pairs=False)
    for args, file in vrex[::7]:  # missing cells
        for path in file.parent.iterdir():
            path.unlink()
        file.parent.rmdir()
    for args, file in coral[3::5]:
        appended(file, 2)
    for args, file in coral[4::9]:
        appended(file, 5)
    for args, file in coral[1::6]:  # stopped early: fewer records, no marker
        file.write_text("".join(file.read_text().splitlines(keepends=True)[:2]))
        (file.parent / "done").unlink()
    for args, file in coral[2::6]:
        text = file.read_text()
        file.write_text(text.replace('"loss": 1', '"loss": NaN, "penalty": -Infinity, "other": 1', 1))
    with open(coral[5][1], "a") as out:  # the machine went down while it wrote
        out.write('{"args": {"algorithm": "CORAL", "check')
    (root / "notes.txt").write_text("no run\n")
    (root / "empty").mkdir()


def make(kind, root, n_runs):
    root.mkdir(parents=True)
    if kind == "vlcs":
        sweep(root, "VLCS", "ERM")
    elif kind == "odd":
        make_odd(root)
    elif kind == "single":
        sweep(root, "SVIRO", "Fishr", pairs=False, n_trials=1, coarse=True)
    else:
        sweep(root, "VLCS", "ERM", n_hparams=20, n_trials=-(-n_runs // 200))


# ---- the tables ------------------------------------------------------------------------------------------------------


def pairwise_sum(values):
    """The order in which numpy adds."""
    n = len(values)
    if n < 8:
        total = 0.0
        for value in values:
            total += value
        return total
    if n > 128:
        half = n // 2 - n // 2 % 8
        return pairwise_sum(values[:half]) + pairwise_sum(values[half:])
    lanes = list(values[:8])
    whole = n - n % 8
    for i in range(8, whole):
        lanes[i % 8] += values[i]
    a, b, c, d, e, f, g, h = lanes
    total = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for value in values[whole:]:
        total += value
    return total


def mean(values):
    return pairwise_sum(values) / len(values)


def deviation(values):
    middle = mean(values)
    return math.sqrt(mean([(v - middle) * (v - middle) for v in values]))


def load(root):
    """Every record with a number that keeps the order of folders (by name) and lines."""
    records = []
    for file in sorted(root.glob("*/results.jsonl")):
        for line in file.read_text().split("\n"):
            try:
                record = json.loads(line)
            except ValueError:
                continue
            records.append(record)
    return records


def by_training_domains(records, env):
    best = None
    for r in records:
        if len(r["args"]["test_envs"]) != 1:
            continue
        outs = []
        i = 0
        while f"env{i}_out_acc" in r:
            if i != env:
                outs.append(r[f"env{i}_out_acc"])
            i += 1
        value = mean(outs)
        if best is None or value > best[0]:
            best = (value, r[f"env{env}_in_acc"])
    return best


def by_leaving_one_out(records, env):
    best = None
    for step in sorted({r["step"] for r in records}):
        at = [r for r in records if r["step"] == step]
        own = [r for r in at if len(r["args"]["test_envs"]) == 1]
        if len(own) != 1:
            continue
        n_envs = 0
        while f"env{n_envs}_out_acc" in at[0]:
            n_envs += 1
        seen = {}
        for r in at:
            if len(r["args"]["test_envs"]) == 2:
                (other,) = set(r["args"]["test_envs"]) - {env}
                seen[other] = r[f"env{other}_in_acc"]
        if len(seen) != n_envs - 1:
            continue
        value = pairwise_sum([seen[v] for v in sorted(seen)]) / (n_envs - 1)
        if best is None or value > best[0]:
            best = (value, own[0][f"env{env}_in_acc"])
    return best


def by_oracle(records, env):
    own = [r for r in records if len(r["args"]["test_envs"]) == 1]
    if not own:
        return None
    last = sorted(own, key=lambda r: r["step"])[-1]
    return last[f"env{env}_out_acc"], last[f"env{env}_in_acc"]


METHODS = [
    ("training-domain validation set", by_training_domains),
    ("leave-one-domain-out cross-validation", by_leaving_one_out),
    ("test-domain validation set (oracle)", by_oracle),
]


def accuracies(records, choose):
    """{(dataset, algorithm): {env: {trial: accuracy}}}"""
    groups = {}
    for r in records:
        a = r["args"]
        for env in a["test_envs"]:
            key = (a["dataset"], a["algorithm"], env, a["trial_seed"], a["hparams_seed"])
            groups.setdefault(key, []).append(r)
    best = {}
    for key in sorted(groups):
        found = choose(groups[key], key[2])
        if found is not None and (key[:4] not in best or found[0] >= best[key[:4]][0]):
            best[key[:4]] = found  # of equal ones the later set of hyper-parameters
    table = {}
    for dataset, algorithm, env, trial in sorted(best):
        value = best[dataset, algorithm, env, trial][1]
        table.setdefault((dataset, algorithm), {}).setdefault(env, {})[trial] = value
    return table


def cell(values, latex):
    if not values:
        return None, "X"
    middle = 100 * mean(values)
    error = 100 * deviation([v / math.sqrt(len(values)) for v in values])
    return middle, f"{middle:.1f} {'$' + chr(92) + 'pm$' if latex else '+/-'} {error:.1f}"


def row_of(name, columns, latex):
    cells = [cell(values, latex) for values in columns]
    means = [m for m, _ in cells]
    average = "X" if None in means or not means else f"{sum(means) / len(means):.1f}"
    return [name] + [text for _, text in cells] + [average]


def lay_out(rows, labels, width, title, latex):
    def line(cells):
        sep, end = (" & ", "\\\\") if latex else ("  ", "")
        return sep.join(c.ljust(width)[:width] for c in cells) + " " + end

    if not latex:
        return ["", "-------- " + title, line(labels)] + [line(r) for r in rows]
    labels = ["\\textbf{" + label.replace("%", "\\%") + "}" for label in labels]
    return (
        ["", "\\begin{center}", "\\adjustbox{max width=\\textwidth}{%",
         "\\begin{tabular}{l" + "c" * (len(labels) - 1) + "}", "\\toprule", line(labels), "\\midrule"]
        + [line(r) for r in rows] + ["\\bottomrule", "\\end{tabular}}", "\\end{center}"]
    )


def method_tables(records, name, choose, latex):
    table = accuracies(records, choose)
    seen = list(dict.fromkeys(r["args"]["algorithm"] for r in records))
    algorithms = [a for a in ALGORITHMS if a in seen] + [a for a in seen if a not in ALGORITHMS]
    datasets = [d for d in ENVIRONMENTS if any(r["args"]["dataset"] == d for r in records)]
    out = []
    for dataset in datasets:
        names = ENVIRONMENTS[dataset].split()
        out += ["", "\\subsubsection{" + dataset + "}"] if latex else []
        rows = []
        for algorithm in algorithms:
            found = table.get((dataset, algorithm), {})
            rows.append(row_of(algorithm, [[v for _, v in sorted(found.get(env, {}).items())]
                                           for env in range(len(names))], latex))
        out += lay_out(rows, ["Algorithm", *names, "Avg"], 20, f"Dataset: {dataset}, model selection method: {name}", latex)
    out += ["", "\\subsubsection{Averages}"] if latex else []
    rows = []
    for algorithm in algorithms:
        columns = []
        for dataset in datasets:
            found = table.get((dataset, algorithm), {})
            trials = sorted({t for env in found.values() for t in env})
            columns.append([mean([found[env][t] for env in sorted(found) if t in found[env]]) for t in trials])
        rows.append(row_of(algorithm, columns, latex))
    return out + lay_out(rows, ["Algorithm", *datasets, "Avg"], 25, f"Averages, model selection method: {name}", latex)


def tables(root, latex):
    records = load(root)
    out = [f"Total records: {len(records)}"]
    if latex:
        out = ["\\documentclass{article}", "\\usepackage{booktabs}", "\\usepackage{adjustbox}", "\\begin{document}",
               "\\section{Full DomainBed results}", f"% Total records: {len(records)}"]
    for name, choose in METHODS:
        out += ["", "\\subsection{Model selection: " + name + "}"] if latex else []
        out += method_tables(records, name, choose, latex)
    return "\n".join(out + (["\\end{document}"] if latex else [])) + "\n"


def golden(folder):
    import tempfile

    for kind in ("vlcs", "odd", "single"):
        with tempfile.TemporaryDirectory() as work:
            root = pathlib.Path(work) / kind
            make(kind, root, 0)
            (folder / f"{kind}.txt").write_text(tables(root, False))
            (folder / f"{kind}.tex").write_text(tables(root, True))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["make", "tables", "golden"])
    parser.add_argument("words", nargs="+", metavar="KIND DIR")
    parser.add_argument("--latex", action="store_true")
    parser.add_argument("--runs", type=int, default=40000)
    a = parser.parse_args()
    if a.action == "make":
        make(a.words[0], pathlib.Path(a.words[1]), a.runs)
    elif a.action == "tables":
        sys.stdout.write(tables(pathlib.Path(a.words[0]), a.latex))
    else:
        golden(pathlib.Path(a.words[0]))


main()
