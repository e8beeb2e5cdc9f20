"""What a text asks for, as far as its words alone tell: which aspect, how many questions, and "I do not understand"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from handoff.domain.said import POLITE, vocabulary, words

ASPECTS = ("requirements", "fee", "time", "steps", "place", "rejections")
MOST_CUTS = 5  # of a text in two
LONGEST_CUT = 600  # characters
SUBJECT_WORDS = 3  # that may stand before "dan" and share what is said after it
MOST_PARTS = 4  # a text of more questions is a story; it is read as a whole

# As people write them, in Javanese and Sundanese too.
_OF_IT = r"(?:2?nya|2?nye|2?ny|ne|e|ipun|na)?"
_HOW_MUCH = r"(?:berapa|brapa|brp|brpa|pira|piro|pinten|sabaraha)"
_PAY = rf"(?:m?bayar|byr){_OF_IT}"
_WHAT = r"(?:apa|opo|naon)"
_WHERE = r"(?:(?:di ?|ke ?|ka )ma?na|di ?mane|d ?mana|dmn|dmna|kmn|kmna|(?:nang |ning |neng )?endi)"
_SEE_TO = rf"(?:urus|ngurus|mengurus|bikin|buat|daftar|ambil|cek|ngecek|gawe|nggawe|damel|ngadamel){_OF_IT}"
_HERE_IT_ENDS = r"(?= (?:ya|yah|kak|min|mas|mbak|pak|bu|sih|dong|itu|tuh)\b|$)"
# An aspect beside a service: only words that mean nothing else there ("KTP lama" is no question of time).
_NAMED = {
    "requirements": rf"(?:per)?sy?arat(?:an)?{_OF_IT}|(?:berkas|dokumen)(?:nya)? {_WHAT}|bawa {_WHAT}"
                    r"|siapa (?:aja |saja )?(?:yang |yg )?(?:boleh|berhak)",
    "fee": rf"biaya{_OF_IT}|(?:ongkos|tarif){_OF_IT}|{_PAY} {_HOW_MUCH}|gratis"
           rf"|{_HOW_MUCH}(?: (?:ya|yah|sih|kak|min))? {_PAY}"
           rf"|{_HOW_MUCH} (?:duit|duwit|uang|rupiah|harga|biaya|ongkos){_OF_IT}|(?:harga|rega){_OF_IT} {_HOW_MUCH}"
           rf"|(?:kena|habis|abis) {_HOW_MUCH}{_HERE_IT_ENDS}"
           rf"|bayar (?:ga|gak|gk|nggak|ngga|enggak|tidak|tdk|ndak|ora|henteu){_HERE_IT_ENDS}",
    "time": rf"{_HOW_MUCH} (?:lama|suwe|lami|hari|hr|dina|dino|dinten|minggu|bulan){_OF_IT}|lama(?:nya|ne)"
            rf"|(?:suwe|lami)(?:ne|na|nipun)(?: {_HOW_MUCH})?|kapan (?:jadi|selesai|dadi|rampung|cair)(?:nya|ne)?",
    "steps": r"langkah(?:nya|2nya)?|prosedur(?:nya)?|alur(?:nya)?|tahapan(?:nya)?|tahapnya",
    "place": rf"{_SEE_TO}(?: \w+){{0,3}} {_WHERE}|{_WHERE} {_SEE_TO}",
    # not "saya ditolak": that is no question about a service, but an objection
    "rejections": r"(?:kalau|kalo|klo|kl|bila|jika|misal(?:nya)?|takut(?:nya)?) (?:nanti |ternyata |sampai |sampe )?"
                  r"ditolak",
}
# An aspect by itself, of the service talked about last: here vaguer words will do.
_ALONE = {
    "requirements": rf"{_NAMED['requirements']}|(?:berkas|dokumen)(?:nya)?|(?:perlu|harus) bawa(?: apa)?",
    "fee": rf"{_NAMED['fee']}|(?:mem)?{_PAY}|(?:duit|duwit|harga|rega){_OF_IT}",
    "time": rf"{_NAMED['time']}|lama(?: ga| gak| tidak)?",
    "steps": rf"{_NAMED['steps']}|cara{_OF_IT}",
    "place": rf"{_WHERE}|lewat mana|tempat(?:nya)?|alamat(?:nya)?|lokasi(?:nya)?",
    "rejections": _NAMED["rejections"],
}
_FILLERS = POLITE | vocabulary("""
    ae aja apa bae bagaimana berapa bikin bikinnya brapa brp brpa buat buatnya dan gimana gmn gmna harus itu jadi
    jadinya jg juga kalau kalo kepiye kira klo kumaha lalu mengurus mengurusnya naon nanti ngurus ngurusna ngurusne
    ngurusnya opo per perlu pinten pira piro piye pripun proses prosesnya sabaraha saja selesai selesainya soal terus
    trs trus tuh untuk urus urusnya utk wae
