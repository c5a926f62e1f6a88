"""What figures are drawn of: a results file, through dgbench; and the drawing of all that it has numbers for."""
import csv
import io
import json
import os
import shutil
import subprocess
import sys


class Lacking(Exception):
    """The database has no numbers for a figure."""


class Database:
    """What dgbench says of a results file."""

    def __init__(self, path):
        self.path = path
        self.dgbench = os.environ.get("DGBENCH") or shutil.which("dgbench")
        if not self.dgbench:
            sys.exit("draw: dgbench is not on the PATH, expected there or in the environment variable DGBENCH")

    def ask(self, command, name, output, parameters):
        arguments = [f"-p{key}={value}" for key, value in parameters.items() if value is not None]
        done = subprocess.run([self.dgbench, command, name, "--results", self.path, "--format", output, *arguments],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr.strip().removeprefix("dgbench: ") or f"draw: {self.dgbench} failed")
        return done.stdout

    def rows(self, name, **parameters):
        return list(csv.DictReader(io.StringIO(self.ask("query", name, "csv", parameters))))

    def cells(self, name, **parameters):
        return json.loads(self.ask("table", name, "json", parameters) or "[]")


def groups(rows, *keys):
    """{values of the keys: their rows}, in order of appearance."""
    found = {}
    for row in rows:
        found.setdefault(tuple(row[key] for key in keys), []).append(row)
    return found


def draw_all(figures, parser):
    """figures: {name: function of (Database, args) that gives plots}; parser: of the command line, which gets the options that
    all have. Returns the exit status: 1 when nothing was drawn, or not all that was asked for."""
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help="which; else all that there are numbers for")
    parser.add_argument("-r", "--results", default="dgbench.db", help="database (default: %(default)s)")
    parser.add_argument("-o", "--out", default="figures", help="folder (default: %(default)s)")
    args = parser.parse_args()
    unknown = [name for name in args.figures if name not in figures]
    if unknown:
        parser.error(f"no figure \"{unknown[0]}\", expected one of {', '.join(figures)}")
    if not shutil.which("gnuplot"):
        sys.exit("draw: gnuplot is not installed (Debian: apt-get install gnuplot-nox)")
    db, n_drawn, lacking = Database(args.results), 0, []
    for name in args.figures or figures:
        try:
            for plot in figures[name](db, args):
                print(plot.draw(args.out))
                n_drawn += 1
        except Lacking as why:
            lacking.append(f"{args.results}: no figure {name}: {why}")
    for line in lacking:
        print(line, file=sys.stderr)
    return 1 if n_drawn == 0 or args.figures and lacking else 0
