"""A short question that leaves out what it is about: "kalau rusak?" after a lost KTP means the damaged one.

The topics whose names begin with the same words are a family (`ktp_hilang`, `ktp_rusak`). Read alone, such a text
resembles some of the family; read again behind the family's words ("ktp kalau rusak?") it must say the same one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from handoff.domain.said import vocabulary, words

MOST_WORDS = 6
_IF = vocabulary("kalau kalo klo kl kalu nek yen lamun mun upami seumpama misal misalnya bila jika")


def short(text: str) -> bool:
    """Whether a text is so short that it may leave out what it is about."""
    return 0 < len(words(text)) <= MOST_WORDS


def conditional(text: str) -> bool:
    """A short text that begins with "kalau": it leaves something out, however surely it reads."""
    return short(text) and words(text)[0] in _IF


def subjects(topic: str) -> tuple[str, ...]:
    """What the neighbours of a topic may have in common with it, as words: "akta" and "akta kelahiran" for
    `akta_kelahiran_terlambat`; nothing for a topic that stands alone."""
    parts = topic.split("_")
    return tuple(" ".join(parts[:n]) for n in range(1, len(parts)))


def shared(one: str, other: str) -> str:
    """The words with which both topics' names begin; empty for topics of different families."""
    common = []
    for a, b in zip(one.split("_"), other.split("_"), strict=False):
        if a != b:
            break
        common.append(a)
    return " ".join(common)


def meant(
    text: str, last_topic: str, ranking: Sequence[str], sure: bool, again: Mapping[str, str | None]
) -> str | None:
    """The topic of the family of `last_topic` that a short `text` means, or None when it is to be taken as it stands.

    `ranking`: the nearest readings of the text alone; `sure`: whether the first of them would be believed. `again`: for
    each of `subjects(last_topic)` the topic that the text was surely read as behind those words, if any.
    """
    said = words(text)
    if not said or not ranking:
        return None
    if sure and (not conditional(text) or ranking[0].split("_")[0] in said or shared(ranking[0], last_topic)):
        return None  # it says itself what it is about; "kalau rusak?" does not, whatever it resembles most
    candidate = next((name for name in ranking if shared(name, last_topic)), None)
    if candidate is None:
        return None
    common = shared(candidate, last_topic)
    return candidate if any(again.get(s) == candidate for s in subjects(last_topic) if common.startswith(s)) else None
