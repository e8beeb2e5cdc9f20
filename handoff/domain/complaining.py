"""Whether a text that is written to an officer complains about an officer: then they must not be the first to read it.

From the words alone, as in `domain.alarm`; what it takes for a complaint is told to the citizen, who can send it to the
officer after all. That something takes long, costs too much or is refused is no complaint about a person.
"""

from __future__ import annotations

import re
from enum import StrEnum

from handoff.domain.alarm import normalised


class Aim(StrEnum):
    """Of whom it is said."""

    you = "you"          # the one who is written to
    officer = "officer"  # an officer, perhaps another one


_OFFICER = (
    r"(?:petugas|ptgs|pegawai|pegawe|admin|operator|cs|customer service|staf|staff|pejabat|oknum)(?:nya| ini| itu|"
    r" tadi| anda| kamu| kalian| disini| di sini)?"
)
_YOU = (
    r"(?:anda|kamu|kalian|sampeyan|panjenengan|situ|elu|lu|pak|bpk|bapak|bu|ibu|mas|mbak|mba|kak|kakak|bang|mbaknya|"
    r"masnya)"
)
_BAD = (
    r"(?:kasar|jutek|judes|ketus|sombong|angkuh|arogan|galak|sinis|(?:tidak|tdk|tak|ga|gak|nggak|ngga|ndak|kurang|krg) "
    r"(?:sopan|santun|ramah|beradab|profesional|becus|adil|jujur|menghargai|menghormati|punya etika|beretika|tahu "
    r"sopan)|kurang ajar|membentak|bentak bentak|ngebentak|dibentak|marah marah|ngegas|memaki|maki maki|mencaci|"
    r"menghina|ngehina|merendahkan|ngerendahin|meremehkan|ngeremehin|mengejek|mempermalukan|mempersulit|mempersulitkan|"
    r"ngeribetin|pilih kasih|diskriminatif|rasis|semena mena|seenaknya|berbohong|bohong|bohongi|membohongi|menipu|"
    r"mengancam|menyepelekan|mengabaikan saya|ngabaikan saya|malas|main hp|tidak becus)"
)
_DONE_TO_ME = (
    r"(?:dibentak|dibentak bentak|dimaki|dimarahi|dimarahin|dihina|direndahkan|diremehkan|dipersulit|diejek|diusir|"
    r"dibohongi|dipermalukan|dilecehkan|dicaci|disepelekan|diancam|disindir)"
)
_REPORT = (
    r"(?:adukan|mengadukan|ngadu|mengadu|aduin|ngaduin|laporkan|melaporkan|laporin|nglaporin|keluhkan|mengeluhkan|komplain|"
    r"complain|protes|memprotes)"
)
_ABOVE = r"(?:atasan|kepala|pimpinan|bos|supervisor|pengawas|inspektorat|ombudsman)"
_DOING = r"(?:membentak|ngebentak|menghina|memarahi|marahin|memaki|mengusir|mengancam|mempersulit|membohongi)"
_CONDUCT = (
    r"(?:kelakuan|perilaku|sikap|omongan|cara bicara|cara kerja|tingkah|etika|attitude|pelayanan|layanan|kinerja|kerja|"
    r"kerjaan)"
)
_POOR = (
    r"(?:buruk|jelek|payah|parah|mengecewakan|ga becus|gak becus|nggak becus|tidak becus|asal asalan|keterlaluan|kasar)"
)
_TO_ABOVE = (
    r"(?:lapor|laporkan|laporin|adukan|aduin|ngadu|mengadu|bicara|ngomong|bertemu|ketemu|sambungkan|hubungkan|minta|mau)"
)
_SLACK = r"(?:\w+ ){0,4}"
# After a form of address only this, for it may be no more than that: "pak, jalan depan kantor kasar".
_VERY = (
    r"(?:(?:kok|ko|sangat|terlalu|memang|emang|ini|itu|tadi|nya|orangnya|jangan|udah|sudah|sering|selalu|suka|malah|cuma|"
    r"hanya|juga|benar|bener|benar benar|sungguh|banget|bgt|yang|yg|jadi|agak) ){0,3}"
)

