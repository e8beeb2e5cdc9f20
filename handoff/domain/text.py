"""Free text made safe: for storing it, and for handing it to Rasa."""

from __future__ import annotations

import re
import unicodedata

# Control characters but newline and tab, and surrogates without their partner. PostgreSQL refuses NUL, UTF-8 the rest.
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# How Rasa marks an intent that was triggered from outside.
_EXTERNAL = re.compile("EXTERNAL:")
_SLASHES = frozenset("/\uff0f")  # the ASCII one and its full-width form, which a normaliser would turn into it
# Blank on the screen, though Unicode calls them letters, symbols or marks.
_BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def clean(text: str) -> str:
    """The text as it is stored and shown: normalised (NFC), newlines as `\\n`, without characters that cannot be kept.

    Emoji and right-to-left writing stay with their joiners and marks. May be longer than the input (NFC), so measure
    a length limit on the result.
    """
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", _UNFIT.sub("", unified))


def neutralise(text: str) -> str:
    """The text without anything at its beginning that makes Rasa read a command: `/restart`, `/ask@0.99{…}`.

    Leading slashes, blanks, invisible characters and Rasa's `EXTERNAL:` go, in any mixture. Never empty for a text in
    which something can be seen: `?` stands for `///`.
    """
    start = 0
    while True:
        while start < len(text) and (text[start] in _SLASHES or _is_blank(text[start])):
            start += 1
        external = _EXTERNAL.match(text, start)
        if external is None:
            break
        start = external.end()
    if start < len(text):
        return text[start:]
    return "" if all(map(_is_blank, text)) else "?"


def _is_blank(char: str) -> bool:
    """Separators, control and format characters (zero-width ones too), variation selectors, blank letters."""
    return (
        unicodedata.category(char)[0] in "ZC" or char in _BLANK_LETTERS or "\u180b" <= char <= "\u180f"
        or "\ufe00" <= char <= "\ufe0f"
    )
