"""The words of a text by which it can be found again, and nothing by which a person can be identified."""

from __future__ import annotations

import re
import unicodedata

from handoff.domain.identity import mask

LEAST_LETTERS = 3
MOST_LETTERS = 40  # no word is longer; what is, was pasted
_WORD = re.compile(r"[^\W_]+")
# Words that nearly every message has; who looks for them looks for nothing.
_STOP = frozenset(_WORD.findall("""
    ada adalah agar aja akan aku anda apa apakah atas atau bagaimana bagi bahwa banget bapak belum bgmn bisa boleh buat
    bukan cara cuma dalam dan dapat dari dengan deh dgn dia diri dong dpt dulu gak gimana gitu harus hari hingga hrs
    ibu ingin ini itu jadi jangan jika jg juga kak kakak kalau kalo kami kapan karena kata kah ke kenapa kepada ketika
    kita klo kok krn lagi lah lain lebih mana mas masih mau mbak melalui memang mereka minta misal mohon namun nanti
    nih nya oleh oke pada pagi pak para per perlu permisi pun saat saja sama sampai sangat saya sdh sebagai sebuah
    secara sedang selamat semua seperti serta setelah siang sih sini sore sudah supaya sya tadi tapi telah tentang
    terima terimakasih tersebut tetapi tiap tidak tlg tolong trus udah untuk utk waktu yaa yang
"""))


def words_of(text: str) -> frozenset[str]:
    """Lower-case words of at least three letters without accents; never a word with a digit in it, so that no NIK, no
    telephone number and no piece of one is among them.
    """
    plain = unicodedata.normalize("NFKD", mask(text, " ").text).casefold()
    bare = "".join(char for char in plain if not unicodedata.combining(char))
    return frozenset(
        word for word in _WORD.findall(bare)
        if LEAST_LETTERS <= len(word) <= MOST_LETTERS and word.isalpha() and word not in _STOP
    )