""")
# Thanks and greetings before a question of few words change nothing: "makasih min, terus bayarnya?"
_TALK = vocabulary("""
    alaikum assalamu assalamualaikum atas baik baiklah hai hallo halo helo hi infonya kasih makasi makasih malam mksh
    nuhun ok okay oke pagi selamat siang siap sip sore suwun tengkyu terima terimakasih thank thanks thx trimakasih
    trims
""")
_QUESTION = vocabulary("""
    apa apakah apaan bagaimana berapa bgmn brapa brp dimana dmn dmna endi gimana gmn gmna kapan kemana kenapa kmn knp
    kumaha mana mengapa naon opo pinten pira piro piye pripun sabaraha siapa
""")
# "lalu" joins nothing: it mostly means "ago"; a comma parts what is told.
_JOINS = re.compile(
    r",?\s+(?:dan|sama|serta|terus|trus|trs|plus|sekalian)\s+(?:juga\s+)?|\s*[&+]\s+", re.IGNORECASE
)
# A sentence ends where a sign follows a word of some length: not in "no. 2", "Rp. 5.000", "dll."
_ENDS = re.compile(r"(?<=[?!;])\s*|\s*\n\s*|(?<=[^\W\d_]{3}\.)\s+")
# Where one matter may end and another begin. A comma mostly parts what is told of one: it is kept apart from the rest.
_WORDS = (
    r"(?:dan|dn|and|n|sama|serta|terus|trus|trs|plus|sekalian|lalu|lantas|kemudian|juga|jg|lan|karo|jeung|sareng"
    r"|(?:abis|habis|setelah|sesudah|selain) itu|satu lagi)"
)
_ITEM = r"\(?\d{1,2}[.)]\s+"
_JOINT = re.compile(
    rf"(?P<end>{_ENDS.pattern}|(?<=\.)\s+(?!\d))|(?P<item>(?:^|\s){_ITEM})|(?P<word>,?\s+{_WORDS}\s+)|(?P<comma>(?<!\d),\s*|,\s+)"
    r"|(?P<sign>\s*[&+]\s*|\s+/\s+|(?<=[^\W\d_]{2})/(?=[^\W\d_]{2}))", re.IGNORECASE
)
_AT_AN_END = re.compile(
    rf"^(?:[\s,;.&+/]|{_WORDS}\s+|{_ITEM})+|(?:[\s,;&+/]|\s{_WORDS}|\s\(?\d{{1,2}}[.)])+$", re.IGNORECASE
)
_PAST = vocabulary("hari hr minggu mgg bulan bln tahun taun thn malam waktu dulu kemarin yang yg")
_LOST = vocabulary("bingung binggung pusing mumet lieur pelan pelan2 perlahan alon satu2")
_LOST_PHRASE = re.compile(
    r"(?:tidak|tdk|gak|ga|gk|nggak|ngga|enggak|kurang|belum|blm|ora|ra|teu|dak|ndak|tak) "
    r"(?:ngerti|mengerti|paham|faham|mudeng|jelas|ngartos|nyambung)"
    r"|maksud(?:nya|e)?|satu (?:per |persatu )?satu|jelas(?:kan|in)|ulang(?:i|in)?"
)
_LOST_AROUND = POLITE | vocabulary("""
    aku anda apa bagaimana bahasanya coba dengan gimana gmn gue gw ini itu jadi jadinya jawaban jawabannya kalimatnya
    kulo lagi lebih malah masih nerangin ngomongnya njelasin penjelasannya saja sama saya semua semuanya sederhana sy
    tadi terlalu tetap tetep yang yg
