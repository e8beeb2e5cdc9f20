"""A word that stops news, and the one that begins it again."""

from __future__ import annotations

import re
from enum import Enum


class Wish(Enum):
    """What is wanted of news."""

    stop = "stop"
    again = "again"


_WORDS = {
    "stop": Wish.stop, "stop kabar": Wish.stop, "berhenti kabar": Wish.stop, "unsubscribe": Wish.stop,
    "mulai": Wish.again, "mulai lagi": Wish.again,
}
_NO_WORD = re.compile(r"[\W_]+")


def wish(text: str) -> Wish | None:
    """What a message asks for that says nothing else; within a sentence such a word means something else."""
    return _WORDS.get(word(text))


def word(text: str) -> str:
    """The word of such a message, as it is written down."""
    return _NO_WORD.sub(" ", text.casefold()).strip()
