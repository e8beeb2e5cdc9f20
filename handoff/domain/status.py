"""Which number a citizen asks after: of a case of ours, alone or in its link, or an agency's reference."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from handoff.domain.number import InvalidNumber, parse

_LINK = re.compile(r"/kasus/(\d{4}-\d{4})(?:\?k=|\.)([\w-]{8,64})")
# As we write it, with more in the address, without its dash, percent-encoded; and the one-time links of a report and
# of somebody's data.
_KEY = re.compile(
    r"(/kasus/\d{4}-?\d{4}(?:\.(?=[\w-]{8})|\S{0,80}?[?&;F6]k(?:=|%3D))"
    r"|/(?:lapor|data(?:/bukti)?)/(?=[\w-]{16}))[\w-]+", re.IGNORECASE
)
_WHOLE_LINK = re.compile(r"\S*/kasus/\d{4}-\d{4}\S*")
_DATE = re.compile(r"(?<!\d)(?:\d{1,2}[-/. ]\d{1,2}[-/. ](?:19|20)\d\d|(?:19|20)\d\d[-/. ]\d{1,2}[-/. ]\d{1,2})(?!\d)")
_WORD = re.compile(r"[^\W\d_]+")
# What people put around a number when they ask for nothing but its status.
_AROUND = frozenset({
    "kasus", "kasusnya", "nomor", "nomer", "no", "nmr", "nomornya", "status", "statusnya", "cek", "ngecek", "lihat",
    "tolong", "tlg", "mohon", "tanda", "terima", "resi", "registrasi", "pendaftaran", "permohonan", "saya", "sy", "aku",
    "ini", "itu", "adalah", "gimana", "gmn", "bagaimana", "bgmn", "sampai", "sampe", "mana", "dong", "ya", "yg", "yang",
    "min", "kak", "pak", "bu", "admin", "halo", "hai", "punya", "mau", "berkas", "tiket", "laporan", "kode", "dengan",
    "nih", "coba", "tanya", "sudah", "udah", "belum", "proses", "prosesnya", "perkembangan", "kabar", "kabarnya",
})


@dataclass(frozen=True)
class Asked:
    """A case of ours by its number, as it is shown; with the key of its page if the citizen pasted the link."""

    number: str
    key: str | None = None


def asked(text: str) -> Asked | None:
    """The case that the text names; None when it names none, several, or one that is mistyped."""
    if link := _LINK.search(text):
        return Asked(link[1], link[2])
    try:
        return Asked(parse(_DATE.sub(" ", text)))
    except InvalidNumber:
        return None


def nothing_else(text: str, references: Iterable[str] = ()) -> bool:
    """Whether the text is nothing but a number, with words that ask for its status: no bot need read it."""
    rest = _WHOLE_LINK.sub(" ", text).casefold()
    for reference in references:
        rest = rest.replace(reference.casefold(), " ")
    return set(_WORD.findall(rest)) <= _AROUND


def without_keys(text: str) -> str:
    """The text as somebody else may read it: the key in a case's link is the citizen's alone, and so is the link of a
    confidential report, which would tell whose it is, and that of a copy of their data."""
    return _KEY.sub(r"\1…", text)