""")


@dataclass(frozen=True)
class Part:
    """One of several questions in a text. `sentence` counts from 0; parts of one sentence were joined by "dan"."""

    text: str
    sentence: int


@dataclass(frozen=True)
class Cut:
    """A text cut in two, and whether at a comma. `told`: in sentences of its own one half asks and the other tells."""

    left: str
    right: str
    comma: bool = False
    told: bool = False


def aspects(text: str) -> tuple[str, ...]:
    """The aspects that are named beside a service ("syarat dan biaya bikin KTP"), in reading order."""
    said = " ".join(words(text))
    return tuple(a for a in ASPECTS if re.search(rf"\b(?:{_NAMED[a]})\b", said))


def only_aspect(text: str) -> str | None:
    """The one aspect that the text asks for, when it says nothing else: no service, no circumstances."""
    said = " ".join(words(text))
    found = [a for a in ASPECTS if re.search(rf"\b(?:{_ALONE[a]})\b", said)]
    if len(found) != 1:
        return None
    rest = re.sub(rf"\b(?:{_ALONE[found[0]]})\b", " ", said).split()
    return found[0] if all(word in _FILLERS or word in _TALK for word in rest) else None


def lost(text: str) -> bool:
    """Whether the citizen says that they did not understand, and nothing else."""
    said = " ".join(words(text))
    rest, phrases = _LOST_PHRASE.subn(" ", said)
    left = rest.split()
    triggers = [word for word in left if word in _LOST]
    return bool(phrases or triggers) and all(word in _LOST or word in _LOST_AROUND for word in left)


def questions(text: str) -> tuple[Part, ...]:
    """The questions in a text, when there are at least two; what is told around one stays with it. Else empty."""
    found: list[Part] = []
    marked = "?" in text  # then a sentence that ends otherwise tells something: "belum tahu kapan selesai."
    sentences = _gathered(_ENDS.split(text), lambda one: _asks(one) and not (marked and one.endswith(".")))
    for number, (told, asking, more) in enumerate(sentences):
        clauses = [" ".join(filter(None, clause)) for clause in _gathered(_JOINS.split(asking), _asks)]
        if len(clauses) < 2:
            clauses = [asking]  # as it stands: what joins two matters that are told is still seen in it
        clauses[0] = f"{told} {clauses[0]}".strip()
        clauses[-1] = f"{clauses[-1]} {more}".strip()
        found += [Part(clause, number) for clause in clauses]
    return tuple(found) if 2 <= len(found) <= MOST_PARTS else ()


def cuts(text: str) -> tuple[Cut, ...]:
    """The ways to cut a text in two that both say something, in reading order: "ktp hilang dan kk rusak", "KTP hilang.
    KK rusak". Of more than `MOST_CUTS` the last commas go first. A text longer than `LONGEST_CUT` is a story."""
    if len(text) > LONGEST_CUT:
        return ()
    found: dict[tuple[str, str], Cut] = {}
    sentences = _ENDS.search(text.strip()[:-1]) is not None
    for joint in _JOINT.finditer(text):
        left, right = _bare(text[: joint.start()]), _bare(text[joint.end() :])
        if not _says(left) or not _says(right) or _ago(joint, left):
            continue
        _, _, predicate = right.partition(" ")
        shared = joint.lastgroup in ("word", "sign") and predicate and len(words(left)) <= SUBJECT_WORDS
        if shared:  # "ktp dan kk hilang": what is said of the second holds for the first
            found.setdefault((f"{left} {predicate}", right), Cut(f"{left} {predicate}", right))
        if not shared or len(words(left)) > 1 or len(words(right)) > SUBJECT_WORDS:
            told = sentences and ("?" in left) != ("?" in right)
            found.setdefault((left, right), Cut(left, right, joint.lastgroup == "comma", told))
    kept = list(found.values())
    while len(kept) > MOST_CUTS:
        del kept[max((number for number, cut in enumerate(kept) if cut.comma), default=-1)]
    return tuple(kept)


def _bare(half: str) -> str:
    """Without what joined it to the other half."""
    return _AT_AN_END.sub("", half).strip()


def _says(half: str) -> bool:
    return not POLITE.issuperset(words(half))


def _ago(joint: re.Match[str], left: str) -> bool:
    """Of "bulan lalu saya pindah" the second word joins nothing."""
    return joint.group().split()[:1] == ["lalu"] and not _PAST.isdisjoint(words(left)[-1:])


def _gathered(pieces: Iterable[str], asks: Callable[[str], bool]) -> list[tuple[str, str, str]]:
    """What asks, each with what was told before it, and the last with what was told after it; none of them is lost."""
    found: list[tuple[str, str, str]] = []
    told: list[str] = []
    for piece in (piece.strip() for piece in pieces):
        if asks(piece):
            found.append((" ".join(told), piece, ""))
            told = []
        elif words(piece):
            told.append(piece)
    if found:
        found[-1] = (*found[-1][:2], " ".join(told))
    return found


def _asks(piece: str) -> bool:
    said = words(piece)
    return bool(said) and (piece.endswith("?") or not _QUESTION.isdisjoint(said) or bool(aspects(piece)))
