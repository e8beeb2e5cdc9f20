"""Whether an officer's text says anything at all (P5, P6, P7): "baik, mohon ditunggu" is no answer, "sudah selesai"
tells nobody what was done, and "apakah Ibu bersedia menunggu?" is no question to wait for. Pure; no I/O.

A text is empty when every word of it stands in a list: courtesies, that something was received, that somebody works on
it, that it takes time. One word more (a thing, a day, a place, a yes or no) and it is somebody's answer, good or bad.
"""

from __future__ import annotations

import re

from handoff.domain.redirect import read
from handoff.domain.said import POLITE, vocabulary, words

# Somebody's name behind how they are addressed, or behind "saya"; the number of a case; letters that hold no word.
_NAME = re.compile(
    r"\b(?:[Bb]apak|[Ii]bu|[Pp]ak|[Bb]u|[Kk]ak|[Mm]as|[Mm]bak|[Ss]audara|[Ss]audari|[Yy]th\.?|[Ss]aya|[Nn]ama saya)"
    r"(?:\s+(?!Kami\b|Saya\b)[A-Z][\w.'’]*)+"
)
_GREETING = re.compile(  # "sore ini" is a time
    r"(?:\bselamat\s+|(?:^|[.!,\n])\s*)(?:pagi|siang|sore|malam)\b(?!\s+(?:ini|nanti|besok|tadi))", re.IGNORECASE
)
_NUMBER = re.compile(r"\b\d{4}-\d{4}\b")
_END = re.compile(r"(?<=[.!?])\s+|\n+")

_COURTESY = POLITE | vocabulary("""
    halo hai hallo hi selamat datang assalamualaikum waalaikumsalam wr wb salam hormat sehat semoga menyenangkan
    berkah sukses terima kasih terimakasih makasih trims trimakasih matur suwun nuwun hatur sama sami
    nggih inggih monggo mangga punten baik baiklah ok oke okay okey sip siap noted ya iya yes thanks thx thank you hello
    dimengerti mengerti memahami paham maklum pengertian pengertiannya kesabaran kesabarannya kerjasama kerjasamanya
    kerja perhatian perhatiannya ketidaknyamanan ketidaknyamanannya keterlambatan keterlambatannya waktunya demikian
    anda saudara saudari yth terhormat bpk sdr sdri kami saya kita semua semuanya sekeluarga keluarga atas dan juga
    untuk banyak sekali lagi
""")
_AROUND = _COURTESY | vocabulary("""
    warga masyarakat pelapor pemohon pihak tim petugas rekan teman nama
    yang di ke dari pada dengan oleh akan ini itu tersebut tsb hal agar supaya karena maka adalah secara sesuai
    dalam serta atau lebih sangat saja aja dulu dahulu terlebih masih sedang nanti segera secepatnya sesegera mungkin
    sebentar sesaat sejenak sekarang saat waktu kembali lanjut selanjutnya berikutnya
    please wait harap dimohon silakan silahkan harapkan diharapkan bersedia berkenan sabar bersabar bersabarlah ditunggu
    tunggu menunggu tungguin nunggu antos sekedap ngantos sedia bantu membantu dibantu bantuin
""")
# That it has come in, that somebody is at it, that something will be heard of it; and what all of that is said of.
_HANDLING = vocabulary("""
    sudah telah kami terima diterima menerima tercatat catat dicatat mencatat tampung ditampung baca dibaca membaca
    proses diproses memproses prosesnya berproses cek dicek mengecek ngecek periksa diperiksa memeriksa pelajari
    dipelajari mempelajari pantau dipantau tindak tindaklanjuti ditindaklanjuti menindaklanjuti tindaklanjut lanjuti
    dilanjuti lanjutkan dilanjutkan melanjutkan tangani ditangani menangani urus diurus mengurus kerjakan dikerjakan
    mengerjakan upayakan diupayakan usahakan diusahakan koordinasi koordinasikan dikoordinasikan berkoordinasi
    konfirmasi dikonfirmasi infokan diinfokan info informasi informasikan diinformasikan kabar kabari dikabari
    mengabari kabarkan hubungi dihubungi menghubungi beritahu diberitahu update perkembangan perkembangannya hasil
    hasilnya antre antri antrean antrian antreannya giliran prosedur ketentuan berlaku aturan mestinya seharusnya
    maksimal sebaik baiknya
    laporan laporannya pengaduan aduan aduannya keluhan keluhannya permohonan permohonannya permintaan permintaannya
    pesan pesannya pertanyaan pertanyaannya masukan masukannya kasus kasusnya nomor no tiket masalah masalahnya kendala
    kendalanya urusan urusannya keperluan data datanya berkas berkasnya dokumen dokumennya
""")
_DONE = vocabulary("selesai beres tuntas clear done kelar rampung closed tutup ditutup close closing diselesaikan")
_EMPTY = _AROUND | _HANDLING | _DONE
# Around a question that asks nothing which a case could wait for.
_ASKED = vocabulary("""
    ada adakah apa apakah bisa bisakah dapat dapatkah boleh bolehkah bagaimana gimana mau maukah lain jelas kurang cukup
    sudahkah perlu benar betul kan kah ingin hendak ditanyakan tanya tanyakan disampaikan sampaikan ikhlas keberatan
    tidak gak nggak berkenankah bersediakah
""")
WORDS_OF_A_QUESTION = 3
# What a citizen says who is content. No plea is in it, no "but", no "not", no "still".
_CONTENT = (_COURTESY - vocabulary("tolong tlg to mohon plis kok lagi")) | vocabulary("""
    aku sudah udah dah sdh terima nerima diterima beres selesai tuntas kelar jelas ngerti paham dibantu membantu bantuan
    bantuannya layanan layanannya pelayanan pelayanannya cepat cepet ramah puas senang seneng mantap keren alhamdulillah
    puji tuhan syukur sukses selalu banget bgt sangat hari menyenangkan minta permisi bye dadah sampai jumpa
""")
_FRIENDLY = frozenset("👍👌🙏🙂😊😀😁😄☺❤🤝✅💐🌹") | {"\ufe0f", " "}
_TONES = re.compile("[\U0001f3fb-\U0001f3ff\u200d]")


def is_empty(text: str) -> bool:
    """Whether the text says nothing: neither what was or will be done, nor when, nor anything about the matter."""
    return _EMPTY.issuperset(_said(text))


def is_courtesy(text: str) -> bool:
    """Whether a citizen's text is no more than thanks, a greeting or assent: what may be answered with the same, and
    opens no closed case again. "Makasih, tapi namanya masih salah" is more."""
    if not words(text):
        return _FRIENDLY.issuperset(_TONES.sub("", text))
    return "?" not in text and _CONTENT.issuperset(_said(text))


def is_answer(text: str) -> bool:
    """Whether an officer's text is more than courtesy and more than sending the citizen elsewhere."""
    return not is_empty(text) and not read(text).is_redirect


def is_question(text: str) -> bool:
    """Whether the text asks something concrete, in enough words to be answered: about the citizen's matter, not
    whether they would wait or need anything else."""
    return any(
        len(words(asked)) >= WORDS_OF_A_QUESTION and not (_EMPTY | _ASKED).issuperset(_said(asked))
        for asked in map(str.rstrip, _END.split(text)) if asked.endswith("?")
    )


def _said(text: str) -> tuple[str, ...]:
    unnamed = _NAME.sub(lambda found: found[0].split()[0], _GREETING.sub(" ", text))
    return words(_NUMBER.sub(" ", unnamed))
