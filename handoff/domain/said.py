"""What citizens say around what they mean: the words of a text in one spelling, and those that change nothing."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> tuple[str, ...]:
    """The words in lower case without accents, full-width forms and signs; "ke-2" is two."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return tuple(_WORD.findall("".join(char for char in plain if not unicodedata.combining(char))))


def vocabulary(listed: str) -> frozenset[str]:
    """The words of a list."""
    return frozenset(listed.split())


# Address, politeness and particles.
POLITE = vocabulary("""
    admin bang bapak bu buk bpk deh dong donk gan ibu ka kak kakak kok la lah lho loh mas maaf mba mbak min mimin mohon
    nggih nih nya pak plis punten sih sis tlg to tolong ya yaa yah
""")
