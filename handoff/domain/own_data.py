"""What a citizen wants of their own data (UU 27/2022, art. 5 to 8), said in words that say nothing else.

"data saya salah di KTP" is about a card, and belongs to the bot or to a person: only a whole message counts, courtesy
and pronouns aside.
"""

from __future__ import annotations

import re
from enum import Enum


class Wish(Enum):
    """What is wanted: to see what is kept, a copy of it, to have it erased, to keep it after all, or to take consent
    back."""

    see = "see"
    copy = "copy"
    erase = "erase"
    keep = "keep"
    withdraw = "withdraw"


_NO_WORD = re.compile(r"[\W_]+")
_COURTESY = frozenset((
    "tolong", "tlg", "tulung", "mohon", "sekarang", "min", "admin", "dong", "ya", "yaa", "deh", "nih", "sih", "halo",
    "hai", "permisi", "mau", "ingin", "pengen", "minta", "bisa", "boleh", "bolehkah", "bisakah", "agar", "supaya",
    "untuk", "please", "terima", "kasih", "makasih",
))
_CALLED = frozenset(("kak", "kakak", "pak", "bapak", "bu", "ibu", "mas", "mbak"))  # within: "data ibu saya"
_I = r"(?:saya |aku )?"
_ALL = r"(?: semua| seluruh)?"
_OWN = r"(?:dataku|data(?: diri| pribadi)? (?:saya|ku|aku|gue|gw|kulo))"
_TALK = (r"(?:(?:percakapan|chat|obrolan|riwayat(?: percakapan| chat| obrolan)?|pesan)(?: pesan)?"
         r"(?: saya| ini| saya ini)|riwayat (?:chat|percakapan|obrolan))")
_HERE = (r"(?: semua| semuanya| seluruhnya| saja| di sini| disini| dari sini"
         r"| (?:di|dari) (?:percakapan|chat|sistem)(?: ini)?)*")
_ERASE = r"(?:hapus|hapuskan|hapusin|menghapus|delete|musnahkan|hilangkan)"
_COPY = r"(?:unduh|download|mengunduh|ekspor|export|salin|salinan|kirim salinan|copy)"
_NOT = r"(?:batal|batalkan|jangan|(?:tidak|nggak|ngga|gak|ga|tdk) jadi)"
_LOOKED = r"(?:melihat|lihat|membuka|buka|membaca|baca)"
_KEPT = r"(?:disimpan|kalian simpan|tersimpan)"
_BACK = r"(?:cabut|mencabut|tarik|menarik|tarik kembali|batalkan)"
_FORMS = tuple((wanted, re.compile(form)) for wanted, form in (
    (Wish.keep, rf"{_NOT} (?:{_ERASE}|dihapus|penghapusan)(?:{_ALL} {_OWN}| data)?{_HERE}"),
    (Wish.erase, rf"{_I}{_ERASE}{_ALL} (?:{_OWN}|data|{_TALK}|data dan percakapan saya){_HERE}"),
    (Wish.erase, rf"{_I}{_OWN}{_HERE} (?:dihapus|hapus){_HERE}"),
    (Wish.copy, rf"{_I}{_COPY}{_ALL} {_OWN}{_HERE}"),
    (Wish.see, rf"{_I}(?:lihat |melihat |tampilkan )?{_OWN}(?: yang {_KEPT})?"
               r"(?: di sini| disini| di percakapan ini| di chat ini)?"),
    (Wish.withdraw, rf"{_I}{_BACK} (?:persetujuan|izin)(?: saya| data(?: saya)?| penggunaan data(?: saya)?"
                    r"| pemrosesan data(?: pribadi)?(?: saya)?)?"),
    (Wish.see, rf"{_I}(?:tahu )?(?:apa saja )?data(?: pribadi)? (?:apa|apa saja|saya)(?: yang)? {_KEPT}"
               r"(?: tentang saya| apa saja| di sini)?"),
    (Wish.see, rf"siapa(?: saja)?(?: yang)?(?: pernah| sudah)? {_LOOKED} {_OWN}"),
))


def wish(text: str) -> Wish | None:
    """What a message asks for that says nothing else."""
    words = [word for word in _NO_WORD.sub(" ", text.casefold()).split() if word not in _COURTESY]
    while words and words[0] in _CALLED:
        del words[0]
    while words and words[-1] in _CALLED:
        del words[-1]
    said = " ".join(words)
    return next((wanted for wanted, form in _FORMS if form.fullmatch(said)), None)
