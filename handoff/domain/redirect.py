"""A redirect is not an answer (promise P6): does a text do anything but send the citizen elsewhere? Pure; no I/O.

The text is split into acts, about a clause each. An act is a courtesy, a restatement of what the citizen wrote, law
without consequence for this matter, a referral, or substance: something done, found, decided, a fact about this matter,
a concrete answer. A text is a redirect when it has a referral and no substance, however long and polite it is. What
cannot be read counts as neither, so that padding never turns a redirect into an answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

LONGEST = 300  # characters of a clause that are read at once


class Kind(StrEnum):
    """What an act does."""

    courtesy = "courtesy"
    restatement = "restatement"
    law = "law"
    referral = "referral"
    substance = "substance"
    other = "other"


@dataclass(frozen=True)
class Act:
    """One act and where it stands: `text[start:end]` of what was checked."""

    kind: Kind
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Reading:
    """What was found in a text, in its order."""

    acts: tuple[Act, ...]

    @property
    def referrals(self) -> tuple[Act, ...]:
        """The acts that send the citizen elsewhere."""
        return tuple(act for act in self.acts if act.kind is Kind.referral)

    @property
    def is_redirect(self) -> bool:
        """Whether sending the citizen elsewhere is all that the text does."""
        return bool(self.referrals) and all(act.kind is not Kind.substance for act in self.acts)


def read(text: str) -> Reading:
    """Read an officer's text, in Indonesian."""
    acts: list[Act] = []
    for start, end in _sentences(text):
        before: Kind | None = None  # what the rest of a sentence belongs to
        for clause_start, clause_end in _clauses(text, start, end):
            said = text[clause_start:clause_end]
            kind = _kind(_plain(said), before, asks=text[end : end + 1] == "?")
            if kind in (Kind.referral, Kind.restatement, Kind.substance):
                before = kind if kind is not Kind.restatement or _REPORTS.search(_plain(said)) else before
            acts.append(Act(kind, said, clause_start, clause_end))
    return Reading(tuple(acts))


# --- splitting --------------------------------------------------------------------------------------------------------

_ABBREVIATED = re.compile(
    r"\b(?:jl|jln|no|hub|bpk|kec|kab|kel|yth|telp|tlp|hp|rp|dr|drs|ir|h|hj|gg|lt|a\.n|u\.p)\.$", re.I
)
_STOP = re.compile(r"[.!?]+(?=\s|$)|\n+|;(?=\s)")
_JOINT = re.compile(
    r"[,:](?=\s)|\s[-–—]\s|(?<!sudah)(?<!belum)(?<!tidak)\s(?=(?:dan|lalu|kemudian|tetapi|tapi|namun|sedangkan|sehingga|karena|sebab|padahal|jadi|"
    r"jika|kalau|bila|apabila|agar|supaya|selanjutnya|selebihnya|maka)\b)", re.I,
)


_UNSEEN = re.compile(r"[\u00ad\u200b-\u200f\u2060\ufe0e\ufe0f\u20e3]")
_AT = re.compile(r"\s*[\[({]\s*(?:at|et)\s*[\])}]\s*|(?<=\w) (?:at|et) (?=\w+ ?(?:[\[({]|titik|dot|\.))")
_DOT = re.compile(r"\s*[\[({]\s*(?:dot|titik)\s*[\])}]\s*|(?<=\w) (?:titik|dot) (?=\w)")


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for stop in _STOP.finditer(text):
        if stop[0] == "." and _ABBREVIATED.search(text, start, stop.end()):
            continue
        yield from _trimmed(text, start, stop.end())
        start = stop.end()
    yield from _trimmed(text, start, len(text))


