"""What a builder says to a person: all on stderr, for stdout carries only the result."""

import sys
import time


class Fail(Exception):
    """The outside world is wrong: its text is the one line that the person gets to read."""


def say(text):
    print(text, file=sys.stderr, flush=True)


class Progress:
    """Counts a long stage: a bar that moves on a terminal, a line each quarter elsewhere."""

    WIDTH = 30

    def __init__(self, stage, total):
        self.stage, self.total, self.done = stage, total, 0
        self.terminal = sys.stderr.isatty()
        self.start = self.shown = time.monotonic()

    def step(self):
        self.done += 1
        finished = self.done == self.total
        if self.terminal:
            now = time.monotonic()
            if finished or now - self.shown > 0.1:
                self.shown = now
                self._draw("\n" if finished else "")
        elif finished or self.done * 4 // self.total != (self.done - 1) * 4 // self.total:
            say(f"  {self.stage}: {self.done}/{self.total}{self._clock()}")

    def _draw(self, end):
        filled = self.WIDTH * self.done // self.total
        bar = "#" * filled + "." * (self.WIDTH - filled)
        line = f"\r  {self.stage} [{bar}] {self.done}/{self.total}{self._clock()} "
        print(line, end=end, file=sys.stderr, flush=True)

    def _clock(self):
        spent = time.monotonic() - self.start
        left = spent / self.done * (self.total - self.done)
        return f", {spent:.0f} s" + (f", {left:.0f} s left" if left >= 1 else "")
