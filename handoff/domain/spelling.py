"""One slip of the finger: a letter too many, too few, wrong, or two swapped."""

from __future__ import annotations


def near(word: str, known: str) -> bool:
    """Whether `word` is `known`, or differs from it by one such slip."""
    if abs(len(word) - len(known)) > 1:
        return False
    start = 0
    while start < min(len(word), len(known)) and word[start] == known[start]:
        start += 1
    rest, other = word[start:], known[start:]
    return (
        rest == other or rest[1:] == other or rest == other[1:] or rest[1:] == other[1:]
        or (rest[:2] == other[:2][::-1] and rest[2:] == other[2:])
    )