def _clauses(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for joint in _JOINT.finditer(text, start, end):
        yield from _pieces(text, start, joint.start())
        start = joint.end()
    yield from _pieces(text, start, end)


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """No clause is so long that reading it takes a noticeable time."""
    while end - start > LONGEST:
        cut = text.rfind(" ", start + 1, start + LONGEST)
        cut = start + LONGEST if cut < 0 else cut
        yield from _trimmed(text, start, cut)
        start = cut
    yield from _trimmed(text, start, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end and not (text[start].isalnum() or text[start] in "+([@"):
        start += 1
    while start < end and not (text[end - 1].isalnum() or text[end - 1] in ")]"):
        end -= 1
    if start < end:
        yield start, end


def _plain(clause: str) -> str:
    """In small letters, single blanks, a disguised address as it is meant: full-width signs and key caps are plain."""
    seen = "".join(sign for sign in unicodedata.normalize("NFKC", clause) if not _UNSEEN.match(sign))
    spelled = re.sub(r"\s+", " ", seen.lower())
    return _DOT.sub(".", _AT.sub("@", spelled))


# --- the words of officers --------------------------------------------------------------------------------------------

_YOU = r"(?:bapak|ibu|bpk|pak|bu|anda|saudara|saudari|kakak|kak)"
# Roots of what an office really does with a matter, with the shapes that a prefix gives them.
_DEED = (
    r"(?:di|ter|me(?:ng?|m|ny)?)?(?:ubah|ganti|perbaiki|perbarui|koreksi|betulkan|luruskan|terbitkan|nerbitkan|cetak|"
    r"aktifkan|buka|hapus|gabungkan|pisahkan|batalkan|kabulkan|ngabulkan|setujui|etujui|tolak|nolak|putuskan|utuskan|"
    r"jadwalkan|kembalikan|ngembalikan|bayar(?:kan)?|cairkan|sinkronkan|daftarkan|tambahkan|nambahkan|verifikasi|"
    r"cocokkan|rekam|tandatangani|nandatangani|lampirkan|kirim(?:kan)?|irim(?:kan)?|siapkan|iapkan|ajukan|"
    r"telepon|nelepon|nelpon|hubungi|datangi|temui|nemui|urus|ngurus|tulis(?:kan)?|nulis)"
)
_WHEN = (
    r"\b(?:besok|lusa|(?:hari|pagi|siang|sore) ini|senin|selasa|rabu|kamis|jumat|sabtu|pukul|jam \d|tanggal \d|"
    r"paling lambat)\b"
)
_OURSELVES = re.compile(
    rf"\b(?:kami|saya)(?: (?:sudah|telah|baru saja|berhasil|langsung|juga|yang|akan|sendiri))* "
    rf"(?:{_DEED}\b|(?:datang|bertemu|berbicara)\b)"
)
_DONE = re.compile(
    rf"\b(?:sudah|telah|berhasil|baru saja|tadi|kemarin) (?:(?:kami|saya|petugas) {_DEED}|(?=di|ter){_DEED})\b"
    rf"|\b(?=me){_DEED}(?:nya)?\b(?: \w+){{0,3}}? (?:tadi|kemarin)\b"
)
# What only an office does, with its time named.
_SOON = re.compile(
    r"\bdi(?:ubah|perbaiki|perbarui|koreksi|betulkan|terbitkan|cetak|aktifkan|hapus|cairkan|bayarkan|rekam)\b"
    rf"(?: \w+){{0,3}}? {_WHEN}"
)
_PASSED_ON = r"\b(?:di)?kirim(?:kan)?\b(?: \w+){0,3}? ke(?:pada)? .*\b(?:terkait|berwenang|menangani|sana|pusat)\b"
_DECIDED = re.compile(
    r"\b(?:di(?:setujui|tolak|kabulkan|putuskan|bebaskan|batalkan|tandatangani|kembalikan|jadwalkan))\b"
    r"|\bkeberatan \w+ kami terima\b|\brp ?\d"
)
_STATE = re.compile(
    r"\b(?:ternyata|tertulis|terketik|terdaftar|tercatat|terdata|terbaca|terkunci|tertahan|terblokir|diblokir|ganda|kedaluwarsa|"
    r"kadaluwarsa|non-?aktif|cair|berhak|keliru|buram|statusnya|menurut (?:catatan|data|sistem)|di sistem|"
    r"kesalahan ada pada|lewat masa berlaku|di meja saya|batas waktu\w*|"
    r"(?:masih|sudah|kembali|belum) (?:aktif|berlaku|terbit|jadi|cair|lunas|lengkap|ada|tercetak|padan|cocok|sesuai)|"
    r"terbit (?:kemarin|tadi|hari|tanggal)|lengkap sejak|boleh di\w+|"
    r"belum di\w+|(?:tidak|belum) (?:masuk|ada|ditemukan|perlu|usah|wajib|harus|lengkap|terbaca|dibayar|dikenai|"
    r"membayar|memenuhi|boleh|dipungut)|sudah berubah|kesalahan (?:pada|di) )\b"
    r"|\b(?:ktp|kk|kartu|akta|sim|paspor|kia|uang)(?:nya)?(?: \w+){0,3}? "
    r"(?:ada di|(?:bisa|dapat|siap|tinggal|boleh) (?:di)?ambil)\b"
    r"|(?<!formulir )(?<!formulirnya )\b(?:sudah|sekarang|kini|besok|hari ini) (?:sudah )?"
    r"(?:bisa|dapat|siap|boleh) (?:di)?ambil\b"
    rf"|\b(?:jadwal|antrean|antrian)(?: \w+){{0,3}}? {_YOU}\b.*{_WHEN}"
    # something of the citizen's own, and how it is
    r"|\b(?:data|nama|alamat|nomor|status|akun|kartu|berkas|dokumen|ktp|kk|akta|nik|npwp|nib|efin|paspor|sim|usaha|"
    r"setoran|pembayaran|iuran|denda|pajak|bantuan|surat)(?:nya)?(?: \w+){0,2}? "
    r"(?:kini|sekarang|sudah|masih|tetap|aman|benar|salah|menjadi|adalah|memang)\b"
)
_ANSWER = re.compile(
    r"\b(?:(?:per)?syaratannya|syaratnya|(?:yang|berkas|dokumen)(?: \w+)? (?:di)?(?:butuhkan|perlukan)|cukup|"
    r"hanya perlu|gratis|biayanya?|tarif\w*|tanpa (?:biaya|denda)|paling (?:lama|lambat) \d+|"
    r"(?:\d+|dua|tiga|empat|lima|tujuh) (?:hari|minggu|bulan|tahun)|berlaku (?:sampai|selama|hingga)|"
    r"(?:pilih|masuk ke) menu|langkah pertama)\b"
)
_ACKNOWLEDGED = (
    r"\b(?:laporan|pengaduan|aduan|keluhan|permohonan|permintaan|pesan|masukan|pertanyaan|surat)\w*\b.*"
    r"\b(?:(?:di)?terima|(?:di|ter)?catat|(?:di)?baca|(?:di)?proses|(?:di)?tindak ?lanjuti)\b"
    r"|\b(?:data|berkas|dokumen|e-?mail|surel)(?:nya)?(?: \w+){0,2}? (?:sudah |telah )?(?:kami |saya )?(?:di)?"
    r"(?:terima|baca)\b"
)
_COURTESY = re.compile(
    r"\b(?:terima ?kasih|maaf|selamat (?:pagi|siang|sore|malam|datang)|yth|yang terhormat|dengan hormat|salam|demikian|"
    r"semoga|assalam\w*|wassalam\w*|halo|hai|hormat kami|(?:kami|saya) (?:sangat |turut |juga )*(?:memahami|mengerti|"
    r"menyadari|menghargai|prihatin|senang|ucapkan|mohon)|mohon (?:pengertian|bersabar|ditunggu|izin))\b"
    rf"|{_ACKNOWLEDGED}"
)
_LAW = re.compile(
    r"\b(?:undang-undang|uu|peraturan|perpres|permen\w*|perda|pasal|ketentuan|(?:setiap|seluruh|semua) (?:warga|orang|"
    r"layanan|pelayanan|penyelenggara|masyarakat|pemohon))\b"
)
_REPORTS = re.compile(
    rf"\b{_YOU}(?: \w+){{0,3}}? (?:menyampaikan|melaporkan|menanyakan|mengeluhkan|meminta|memohon|menulis)\b"
)
_ENOUGH = re.compile(r"\b(?:cukup|hanya perlu|paling (?:lama|lambat) \d+)\b")
_RESTATES = re.compile(
    rf"\b(?:yang|seperti yang)(?: \w+)? {_YOU} (?:sampaikan|tanyakan|laporkan|keluhkan|minta|alami|maksud)\b"
    r"|^(?:terkait|mengenai|perihal|sehubungan|menindaklanjuti|menanggapi|menjawab|"
    r"atas (?:laporan|permohonan|keluhan))\b"
)
_UNABLE = re.compile(r"\b(?:tidak|belum) (?:bisa|dapat|mungkin|berwenang)\b")
_POWERLESS = re.compile(  # about the office, not the matter
    r"\b(?:tidak|belum) (?:ada|punya|memiliki|mempunyai|diberi) (?:akses|wewenang|kewenangan|kuasa|hak akses|fitur|"
    r"menu|fasilitas)\b"
    r"|\bsudah (?:ada|tersedia) (?:grup|aplikasi|menu|fitur|form\w*|kanal|layanan|link|tautan|hotline|wa)\b"
)
# A place or somebody else, named in a clause that says nothing of what the office itself does.
_PLACE = re.compile(
    r"\b(?:di|ke|ka|k|lewat|melalui|via|dari|oleh|sama|kepada|jalur)(?: (?:bagian|bidang|kantor|halaman|pihak|para))? "
    r"(?:rt|rw|kelurahan|kecamatan|desa|kades|lurah|camat|dinas|disdukcapil|dukcapil|disnaker|dinsos|provinsi|pusat|"
    r"kementerian|pemda|instansi|pengadilan|polres|polsek|bank|bpjs|samsat|sekolah|puskesmas|notaris|website|web|situs|"
    r"aplikasi|internet|online|grup|telegram|instagram|spanduk|papan|pengumuman|loket|lantai \w+|gedung|sana|mereka|"
    r"beliau|operator|admin|pendamping|sp4n\W?lapor)\b"
    r"|\b(?:di|ke) (?:unit|bagian|bidang|instansi|kantor|dinas|tempat) lain\b|\bbukan (?:di )?(?:loket|bagian|bidang)\b"
    r"|\b(?:dipandu|dibantu|dilayani|diarahkan|ditangani|temui|menemui|jumpai) (?:oleh )?(?:operator|petugas|admin|tim|"
    r"beliau|mereka|pendamping|perangkat)\b"
)
_SETTING = re.compile(r"^(?:agar|supaya|jika|kalau|bila|apabila|untuk|guna|setelah|sesudah|sebelum|demi|selama)\b")

# What a citizen is told to bring when the answer is more than "come".
_PAPER = r"\b(?:ktp|kk|kartu|akta|surat|fotokopi|ijazah|paspor|sim|buku|kuitansi|nomor|pas ?foto)\b"
_GO = (
    r"(?:(?:meng)?hubungi|hub|(?:di)?kontak|japri|follow ?up|berhubungan|(?:ber)?konsultasi\w*|"
    r"datang\w*|dateng|mendatangi|(?:me(?:ng)?|di)?kunjungi|berkunjung|"
    r"(?:meng|di)?(?:kirim|irim)(?:kan)?|(?:e-?mail|surel|wa|whatsapp|chat|telp)|(?:me)?(?:telepon|nelepon|nelpon)|"
    r"(?:meng|di)?ajukan|(?:me|di)?lapor(?:kan)?|(?:me|di)?(?:sampaikan|nyampaikan)|menyampaikan|ditujukan|"
    r"(?:menge|di)?cek|(?:meng|di)?akses|(?:mem|di)?buka|(?:me|di)?lihat|(?:me|di)?(?:pantau|mantau)|(?:men)?daftar|"
    r"(?:meng|di)?(?:unduh|unggah)|(?:ber|di|me)?(?:tanya|nanya)(?:kan)?|(?:ber)?koordinasi|bersurat|(?:di)?jangkau|"
    r"(?:meng)?urus|(?:mem|di)?baca|(?:me|di)?(?:scan|pindai|mindai)|"
    r"(?:mem|di)?buat(?:kan)? (?:laporan|pengaduan|aduan|pengajuan|tiket)|"
    r"tindak ?lanjuti|mengikuti|ikuti|gabung|bergabung|menempuh|ketemu|menghadap|klik|"
    r"ke (?:sana|kantor|dinas|loket|kelurahan|kecamatan|ombudsman|helpdesk))"
)
_ASKED = (
    r"(?:silakan|silahkan|dipersilakan|mohon|harap|monggo|mangga|coba|mencoba|tolong|(?:di)?sarankan|sebaiknya|"
    r"lebih baik|lebih tepat|bisa|dapat|boleh|perlu|harus|agar|hendaknya|nanti|(?:meng|di)?arahkan)"
)
_ELSEWHERE = re.compile(
    rf"\b{_ASKED}\b.*?\b{_GO}\b|\b(?:{_ASKED}|langsung) (?:saja |aja |langsung )?k[ea] (?!kami\b|saya\b)"
    r"|\b(?:e-?mail|surel|wa|whatsapp|kontak)nya (?:saja |aja |langsung )?ke "
    rf"|^(?:ya |atau |dan |langsung |saja |aja |{_YOU} )*{_GO}\b"
    r"|\b(?:bukan|di luar|tidak (?:memiliki|punya|mempunyai)|menjadi)(?: \w+)? (?:kewenangan|wewenang|ranah|tupoksi|"
    r"tugas|urusan|bagian|tanggung jawab)\b"
    r"|\b(?:merupakan|adalah|itu|ini|masuk) (?:kewenangan|wewenang|ranah|tupoksi|tanggung jawab)(?! (?:kami|saya)\b)"
    r"|\bdihubungi (?:oleh |dari |sama )?(?:bagian|bidang|seksi|tim|petugas|admin|staf|operator|pihak|dinas|instansi|"
    r"kelurahan|kecamatan)\b"
    r"|^(?:pengajuan|pendaftaran|permohonan|pengurusan|pelaporan|pengiriman|pengaduan)"
    r"(?: (?:ulang|baru|saja|bisa|lagi))* (?:lewat|melalui|via|di|ke)\b(?! (?:sini|kami|saya)\b)"
    rf"|\b(?:cukup|tinggal|hanya perlu) (?:saja )?{_GO}\b(?!.*\b(?:bawa|membawa|dengan) .*{_PAPER})"
    r"|\burusan(?:nya)? (?:provinsi|pusat|dinas|kelurahan|kecamatan|kementerian)\b"
    r"|\b(?:dilakukan|diajukan|dilayani|dikelola|diproses|diurus|disampaikan|ditangani|diselesaikan)(?: \w+){0,3}? "
    r"(?:melalui|lewat|oleh|pada|ke|di)\b"
    r"|\b(?:dialihkan|dipindahkan|(?:di)?teruskan|(?:di)?disposisikan|(?:di)?limpahkan|(?:di)?koordinasikan)\b"
    rf"|{_PASSED_ON}"
    r"|\b(?:tidak|belum) (?:menangani|melayani|(?:bisa|dapat)(?: \w+)? membantu)\b"
    r"|\b(?:informasi|keterangan) (?:lebih lanjut|selengkapnya)\b"
)
_CONTACT = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\bhttps?://|\bwww\.|\b[\w-]+(?:\.[\w-]+)*\.(?:go\.id|or\.id|co\.id|id|com|org|net)\b"
    r"|\b(?:bit\.ly|t\.me|wa\.me|forms\.gle|linktr\.ee)/|(?:^| )@\w{3,}"
    # a telephone number, in digits or said one by one
    r"|(?:\+62|\b0)[\d -]{8,}\d"
    r"|\b(?:nol|kosong|0)(?:[ -]+(?:nol|kosong|satu|dua|tiga|empat|lima|enam|tujuh|delapan|lapan|sembilan|\d)\b){5,}"
    r"|\b(?:jl|jln|jalan)\b\.? \w|\b(?:call ?center|hotline|helpdesk|kring pajak)\b"
)
_TIMED = re.compile(rf"{_WHEN}|\b(?:tanggal|tgl|hari) \w+")
_OURS = re.compile(r"\b(?:kami|saya)\b")
_HERE = re.compile(r"\b(?:di|ke|lewat|melalui) (?:sini|(?:percakapan|chat|pesan|halaman|kasus)(?: kasus)? ini)\b")
# What the office may want from the citizen, and the acts by which they give it: asked for without naming a place, it is
# wanted here.
_THING = (
    r"(?:foto|gambar|video|rekaman|scan|pindaian|salinan|fotokopi|berkas|dokumen|lampiran|bukti|surat|ktp|kk|kartu|akta|"
    r"ijazah|paspor|sim|buku|struk|kuitansi|tangkapan layar|nomor|nik|nib|npwp|nama|alamat|tanggal|lokasi|kronologi|"
    r"keterangan|penjelasan|data|rincian|jawaban)(?:nya)?"
)
_GIVE = (
    r"(?:(?:meng|di)?(?:kirim|irim)(?:kan)?|(?:di)?sampaikan|menyampaikan|(?:di)?sebutkan|(?:di)?tuliskan|(?:di)?berikan|"
    r"(?:di)?jelaskan|(?:di)?lampirkan|(?:meng|di)?unggah|minta)"
)
_WANTED = re.compile(
    rf"\b{_GIVE}(?: \w+){{0,3}}? {_THING}\b(?: (?:telepon|hp|wa|whatsapp|e-?mail|surel)\b)?"
    rf"|\b{_THING}(?: \w+){{0,4}}? {_GIVE}\b"
    r"|\b(?:di)?kirim(?:kan)?(?: (?:ya|saja|lagi|ulang|dulu|pak|bu|kak|bapak|ibu))*$"
    rf"|\b(?:di)?cek (?:\w+ )?{_THING} yang {_YOU} (?:tulis|kirim|sebut|sebutkan|isi|lampirkan)\b"
    r"|\b(?:boleh|bisa|izin|ingin|mau) (?:kami |saya )?(?:ber)?tanya\b"
    r"(?=(?: (?:pak|bu|kak))?$| (?:dulu|sedikit|sebentar|soal|tentang|mengenai|apa|apakah|berapa|sejak|kapan)\b)"
)
_TOWARDS = re.compile(
    r"\b(?:ke|kepada) (?!(?:kami|saya)\b)|\b(?:melalui|lewat|via)\b|\b(?:di|pada) (?:sana|kantor|dinas|loket|kelurahan|"
    r"kecamatan|desa|laman|situs|web\w*|portal|aplikasi|tautan|link|petugas|bagian|bidang|unit|instansi|bank|sekolah)\b"
)
_CHOOSES = re.compile(
    rf"^{_YOU}\b.*\b(?:atau|berapa|kapan|siapa|mana|apa|apakah|bagaimana|belum|pernah)\b"
)


def _kind(clause: str, before: Kind | None, asks: bool) -> Kind:
    """What this clause does; `before` is what the sentence has done so far, `asks` whether it is a question."""
    restated = before is Kind.restatement or bool(_REPORTS.search(clause) or _RESTATES.search(clause))
    setting = bool(_SETTING.search(clause)) and not _ENOUGH.search(clause)
    if not setting and _acts(clause) and not (restated and not _OURSELVES.search(clause)):
        return Kind.substance
    if _sends_elsewhere(clause, asks):
        return Kind.referral
    if restated:
        return Kind.restatement
    if _COURTESY.search(clause):
        return Kind.courtesy
    if _LAW.search(clause):
        return Kind.law
    told = _STATE.search(clause) or _ANSWER.search(clause)
    if told and not setting and before is not Kind.referral and not _POWERLESS.search(clause):
        return Kind.substance
    return Kind.referral if _CONTACT.search(clause) or (_points_away(clause) and not asks) else Kind.other


def _points_away(clause: str) -> bool:
    """Whether the clause names a place or somebody else, and neither the office nor a time."""
    named = (_OURS, _HERE, _TIMED)
    return bool(_PLACE.search(clause)) and not any(pattern.search(clause) for pattern in named)


def _sends_elsewhere(clause: str, asks: bool) -> bool:
    """Whether the citizen shall go, write or look somewhere; "you reported" is none of that, "send it here" neither,
    nor what the office asks for without naming another place."""
    if _HERE.search(clause) or (_REPORTS.search(clause) and not re.search(_ASKED, clause)):
        return False
    if not _TOWARDS.search(clause) and not _CONTACT.search(clause):
        if asks and _CHOOSES.search(clause):
            return False
        clause = _WANTED.sub(" ", clause)
    return bool(_ELSEWHERE.search(clause))


def _acts(clause: str) -> bool:
    """Whether somebody of the office did something about this matter, or decided it. What will be done counts when its
    time is named."""
    if re.search(_ACKNOWLEDGED, clause) and not _DECIDED.search(clause):
        return False
    if _UNABLE.search(clause) or re.search(_PASSED_ON, clause):
        return False
    if re.search(r"\bakan\b", clause) and not re.search(_WHEN, clause):
        return False
    if _SOON.search(clause) and not re.search(rf"\b{_ASKED}\b", clause):
        return True
    return bool(_OURSELVES.search(clause) or _DONE.search(clause) or _DECIDED.search(clause))