def _said_of(who: str) -> tuple[re.Pattern[str], ...]:
    """The rules for whoever is meant by `who`: the one who is written to, or an officer."""
    slack = _VERY if who is _YOU else _SLACK
    return tuple(re.compile(rf"(?<!\w)(?:{rule})(?!\w)") for rule in (
        rf"{who} {slack}{_BAD}",                                      # petugasnya kok kasar sekali
        rf"^{_VERY}{_BAD} (?:sekali |banget |amat |betul )?{who}$",    # kasar banget mbak
        rf"{_DONE_TO_ME} (?:oleh |sama |karo |dari )?{who}",          # saya dibentak petugas
        rf"{who} {_SLACK}{_DOING}",
        rf"{_REPORT} (?:\w+ ){{0,3}}{_CONDUCT}(?:nya)? {who}",
        rf"{_CONDUCT}(?:nya)? {who} {_SLACK}(?:{_POOR}|{_BAD})",
        rf"{_TO_ABOVE} {_SLACK}{_ABOVE} {who}(?! saya)",
    ))


# In the order in which they are asked: what is said of the one who is written to weighs more.
_RULES = {
    Aim.you: (
        *_said_of(_YOU),
        re.compile(
            rf"(?<!\w){_REPORT} (?:\w+ ){{0,2}}(?:anda|kamu|bapak|ibu|mas|mbak)(?: ini)? (?:ke|kepada|sama)(?!\w)"
        ),
        re.compile(rf"(?<!\w)(?:minta |tolong |mau )?ganti {_OFFICER}(?!\w)"),
        re.compile(rf"(?<!\w)(?:minta|mau|tolong) {_OFFICER} (?:yang |yg )?lain(?!\w)"),
    ),
    Aim.officer: (
        *_said_of(_OFFICER),
        re.compile(rf"(?<!\w){_REPORT} (?:\w+ ){{0,3}}{_OFFICER}(?!\w)"),  # saya mau mengadukan petugas ini
        re.compile(rf"(?<!\w){_TO_ABOVE} {_SLACK}{_ABOVE}nya(?!\w)"),
    ),
}
# Whose conduct is meant instead: the citizen's own, or somebody's of their family or trade.
_SOMEBODY_ELSE = re.compile(
    r"(?<!\w)(?:(?:ibu|bapak|bpk|kakak|mas|mbak|bu|pak) (?:saya|sy|aku|mertua|kandung|tiri|rt|rw|kos|guru|dia)|suami|"
    r"istri|mertua|tetangga|majikan|bos saya|anak saya|adik|mantan|pacar|teman|sopir|guru|dosen|penipu|calo|"
    r"pinjol)(?!\w)"
)
_OWN = re.compile(
    r"(?<!\w)(?:maaf|mohon maaf|bukan|tidak bermaksud|kalau saya|klo saya|kalo saya|jika saya|saya (?:tidak |tdk |ga |"
    r"gak |nggak )?(?:bermaksud|mau|ingin) (?:\w+ )?(?:kasar|marah)|saya (?:yang |yg |tadi )?(?:kasar|marah|bohong|"
    r"malas|emosi))(?!\w)"
)
_WHO_SERVES = re.compile(r"(?:yang|yg) \w+ (?:saya|sy|aku|kami) ")
_PRAISED = frozenset({"tidak", "tdk", "ga", "gak", "nggak", "ngga", "ndak", "bukan", "belum", "pernah"})


def heard(text: str) -> Aim | None:
    """Of whom the text complains, or above whom it asks for somebody; None when it does not. Linear in its length."""
    said = [clause for clause in _clauses(text) if not (_SOMEBODY_ELSE.search(clause) or _OWN.search(clause))]
    for aim, rules in _RULES.items():
        for clause in said:
            if any(not _denied(clause, found) for rule in rules for found in rule.finditer(clause)):
                return aim
    return None


def _clauses(text: str) -> list[str]:
    """Sentences, and parts between commas: what one says of the citizen's husband is not said of the officer."""
    return [_WHO_SERVES.sub("", plain) for part in re.split(r"[.!?;,\n]+", text) if (plain := normalised(part))]


def _denied(clause: str, found: re.Match[str]) -> bool:
    """`petugasnya tidak kasar`, `tidak pernah membentak`: said of the bad word itself, not of `tidak sopan`."""
    bad = re.search(rf"(?:{_BAD}|{_DONE_TO_ME})$", found[0])
    before = clause[: found.start() + (bad.start() if bad else 0)].split()
    return bool(before) and (before[-1] in _PRAISED)
