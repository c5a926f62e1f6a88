"""A picture: its numbers as CSV, a gnuplot script that reads them, and what gnuplot makes of it."""
import csv
import os
import re
import subprocess
import sys

# Okabe and Ito's colours, which colour-blind people can tell apart.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6a3d9a", "#8c564b")
HEIGHT = 460


def colour(i):
    return COLOURS[i % len(COLOURS)]


def quoted(text):
    """A gnuplot string in which nothing means anything."""
    return "'" + text.replace("'", "''").replace("\n", " ") + "'"


class Plot:
    """Named after the figure and what it is of. series: the names of its curves."""

    def __init__(self, figure, *of):
        words = [re.sub(r"[^A-Za-z0-9+._-]+", "-", word) for word in (figure, *of) if word]
        self.name = ".".join(words)
        self.lines, self.series, self.header, self.rows, self.width = [], [], [], {}, 720

    def table(self, header, rows):
        """rows: {curve: its rows}."""
        self.header, self.rows, self.series = header, rows, list(rows)

    def add(self, *lines):
        self.lines += lines

    @staticmethod
    def data(i):
        """Curve i's rows, as the script calls them."""
        return f"$data{i}"

    def curves(self, lines, width=720):
        self.lines.append("plot " + ", \\\n     ".join(lines))
        self.width = width
        return self

    def write_csv(self, path):
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["curve", *self.header])
            for name, rows in self.rows.items():
                writer.writerows([name, *row] for row in rows)

    def script(self):
        blocks = []
        for i, name in enumerate(self.series):
            blocks.append(f"$data{i} << EOD")
            blocks += [",".join(str(value).replace(",", " ") for value in row) for row in self.rows[name]]
            blocks.append("EOD")
        size = f"size {self.width},{HEIGHT}"
        head = ["# gnuplot draws this: gnuplot FILE", "set datafile separator ','", "set termoption noenhanced",
                "set grid ytics lt 1 lw 0.5 lc rgb '#dddddd'", "set border 3", "set tics nomirror", "set tmargin 3"]
        return "\n".join([
            *blocks,
            f"set terminal svg {size} font 'DejaVu Sans,13' background 'white' noenhanced",
            f"set output {quoted(self.name + '.svg')}", *head, *self.lines,
            f"set terminal pngcairo size {2 * self.width},{2 * HEIGHT} fontscale 2 linewidth 2 pointscale 2"
            " font 'DejaVu Sans,10' noenhanced",
            f"set output {quoted(self.name + '.png')}", "replot", "set output", ""])

    def draw(self, folder):
        """Writes the files; returns the path of the SVG."""
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, self.name)
        self.write_csv(path + ".csv")
        with open(path + ".gp", "w", encoding="utf-8") as file:
            file.write(self.script())
        done = subprocess.run(["gnuplot", self.name + ".gp"], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode or re.search(r"line \d+: warning", done.stderr):
            sys.exit(f"draw: gnuplot on {path}.gp: {' '.join(done.stderr.split())}")
        return path + ".svg"
