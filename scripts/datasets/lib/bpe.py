"""A byte-level byte-pair vocabulary in CLIP's layout, learnt from phrases.

Merges are those of Sennrich et al. 2016 (arXiv:1508.07909): the most frequent pair of neighbours
within words becomes one token, again and again. Ids are CLIP's: 256 bytes, the same 256 at the end
of a word, one for each merge, then start and end of text, whose id is the highest.
"""

import collections
import heapq
import json
import unicodedata

WORD_END = "</w>"
START, END = "<|startoftext|>", "<|endoftext|>"
CONTRACTIONS = ("'re", "'ve", "'ll", "'s", "'t", "'m", "'d")
MERGES_HEADER = "#version: 0.2"  # readers skip the first line


def byte_letters():
    """The letter that stands for each byte in the files, in the order of ids.

    Printable Latin-1 stands for itself, and comes first; the rest is moved to U+0100 and beyond.
    """
    own = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in own}
    for byte in range(256):
        if byte not in letters:
            letters[byte] = chr(256 + len(letters) - len(own))
    return letters


LETTERS = byte_letters()


def split_words(text):
    """Lower-case words as CLIP splits them: letters, single digits, runs of anything else."""
    text = " ".join(text.lower().split())
    at = 0
    while at < len(text):
        end = word_end(text, at)
        if not text[at].isspace():
            yield text[at:end]
        at = end


def word_end(text, at):
    for contraction in CONTRACTIONS:
        if text.startswith(contraction, at):
            return at + len(contraction)
    kind, end = kind_of(text[at]), at + 1
    while kind != "number" and end < len(text) and kind_of(text[end]) == kind:
        end += 1
    return end


def kind_of(character):
    if character.isspace():
        return "space"
    return {"L": "letter", "N": "number"}.get(unicodedata.category(character)[0], "other")


def symbols_of(word):
    """A word's bytes as symbols, the last one marked as its end."""
    symbols = [LETTERS[byte] for byte in word.encode()]
    return (*symbols[:-1], symbols[-1] + WORD_END)


class Learner:
    """Words as symbols with their counts, and the counts of neighbouring symbols in them."""

    def __init__(self, counts):
        self.words = [(list(symbols_of(word)), count) for word, count in sorted(counts.items())]
        self.pairs = collections.Counter()
        self.homes = collections.defaultdict(set)  # pair -> numbers of the words that may hold it
        for number, (symbols, count) in enumerate(self.words):
            self.count(number, symbols, count)
        self.heap = [(-count, pair) for pair, count in self.pairs.items()]
        heapq.heapify(self.heap)

    def count(self, number, symbols, count):
        for pair in zip(symbols, symbols[1:]):
            self.pairs[pair] += count
            self.homes[pair].add(number)

    def best(self):
        """The most frequent pair that occurs twice, of equals the first in order; else None."""
        while self.heap:
            count, pair = heapq.heappop(self.heap)
            if -count == self.pairs[pair]:  # else out of date: its present count is queued too
                return pair if -count >= 2 else None
        return None

    def merge(self, pair):
        touched = set()
        for number in sorted(self.homes.pop(pair)):
            symbols, count = self.words[number]
            before = list(zip(symbols, symbols[1:]))
            if pair not in before:
                continue
            for old in before:
                self.pairs[old] -= count
            merged = merge_pair(symbols, pair)
            self.words[number] = (merged, count)
            self.count(number, merged, count)
            touched.update(before, zip(merged, merged[1:]))
        for one in touched - {pair}:
            heapq.heappush(self.heap, (-self.pairs[one], one))


def merge_pair(symbols, pair):
    """The symbols with every such pair, from the left, made one."""
    merged, at = [], 0
    while at < len(symbols):
        if tuple(symbols[at:at + 2]) == pair:
            merged.append(pair[0] + pair[1])
            at += 2
        else:
            merged.append(symbols[at])
            at += 1
    return merged


def learn(counts, size):
    """The merges, in order, of a vocabulary of size tokens; fewer if no pair is left.

    counts: {word: how often it occurs}.
    """
    learner, merges = Learner(counts), []
    while len(merges) < size - 2 * len(LETTERS) - 2:
        pair = learner.best()
        if pair is None:
            break
        learner.merge(pair)
        merges.append(pair)
    return merges


def vocabulary(merges):
    """{token: id}"""
    letters = list(LETTERS.values())
    tokens = [*letters, *(letter + WORD_END for letter in letters),
              *(first + second for first, second in merges), START, END]
    return {token: number for number, token in enumerate(tokens)}


class Encoder:
    """Splits text into tokens, start and end of text left out."""

    def __init__(self, merges):
        self.ranks = {pair: rank for rank, pair in enumerate(merges)}

    def rank(self, pair):
        return self.ranks.get(pair, len(self.ranks))

    def tokens(self, text):
        return [token for word in split_words(text) for token in self.word_tokens(word)]

    def word_tokens(self, word):
        symbols = list(symbols_of(word))
        while len(symbols) > 1:
            pair = min(zip(symbols, symbols[1:]), key=self.rank)
            if pair not in self.ranks:
                break
            symbols = merge_pair(symbols, pair)
        return symbols


def write_vocabulary(folder, merges):
    """merges.txt and vocab.json, as Hugging Face lays CLIP's out."""
    lines = [MERGES_HEADER, *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    text = json.dumps(vocabulary(merges), ensure_ascii=False, separators=(",", ":"))
    (folder / "vocab.json").write_text(text + "\n", encoding="utf-8")
