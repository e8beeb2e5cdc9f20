"""Which language a citizen writes, as far as it decides who answers them: an officer who speaks it, if one is there.

Only words that stand in no ordinary Indonesian sentence count, and two different ones are needed: a *nuwun* or a
*thanks* among Indonesian is politeness. Whoever is misread is still answered, by somebody of the same unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from handoff.domain.said import vocabulary, words

INDONESIAN = "id"
NEEDED = 2  # different words

#: By ISO 639-1 code: Javanese (ngoko and krama), Sundanese, English.
MARKS: Mapping[str, frozenset[str]] = MappingProxyType({
    "jv": vocabulary("""
        arep boten mboten dereng durung enggih inggih nggih griya kaliyan kangge kelangan kepiye kepripun piye pripun
        kulo kula sampeyan panjenengan njenengan ngendi nggawe ndamel gawe nyuwun opo napa nopo ora pira pinten pundi
        saget iso sakniki saiki sampun seda tiyang wonten wis omah njaluk iki iku kuwi yen ono jenenge
    """),
    "su": vocabulary("""
        abdi anjeun ayeuna artos atos enjing hoyong henteu hente imah iraha jeung kamari kumaha leungit naha naon
        ngadamel nyieun orok sabaraha saha sareng teu tiasa tos deui geus aya eta ieu bade urang mah teh
    """),
    "en": vocabulary("""
        the how what where when please help lost my your need want can could would is are was do does have has been
        card letter office apply renew because since still not this that with from for
    """),
})


def language_of(text: str) -> str:
    """The language's ISO 639-1 code; Indonesian unless another one shows."""
    said = set(words(text))
    found = {code: len(said & marks) for code, marks in MARKS.items()}
    best = max(found, key=lambda code: found[code])
    return best if found[best] >= NEEDED else INDONESIAN
