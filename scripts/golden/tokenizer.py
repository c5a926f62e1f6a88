#!/usr/bin/python3
"""Golden values of the tokenizer: a small vocabulary, and what an independent tokenizer in Python makes of odd texts with it.

    scripts/golden/tokenizer.py           writes tests/golden/tokenizer/{vocab.json,merges.txt,texts.json}

The definition is CLIP's (Radford et al. 2021): Python's str.lower() and strip(), the regular expression of its tokenizer by
the package regex (Debian: python3-regex), byte-pair encoding by the rule of Sennrich et al. 2016. Without ftfy and
html.unescape, which dgbench leaves out.
"""

import collections
import json
import os

import regex

FOLDER = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "tokenizer")
START, END = "<|startoftext|>", "<|endoftext|>"
WORDS = regex.compile(
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+", regex.IGNORECASE
)
CORPUS = (
    "a picture of a cat. a picture of a dog! a photo of the cat's hat; an icon of an animal mammal, the dogs aren't "
    "there. we'll draw it, they've drawn it, i'm drawing it. naïve café, ein schönes mädchen, 日本の猫, кошка и собака, "
    "😀 smiling face 👩‍🚀 astronaut ... !!! drawing of a face, drawing of a hat, photograph, photographs, the the the "
)
N_MERGES = 120

TEXTS = [
    "",
    " ",
    "a",
    "a picture of a cat",
    "A Picture  OF\ta\nCAT.",
    "  leading and trailing  ",
    "the dog's hat isn't theirs; we'll see, they've, I'm, you're, he'd",
    "THE DOG'S",
    "'s 't 're 've 'm 'll 'd",
    "'sad 'tis 'Ll 'D",
    "''s !'s '''s",
    "long \u017f: '\u017f cat'\u017f",
    "kelvin \u212a angstrom \u212b ohm \u2126",
    "naïve CAFÉ Schönes MÄDCHEN ẞ ß",
    "İstanbul ISTANBUL ıI",
    "ΣΊΣΥΦΟΣ ΟΔΟΣ Σ ΑΣ. ΑΣΑ Σ'",
    "日本の猫がいる 猫",
    "КОШКА и собака",
    "हिन्दी में बिल्ली",
    "قطة صغيرة",
    "한국어 고양이",
    "😀 😀😀 👩‍🚀 👍🏽 🇩🇪",
    "e\u0301 combining, \u00e9 composed",
    "12 345 6.7 ½ Ⅳ ² ٣ 1st 2nd mp3",
    "a-b_c/d\\e@f#g$h%i^j&k*l(m)n+o=p{q}r[s]t|u<v>w~x`y\"z",
    "...!!!???",
    "hello,world!foo",
    "<|startoftext|> and <|endoftext|> inside",
    "!!<|endoftext|>!! <|ENDOFTEXT|>",
    "< |endoftext| > <|end",
    "&amp; &lt;b&gt; stays",
    "nbsp\u00a0here\u2003em\u3000ideographic\u2028line\u0085next\ufeffbom",
    "\x1ccontrols\x1d in \x1e and at the end\x1f",
    "zero\u200bwidth\u200djoiner",
    "tab\tnewline\r\nvertical\x0bform\x0c",
    "\x01\x02\x7f",
    "𝒜𝓁𝓅𝒽𝒶 𐐀𐐁 𞤀",
    "ǅ ǲ Ǆ ﬁ ﬂ",
    "photograph photographs photographing",
    "aaaaaaaaaaaaaaaaaaaa",
    "the the the the the the the the",
]
BROKEN = [
    b"caf\xe9 au lait",
    b"\xff\xfe",
    b"a\x80b\xbfc",
    b"cut \xe2\x82",
    b"cut \xf0\x9f\x98",
    b"\xf0\x9f\x98cat",
    b"overlong \xc0\xaf \xe0\x80\xaf \xf0\x80\x80\xaf",
    b"surrogates \xed\xa0\xbd\xed\xb8\x80",
    b"too high \xf4\x90\x80\x80 \xf5\x80\x80\x80",
    b"\xe2\x28\xa1 \xe2\x82\x28 \xc3",
]


def byte_letters():
    """What stands for each byte in vocab.json."""
    printable = [b for b in range(256) if 0x21 <= b <= 0x7E or 0xA1 <= b <= 0xAC or b >= 0xAE]
    others = [b for b in range(256) if b not in printable]
    letters = {b: chr(b) for b in printable}
    letters.update({b: chr(256 + i) for i, b in enumerate(others)})
    return letters


LETTERS = byte_letters()


def split(text):
    text = regex.sub(r"\s+", " ", text.strip()).strip().lower()
    return WORDS.findall(text)


def symbols(word):
    letters = [LETTERS[b] for b in word.encode()]
    return letters[:-1] + [letters[-1] + "</w>"]


def merge(word, pair):
    out, i = [], 0
    while i < len(word):
        if tuple(word[i : i + 2]) == pair:
            out.append(word[i] + word[i + 1])
            i += 2
        else:
            out.append(word[i])
            i += 1
    return out


def learn(corpus, n):
    words = [symbols(w) for w in split(corpus)]
    merges = []
    for _ in range(n):
        counts = collections.Counter(pair for w in words for pair in zip(w, w[1:]))
        pair = min(counts, key=lambda p: (-counts[p], p))
        merges.append(pair)
        words = [merge(w, pair) for w in words]
    return merges


def encode(text, ranks, ids):
    out = []
    for word in split(text):
        if word.lower() in (START, END):
            out.append(ids[word.lower()])
            continue
        parts = symbols(word)
        while True:
            pairs = [p for p in zip(parts, parts[1:]) if p in ranks]
            if not pairs:
                break
            parts = merge(parts, min(pairs, key=ranks.get))
        out += [ids[p] for p in parts]
    return [ids[START]] + out + [ids[END]]


def main():
    merges = learn(CORPUS, N_MERGES)
    tokens = list(LETTERS.values()) + [c + "</w>" for c in LETTERS.values()]
    tokens += [a + b for a, b in merges] + [START, END]
    assert len(set(tokens)) == len(tokens)
    ids = {t: i for i, t in enumerate(tokens)}
    ranks = {pair: i for i, pair in enumerate(merges)}
    rows = []
    for raw in [t.encode() for t in TEXTS] + BROKEN:
        rows.append({"hex": raw.hex(), "ids": encode(raw.decode("utf-8", "replace"), ranks, ids)})
    os.makedirs(FOLDER, exist_ok=True)
    with open(os.path.join(FOLDER, "vocab.json"), "w", encoding="utf-8") as f:
        json.dump(ids, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")
    with open(os.path.join(FOLDER, "merges.txt"), "w", encoding="utf-8") as f:
        f.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    with open(os.path.join(FOLDER, "texts.json"), "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(r, separators=(",", ":")) for r in rows) + "\n]\n")
    print(f"{len(tokens)} tokens, {len(rows)} texts, {max(len(r['ids']) for r in rows)} ids at most")


main()
