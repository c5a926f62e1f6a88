import csv
import json
import pathlib
import subprocess
import unittest

from lib import bpe
from tests import FolderCase

SCRIPT = pathlib.Path(bpe.__file__).resolve().parents[2] / "learn-vocabulary"
MINI_CLIP = SCRIPT.parent / "mini-clip"


def spelled(tokens):
    """The text that tokens stand for, byte by byte."""
    bytes_of = {letter: byte for byte, letter in bpe.LETTERS.items()}
    text = "".join(tokens).replace("</w>", " ").strip()
    return bytes(32 if letter == " " else bytes_of[letter] for letter in text).decode()


class SplitTest(unittest.TestCase):
    def test_words_are_split_as_clip_splits_them(self):
        for text, words in (
            ("A  Cat's\tpaw", ["a", "cat", "'s", "paw"]), ("b2b 42", ["b", "2", "b", "4", "2"]),
            ("rock'n'roll!?", ["rock", "'", "n", "'", "roll", "!?"]), ("  ", []),
            ("PIÑATA (new)", ["piñata", "(", "new", ")"]), ("we'll", ["we", "'ll"]),
        ):
            self.assertEqual(list(bpe.split_words(text)), words)


class LearnTest(unittest.TestCase):
    def test_the_most_frequent_pair_merges_first_and_of_equals_the_first_in_order(self):
        size = 2 * 256 + 2 + 3
        self.assertEqual(bpe.learn({"low": 5, "lot": 3, "no": 9}, size),
                         [("n", "o</w>"), ("l", "o"), ("lo", "w</w>")])
        self.assertEqual(bpe.learn({"ba": 2, "dc": 2, "x": 7}, size),
                         [("b", "a</w>"), ("d", "c</w>")])  # nothing more occurs twice

    def test_repeated_symbols_merge_from_the_left(self):
        self.assertEqual(bpe.merge_pair(list("aaaba"), ("a", "a")), ["aa", "a", "b", "a"])
        merges = bpe.learn({"aaaa": 3}, 514 + 9)
        self.assertEqual(bpe.Encoder(merges).tokens("aaaa"), ["aaaa</w>"])

    def test_counts_kept_up_to_date_are_those_counted_anew(self):
        words = "banana bandana ananas cabana band an and nab sand banana bananas".split()
        learner = bpe.Learner({word: 2 + at for at, word in enumerate(dict.fromkeys(words))})
        for _ in range(8):
            learner.merge(learner.best())
            pairs = {}
            for symbols, count in learner.words:
                for pair in zip(symbols, symbols[1:]):
                    pairs[pair] = pairs.get(pair, 0) + count
            self.assertEqual({pair: n for pair, n in learner.pairs.items() if n}, pairs)

    def test_any_text_can_be_told(self):
        encoder = bpe.Encoder(bpe.learn({"hello": 9, "world": 8}, 520))
        for text in ("hello world", "São Tomé", "日本 🦊", "a\u0301b"):
            self.assertEqual(spelled(encoder.tokens(text)).replace(" ", ""), text.replace(" ", "")
                             .lower())


class FilesTest(FolderCase):
    def learn(self, name, *arguments):
        with open(self.folder / "captions.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("path", "label", "keywords", "subgroup", "group"))
            for at in range(5):
                writer.writerow((f"{at}.png", "red fox", "animal;wild fox", "animal-mammal", ""))
        return subprocess.run(
            [SCRIPT, self.folder / "captions.csv", self.folder / name, *arguments],
            capture_output=True, text=True, check=False,
        )

    def test_the_files_are_clips_and_the_same_each_time(self):
        for name in "ab":
            self.assertEqual(self.learn(name, "--size", "520").returncode, 0)
        files = [[(self.folder / name / file).read_text(encoding="utf-8")
                  for file in ("merges.txt", "vocab.json")] for name in "ab"]
        self.assertEqual(*files)
        lines = files[0][0].splitlines()
        self.assertEqual((lines[0], len(lines)), ("#version: 0.2", 7))
        tokens = json.loads(files[0][1])
        self.assertEqual((tokens["!"], tokens["!</w>"], tokens["<|startoftext|>"],
                          tokens["<|endoftext|>"]), (0, 256, 518, 519))
        self.assertEqual([tokens["".join(line.split())] for line in lines[1:]],
                         list(range(512, 518)))

    def test_wrong_input_is_one_line(self):
        (self.folder / "no.csv").write_text("path,label\n", encoding="utf-8")
        for arguments, status, words in (
            (("no.csv", "out"), 1, "has no column group, keywords, subgroup"),
            (("none.csv", "out"), 1, "No such file"),
            (("no.csv", "out", "--size", "100"), 2, "expected at least 514"),
        ):
            done = subprocess.run([SCRIPT, *arguments], cwd=self.folder, capture_output=True,
                                  text=True, check=False)
            self.assertEqual(done.returncode, status)
            self.assertIn(words, done.stderr.splitlines()[-1])

    def test_mini_clips_vocabulary_is_in_order_and_short(self):
        lines = (MINI_CLIP / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
        merges = [tuple(line.split(" ")) for line in lines]
        tokens = json.loads((MINI_CLIP / "vocab.json").read_text(encoding="utf-8"))
        self.assertEqual(tokens, bpe.vocabulary(merges))
        encoder = bpe.Encoder(merges)
        self.assertEqual(encoder.tokens("A picture of a mammal"),
                         ["a</w>", "picture</w>", "of</w>", "a</w>", "mammal</w>"])
