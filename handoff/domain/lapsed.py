"""What is "mati" when nobody died: a licence that has expired, a number that was given up, a card that was blocked.

The same word is said of people, and then it may be an emergency (`alarm`). Here every word of the text must be known to
be about paper; one word more, and it is not. "kalo udah mati sehari gmn" leaves its subject out: that is the service
talked about last, if one was.
"""

from __future__ import annotations

from handoff.domain.said import vocabulary, words

MOST_WORDS = 14
_DEAD = vocabulary("mati mti matii matinya matine mate paeh pejah")
#: What is "mati" and never lived.
_THINGS = vocabulary("""
    ak1 akta akte akun akunnya berlaku berlakunya bpjs bpjsnya domisili efin hp ijin ikd izin izinnya jkn kartu
    kartune kartunya kendaraan kepesertaan kepesertaannya kerja kesehatan kia kis kisnya kk ktp ktpnya kuning masa
    mobil mobilnya motor motornya nib no nomer nomernya nomor nomorku nomornya nopol npwp pajak pajake pajaknya paspor
    paspornya passport pelat pencari plat sim simcard simne simnya siup skck skcknya sku stnk stnknya suket surat
    tanda usaha visa
""")
#: The words that may stand around: time, condition, question, what is done about it. No person, no wish, no cry.
_AROUND = vocabulary("""
    a aktif aktifin aktifkan anyar apa apakah atau bagaimana baru bayar bayarnya belum berapa bgmn biaya biayanya
    bikin bisa bisakah blm bln boleh brapa brp buat bulan cara caranya cuma daftar dah dan dari datang dateng denda
    dendanya depan di diaktifin diaktifkan dicabut dihidupin dihidupkan dimana diperpanjang ditilang diurus dmn doang
    dong dulu ga gak gara gawe gimana gitu gmana gmn gmna hari harus hidup hidupin hidupkan hr hrs ini itu iya jadi
    jika juga kadung kah kalau kalo kan kantor kapan ke kelewat kemarin kena kenapa kenopo kepiye kl klo kmrn knp kudu
    kumaha lagi lalu lama lamun langsung lebih lewat lewatin lewatnya lg lokasi lupa mana masih mengurus mgg minggu
    misal misalnya naik nambah nang nek neng ngga nggak ngurus ngurusnya nonaktif nya online opo pas perlu perpanjang
    perpanjangan perpanjangannya piro piye pripun proses prosesnya pun punya saiki sampai sampe sdh sebulan sehari
    sejak selama seminggu setahun setaun setengah seumpama sih sudah syarat syaratnya tahun tapi taun tdk telah
    telanjur telat terlanjur terus tetap tetep thn tidak tilang tos trs trus tuh uda udah udh ulang urus urusnya wes
    wis ya yah yang yen yg
""")
_ADDRESS = vocabulary("admin bang bu buk pak kak ka mas mba mbak min mimin gan maaf mohon")
_MINE = vocabulary("saya sy aku gw gue ku abdi kulo kula")
_ALREADY = vocabulary("sudah udah udh uda sdh dah wis wes telah baru")
#: What a paper is about to do. Said with nothing named it is a wish.
_SOON = vocabulary("mau akan bakal arep bade hampir besok lusa sebentar")


def lapsed(text: str, last_topic: str | None) -> bool:
    """Whether the text says nothing but that a paper, a number or a card is "mati": it names the thing, or leaves it
    out after an answer about a service (`last_topic`)."""
    said = words(text)
    dead = next((place for place, word in enumerate(said) if word in _DEAD), None)
    if dead is None or len(said) > MOST_WORDS:
        return False
    thing = next((place for place, word in enumerate(said) if word in _THINGS), None)
    if thing is None:
        return last_topic is not None and _only(said, _DEAD | _AROUND | _ADDRESS) and not _of_somebody(said, dead)
    if dead < thing and _of_somebody(said, dead):
        return False  # "saya mati, bpjs gimana"
    return _only(said, _DEAD | _THINGS | _AROUND | _ADDRESS | _MINE | _SOON)


def _only(said: tuple[str, ...], known: frozenset[str]) -> bool:
    return all(word in known or word.isdigit() for word in said)


def _of_somebody(said: tuple[str, ...], dead: int) -> bool:
    """Whether a person stands right before the word, or with "sudah" between: "pak mati" may be father."""
    before = [word for word in said[max(dead - 2, 0) : dead] if word not in _ALREADY]
    return before[-1:] != [] and before[-1] in _ADDRESS | _MINE
