"""Messages that must not wait for the bot: somebody in danger, a bribe, a person's data in the wrong hands.

A lexical check, so that it works without Rasa and while an officer owns the conversation. Recall comes first: an alarm
too many costs an officer a minute. Each rule names words that hurt, and the ordinary company in which they do not
(`mati` of a lamp, `pukul` of the clock, `hilang` of a card). A rule that is denied in the words just before it does not
count. What no word says, the bot may read (`said`): two ears hear more than one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from handoff.domain.case import Role
from handoff.domain.spelling import near


class Alarm(StrEnum):
    """What a message raises. The first five are emergencies, in the order in which they are looked for."""

    suicide = "suicide"
    child = "child"
    violence = "violence"
    disaster = "disaster"  # hunger, illness or being trapped, in a disaster or without one
    danger = "danger"  # the bot read it, no word said which
    bribery = "bribery"
    data_misuse = "data_misuse"


EMERGENCIES = frozenset({Alarm.suicide, Alarm.child, Alarm.violence, Alarm.disaster, Alarm.danger})

#: Matters that one role takes wherever they come from: an intent of the bot's, or an alarm.
SPECIALISTS: Mapping[str, Role] = {
    "hapus_data": Role.data_officer, "data_disalahgunakan": Role.data_officer,
    Alarm.data_misuse.value: Role.data_officer,
}
MISUSE = frozenset({"data_disalahgunakan", Alarm.data_misuse.value})
DANGER, BRIBE = "darurat", "pengaduan_pungli"  # intents of the bot's that are alarms
#: An emergency is one also where it is the second reading, and at least so likely against the first.
NEAR = 0.5
TRACE = 0.1  # against the first, how likely danger must be in a whole message for a part of it to count


@dataclass(frozen=True)
class _Rule:
    """One way of saying it. `words`: what is said. `beside`: what must stand somewhere in the text as well.
    `unless`: what anywhere in the text makes it ordinary. `before`: words that make it ordinary when they stand within
    four words before; `after`: when they follow directly."""

    words: str
    beside: str = ""
    unless: str = ""
    before: str = ""
    after: str = ""


_I = "(?:saya|sy|aku|aq|ak|gue|gw|gua|w|ane|ku|kulo|kula|abdi|urang|awak|beta|me)"
_DOCUMENT = ("ktp el|ktp|e ktp|kk|kartu|akta|akte|kia|nik|nama|sim|stnk|paspor|pasport|passport|bpjs|kis|kip|ijazah|"
             "ijasah|surat|suket|sktm|skck|dokumen|berkas|sertifikat|buku|npwp|nib|data|dtks|foto")
_PAPER = rf"(?:{_DOCUMENT})(?:nya|ne|ku|mu)?"
_CHILD = ("anak|anakku|anake|anakne|bocah|bocahe|lare|budak|bayi|bayiku|bayinya|balita|adik|adikku|adek|adekku|cucu|"
          "cucuku|ponakan|keponakan|murid|siswa|siswi|gadis kecil|orok|putri|putra")
_WANT = ("ingin|pengen|pengin|pingin|pgn|pgen|pngen|kepengen|kepingin|pen|mending|mendingan|mnding|lebih baik|"
         "lbh baik|baiknya|biar|arep|pengene|hayang|hoyong|niat|bertekad|rasanya mau|mau")
_DIE = "mati|mti|mampus|modar|paeh|meninggal|matek|mate"
_JUST = "aja|ae|saja|sj|aj|wae|bae|weh|we"
_DISASTER = ("banjir|kebanjiran|kabanjiran|kbanjiran|banjire|longsor|gempa|tsunami|kebakaran|kobongan|kahuruan|"
             "erupsi|meletus|lahar|puting beliung|angin kencang|pengungsi|pengungsian|mengungsi|ngungsi|ngungsii|"
             "posko|tanggul|bencana|rob|tenggelam|hanyut|caah")
_NOT = ("tidak|tdk|tak|gak|ga|gk|g|nggak|ngga|enggak|engga|kagak|kaga|ndak|nda|dak|belum|blm|blum|ora|mboten|durung|"
        "henteu|teu|can")
_FOOD = "makan|mkn|mangan|dahar|neda|madang|nyusu|minum susu|mam|emam"

# Only with a prefix: bare "pukul", "tusuk", "injak" are a clock, a skewer, a pedal.
_BEATEN = (
    r"(?:di|ke|meng|me|ng|nge)(?:pukul|gebuk|gebug|gepuk|hajar|aniaya|keroyok|cekik|cekek|bacok|tusuk|tikam|siksa|"
              r"tampar|"
    r"tendang|gampar|jambak|sabet|setrum|injak|banting|bekap|sekap|rantai|pasung|perkosa|cabul|lecehkan|culik|sundut|"
    r"bunuh|antem|kaplok|jotos|tonjok|gaplok|bogem|teunggeul|tampiling|tabok)(?:i|in|an|ku|nya|e)*"
)
# The same with the first sound swallowed, as Indonesian does: mukulin, nendang, nampar, nyekik, nyiksa, nganiaya.
_BEATS = (
    r"(?:me|ng|nge|meng)?(?:mukul|mukuli|mukulin|mukulan|nampar|namparin|menampar|nendang|nendangin|menendang|nyekik|"
    r"nyekek|nyiksa|menyiksa|nusuk|menusuk|nikam|menikam|nyekap|menyekap|nyulik|menculik|mbacok|ngantemi|nggebuki|"
    r"merkosa|memerkosa|nabok|nabokin|njotosi|nonjok|nonjokin|nyabuli|mencabuli|nyundut|nganiaya|mateni|nyabetin|"
    r"neunggeul|nampiling|digampar|ngebunuh|membunuh|memukul|memukuli|menganiaya|mengeroyok|menghajar|ngehajar)"
)

_RULES: Mapping[Alarm, tuple[_Rule, ...]] = {
    Alarm.suicide: (
        _Rule(r"(?:bunuh|bnuh|bunh) ?diri\w*|bundir|gantung ?diri|gantung diriku|suicide",
              before="meninggal|wafat|almarhum|almarhumah|kematian|meninggalnya",
              unless=r"(?:akta|akte|surat) kematian\w*|film|sinetron|drakor|novel"),
        _Rule(rf"(?:{_WANT}) (?:{_I} )?(?:bunuh ?diri|gantung ?diri)"),
        _Rule(r"(?:meng|nga)?akhiri? (?:hidup|hidupku|nyawa|semua|semuanya)\b|(?:meng|nga)akhiri hidup\w*"),
        _Rule(rf"(?:{_WANT}) (?:{_I} )?(?:banget |bgt |rasanya |cepat |cepet |"
              rf"segera )?(?:{_DIE}) ?(?:{_JUST})?(?! suri\b)",
              before=f"{_DOCUMENT}|ketawa|tertawa|ngakak|pajak|hp|baterai|batre|lampu|listrik|pulsa|nomor|token|izin|ijin|masa|berlaku|motor|"
                     "mobil|kontrak|akun|usaha|toko|mesin|kuota|simcard|aplikasi|web|website|server|sistem|error",
              after="lampu|listrik|kutu|gaya|rasa|karena lapar|pajak|ktp|masa|akhir|izin|kontrak|bulan|tahun"),
        _Rule(rf"{_I} (?:{_DIE}) (?:{_JUST})|(?:{_DIE}) (?:{_JUST}) {_I}|biarin {_I} (?:{_DIE})|"
              rf"biarkan {_I} (?:{_DIE})"),
        _Rule(rf"(?:{_NOT}) (?:mau|ingin|pengen|pengin|kuat|sanggup|kuasa|punya alasan|ada alasan|gelem|"
              rf"kiat)(?: lagi| lg| maneh| deui)? (?:buat |untuk |nggo )?(?:hidup|urip|hirup|idup)(?= lagi| lg|"
              rf" maneh| deui|$)"),
        _Rule(r"(?:capek|cape|capai|lelah|bosan|bosen|males|muak|kesel|jenuh|letih|cope) (?:banget |bgt |sama |sm |"
              r"dengan |dgn |karo |jadi )?(?:hidup|urip|hirup|idup)(?:ku| ini| saya| aku)?\b"),
        _Rule(rf"(?:hidup|urip|idup)(?:ku|e| saya| sy| aku| gue| gw)? (?:udah |sudah |sdh |wis |rasanya )?(?:{_NOT}) "
              r"(?:ada |ono |aya )?(?:artinya|gunanya|guna|arti|berarti|berguna|harapan|gunane)"),
        _Rule(r"(?:nyerah|menyerah|pasrah) (?:sama|sm|dengan|dgn|karo) (?:hidup|urip|hirup)"),
        _Rule(r"(?:loncat|lompat|terjun) (?:dari|dr|ke|saka) (?:jembatan|gedung|lantai|atap|tower|rel|kali|sungai|"
              r"jurang)"),
        _Rule(r"(?:minum|nenggak|menenggak|ngombe|nginum) (?:racun|baygon|obat nyamuk|potas|pestisida|obat serangga|"
              r"pembersih lantai)"),
        _Rule(r"(?:nyilet|silet|menyayat|nyayat|sayat|iris|potong|memotong|motong|ngiris) (?:\w+ )?(?:tangan|nadi|"
              r"urat|lengan|pergelangan)\w*|melukai diri\w*|menyakiti diri\w*|nyakitin diri\w*|self ?harm"),
    ),
    Alarm.child: (
        _Rule(rf"(?:{_CHILD})(?: \w+)? (?:{_I} |{_I}ku |laki |laki laki |perempuan |"
              r"(?:umur |usia )?\d+ (?:tahun|thn|th) )*"
              r"(?:hilang|ilang|leungit|menghilang|belum pulang|blm pulang|ga pulang|gak pulang|tidak pulang|"
              r"nggak pulang|"
              r"ora mulih|durung mulih|minggat|kabur dari rumah)",
              unless=rf"(?:{_PAPER})"),
        _Rule(rf"(?:{_CHILD})\b.{{0,60}}\b(?:ditelantarkan|terlantar|ditinggal sendiri(?:an)?|dibuang|dikurung|dijual|"
              r"dipaksa kerja|dipaksa ngemis|disuruh ngemis|disuruh mengemis|dipaksa nikah|dinikahkan paksa|dirantai|"
              r"dipasung|diperdagangkan|dijadikan psk|dipaksa melayani|mau dibawa kabur|dibawa lari)"),
        _Rule(r"(?:buang|membuang|nemu|menemukan|nemuin|ditemukan|ketemu) (?:\w+ )?(?:bayi|orok)"),
    ),
    Alarm.violence: (
        _Rule(_BEATEN,
              before="denda|pajak|iuran|biaya|tarif",
              after="rata|waktu|sistem|antre|antri|antrian|antrean|aplikasi|jarum|biaya|pajak|tagihan|denda|hujan|"
                    "kenyataan|dari grup|dari bpjs|dari data|dari dtks|dari aplikasi|dari sistem|dari pkh|dari bansos",
              unless="antri|antre|antrian|antrean|game|gim|mabar"),
        _Rule(_BEATS, before="acara|gong|bedug|drum|kentongan",
              after="rata|bola|waktu|gong|bedug|kentongan|drum|jarum",
              unless=r"antri|antre|antrian|antrean|sistem\w*|aplikasi\w*"),
        _Rule(r"kdrt|k d r t|kekerasan\w*|penganiayaan\w*|pengeroyokan|pemerkosaan|perkosaan|pencabulan|pelecehan|"
              r"pembunuhan|penculikan|penyekapan|penyiksaan|rudapaksa|dirudapaksa|tppo|perdagangan (?:orang|manusia|"
              r"anak)|(?:digerayangi|digrepe|dicium paksa|dipegang pegang|diremas|digerepe)",
              before="bebas|anti|film|definisi", unless="di berita|film|sinetron"),
        _Rule(r"(?:di|me?ng|ng|nga)?anc[ae]m(?:an)?(?:ku|nya|in| mau| arek| arep| akan| bakal)? ?(?:di|mau di|"
              r"akan di)?(?:bunuh|pateni|bacok|tembak|siksa|perkosa|culik|bakar|golok|parang|pisau|senjata|celurit|"
              r"clurit|pistol|hajar|gebuk|pukul|tusuk|mati|lukai|habisi|sebar|paehan)\w*|(?:diancam|"
              r"diancem|dianceum|diintimidasi|diteror|diancami)",
              after="denda|sanksi|sangsi|pidana|diputus|dicabut|dihapus|dicoret|diblokir|dikeluarkan|phk|di phk|"
                    "dipecat|hukuman|penjara|dinonaktifkan|disegel|ditutup|penagih|debt|pinjol|utang|hutang"),
        _Rule(r"(?:bawa|pakai|pake|nyekel|nggawa|megang|pegang|nodong|menodong|ngacungin|mengacungkan|gowo) "
              r"(?:pisau|golok|parang|celurit|clurit|senjata|pistol|samurai|arit|bedog|badik)|ditodong|disandera"),
        _Rule(r"ngancam|ngancem|mengancam|ancaman",
              unless="gaji|upah|phk|disnaker|thr|pesangon|kontrak|denda|sanksi|pidana"),
        _Rule(r"(?:di|mem)?bul[ly]+(?:ing)?|dibuli|dirundung|perundungan|air keras|(?:sebar|nyebar|nyebarin|menyebar|"
              r"menyebarkan) (?:\w+ ){0,2}(?:telanjang|bugil|vulgar)"),
        _Rule(r"main tangan|ringan tangan|kena (?:bacok|tikam|tusuk|pukul|tembak)|(?:bakar|membakar|mbakar|ngobong|"
              r"ngaduruk) (?:rumah|omah|imah|kami|saya|aku|anak|istri|diri)\w*|mabuk (?:\w+ )?(?:ngamuk|mengamuk)"),
        _Rule(r"(?:babak belur|lebam|memar|berdarah|bengkak|bonyok|biru biru|benjut)\w*",
              beside=r"suami|istri|bapak|ayah|ibu|pacar|"
                                                                                                 r"mertua|majikan|"
                                                                                                 r"tetangga|bojo|"
                                                                                                 r"salaki|laki|paman|"
                                                                                                 r"om|kakak|tiri|"
                                                                                                 r"mantan|guru|"
                                                                                                 r"preman|bos"),
        _Rule(r"(?:tolong|help|selametin|selamatkan|takut|mau|arep|arek|akan|bakal|berniat) (?:\w+ ){0,2}(?:dibunuh|"
              r"bunuh (?:saya|sy|aku|anak|ibu|istri)|dipateni|dibakar)"),
        _Rule(r"(?:tolong|help|selametin|selamatkan|cepat|cepet|cpt|sekarang|skrg|gawat|darurat)",
              beside=r"ngamuk|mengamuk|dobrak|didobrak|maling|perampok|rampok|begal|tawuran|penembakan|sekarat|"
                     r"berdarah|dikejar|disekap|terancam|nyawa",
              unless=rf"(?:{_PAPER})"),
    ),
    Alarm.disaster: (
        _Rule(rf"\b(?:{_DISASTER})\b",
              beside=rf"lapar|kelaparan|laper|kaliren|luwe|lapaar|(?:{_NOT}) (?:\w+ )?(?:{_FOOD})\b|kehabisan|"
                     r"ga ada makanan|makanan habis|butuh makan\w*|butuh bantuan makan\w*|butuh susu|butuh obat|"
                     r"butuh selimut|butuh evakuasi|evakuasi|dievakuasi|demam|panas tinggi|badan panas|panas badan|"
                     r"sakit|lara|gering|diare|mencret|muntah\w*|menggigil|kademen|kedinginan|katirisan|sesak|"
                     r"pingsan|terjebak|kejebak|terkepung|terseret|keseret|tertimbun|ketimbun|terkubur|di atap|"
                     r"diatap|tidur di|air bersih|naik ke|kritis|luka\w*|patah",
              unless=rf"sakit hati|(?:gambar|foto|lomba|tugas) (?:banjir|gempa)|kebanjiran (?:kuota|order)|"
              rf"(?:{_PAPER}) (?:\w+ ){{0,2}}"
                     r"(?:hilang|ilang|tertinggal|ketinggalan|keseret|terseret|hanyut|rusak|hangus|basah)"),
        _Rule(rf"\b(?:{_DISASTER}|kebakar|terbakar|roboh|ambruk|meledak|ledakan)\b",
              beside=r"tolong|sekarang|skrg|saiki|ayeuna|sedang|darurat|cepat|cepet|cpt|help|barusan|terjepit|kejepit",
              unless=rf"(?:{_PAPER}|rusak|hangus|pajak|pbb|tagihan|bantuan|magnitudo|berapa)"),
        _Rule(r"^(?:\w+ ){0,3}(?:rumah|omah|imah|kampung|desa)(?: \w+){0,2} (?:kebakaran|terbakar|kebanjiran|kobongan|"
              r"kahuruan|roboh|longsor|kabanjiran)(?: \w+){0,2}$",
              unless=rf"(?:{_PAPER}|pajak|pbb|tagihan|bantuan|tahun|bulan|dulu|kemarin|kuota|order)"),
        _Rule(r"(?:air|banjir)(?: \w+){0,3} (?:sedada|sepinggang|seleher|sepaha|setinggi|selutut)|"
              r"(?:di|naik) (?:atas )?(?:genteng|genting|wuwungan)|(?:terjepit|kejepit|tertimpa|nimpa|menimpa|"
              r"terkubur)(?: \w+){0,2} (?:rumah|tembok|tanah|"
              r"pohon|reruntuhan)"),
        _Rule(rf"(?:{_NOT}) (?:bisa |ada |pernah |sempat |iso |tiasa |di ?kasih )?(?:{_FOOD})(?! (?:siang|malam|"
              rf"waktu|tempat|"
              r"biaya|lama|ongkos|pagi))",
              beside=rf"{_CHILD}|hari|dino|dinten|poe|kemarin|kmrn|wingi|seharian|minggu|lansia|orang tua|nenek|"
                     rf"kakek|simbah"),
        _Rule(r"kelaparan|kaliren|kelaperan|busung lapar|gizi buruk"),
        _Rule(r"sekarat|kejang\w*|(?:tidak|tak|gak|ga|nggak) sadar(?:kan)? ?(?:diri)?|pendarahan|perdarahan|"
              r"keracunan|overdosis|(?:sesak|sesek) (?:napas|nafas|ambegan)|serangan jantung|kritis|(?:mau|arep|bade|"
              r"mo) (?:melahirkan|lahiran|babaran|ngalahirkeun) (?:sekarang|skrg|saiki|ayeuna|ini|di jalan|di rumah)|"
              r"ketuban pecah|pecah ketuban",
              unless="surat kematian|riwayat|dulu|kondisi kritis|dibawa ke|(?:minggu|bulan|tahun) lalu"),
        _Rule(r"pingsan", before="hampir|mau|bisa|nyaris|sampai|sampe"),
        _Rule(r"(?:tersengat|kesetrum|tersetrum|tenggelam|hanyut|tertimpa|tertimbun|terjebak|kecelakaan|tabrakan|"
              r"ketabrak)",
              beside="tolong|sekarang|skrg|darurat|cepat|cepet|help|berdarah|saiki|ayeuna",
              unless=rf"(?:{_PAPER}|macet|antri|jaminan|asuransi|tagihan|klaim)"),
        _Rule(r"(?:sakit|demam|panas|mencret|diare|sakit keras|lara)", beside=r"pengungsian|pengungsi|posko|ngungsi|"
                                                                              r"mengungsi|kebanjiran"),
        _Rule(r"^(?:\w+ ){0,3}(?:darurat|gawat|emergency|sos)(?: \w+){0,3}$",
              beside="tolong|help|cepat|cepet|sos|emergency|nyawa|bahaya",
              unless=rf"(?:{_PAPER}|kirim|nomor|nomer|no|petugas|cetak|urus|perlu|butuh|surat|layanan|kontak|"
                     rf"telepon|telp)"),
    ),
    Alarm.bribery: (
        _Rule(r"pungli|pungutan liar|(?:di|me|meng|nge)?(?:suap|suapin|sogok|nyogok|nyogokin)|sogokan|uang pelicin|"
              r"uang rokok|uang damai|salam tempel|gratifikasi|pemerasan|diperas|memeras|meras|palak|dipalak|malakin|"
              r"malak|duit pelicin|uang pelancar|korupsi|nyuap|disuap|menyuap|duit rokok|uang terima kasih|uang capek",
              before="bayi|balita|bebas|anti|apa itu|arti", after="nasi|makan|bayi|anak"),
        _Rule(r"(?:petugas|ptgs|pegawai|oknum|pejabat|staf|staff|orang dalam|orang dinas|orang kantor|lurah|camat|"
              r"kades|kepala desa|perangkat desa|rt|rw|pak|bu|bapak|ibu|admin|pamong|carik|"
              r"pakde)\b(?: \w+){0,6} (?:minta|mintak|mintain|meminta|nagih|njaluk|njaluki|menta|nyuwun|nodong|narik|"
              r"menarik|malak|mematok|patok)(?: \w+){0,4} (?:uang|duit|duwit|dwit|artos|arto|bayaran|setoran|imbalan|"
              r"jatah|amplop|\d+ ?(?:rb|ribu|ewu|k|jt|juta|ratus|rbu)|\d+ \d{3})", unless="pln|parkir|pdam|tol"),
        _Rule(r"\w{3,} (?:minta|mintak|nagih|njaluk|menta|matok) (?:\w+ )?(?:uang|duit|duwit|arto|artos) (?:\w+ )?\d+ ?"
              r"(?:rb|ribu|ewu|rbu|jt|juta|ratus)",
              unless="anak|suami|istri|mantan|bos|majikan|mertua|penipu|pinjol|perusahaan|saya minta|mau minta|pln"),
        _Rule(r"(?:dimintai|dimintain|diminta|dimintak|dijaluki|dipenta|dipundhuti|dipunsuwuni|ditarik|"
              r"dipatok) (?:\w+ ){0,3}(?:uang|duit|duwit|artos|arto|imbalan|amplop|setoran|\d+ ?(?:rb|ribu|ewu|k|jt|"
              r"juta|ratus|rbu))(?: \w+){0,8} (?:petugas|ptgs|pegawai|oknum|pejabat|staf|lurah|camat|kades|rt|rw|pak|"
              r"bu|admin)\b"),
    ),
    Alarm.data_misuse: (
        _Rule(r"(?:di)?salah ?gunakan|disalahgunain|penyalahgunaan|penyalah gunaan",
              beside="data|nik|ktp|kk|identitas|nama|nomor|foto|akun"),
        _Rule(r"(?:pinjol|pinjaman online|paylater|pay later|kredit online|judol|judi online|penipu|penipuan|fintech|"
              r"leasing)",
              beside=r"(?:ktp|nik|data|identitas|nama|foto|kk) ?(?:saya|sy|aku|ku|gue|gw|ibu|bapak|suami|istri|anak|"
                     r"orang ?tua|kami|kulo|abdi)\b|(?:pakai|pake|nganggo|make|atas nama|ngatasnamakan|"
                     r"mengatasnamakan)|ga pernah pinjam|tidak pernah pinjam|tidak pernah (?:me)?minjam|"
                     r"gak pernah (?:pinjam|minjam)|nggak pernah (?:pinjam|minjam)",
              unless=r"takut|khawatir|kuatir|was was|jangan sampai|biar (?:tidak|ga|gak|aman)|bahaya pinjol|(?:mau|"
                     r"cara|bisa) (?:pinjam|ajukan)|buat daftar pinjol boleh"),
        _Rule(r"(?:ktp|nik|data|identitas|nama|kk|foto ktp)(?: \w+){0,3} (?:dipakai|dipake|dipakek|dianggo|dipakean|"
              r"digunakan|dipergunakan|dicuri|dijual|dipinjam|dibobol|dicatut|dipalsukan|"
              r"diperjualbelikan)(?: \w+){0,4} (?:orang|org|wong|oknum|penipu|tanpa (?:izin|ijin|sepengetahuan|"
              r"setahu)|pinjol|pinjaman|kredit|utang|hutang|judi|nipu|menipu|kejahatan|jelema)|(?:ktp|nik|data|"
              r"identitas|nama)(?: \w+){0,2} (?:dicatut|dicuri|dijual|dibobol|diperjualbelikan)|pencurian (?:data|"
              r"identitas)|(?:data|nik|ktp)\w*(?: \w+){0,3} (?:bocor|kebocoran)|kebocoran data",
              unless="atap bocor|takut|khawatir|kuatir|jangan sampai"),
        _Rule(r"(?:orang|org|wong|oknum|penipu|seseorang) (?:lain |liya )?(?:pakai|pake|make|memakai|menggunakan|"
              r"nganggo|gunain|nyuri|mencuri|menjual|jual) (?:\w+ )?(?:ktp|nik|data|identitas|nama|kk)",
              unless="boleh"),
        _Rule(r"(?:akun|rekening|nomor|wa) (?:palsu|gadungan)(?: \w+){0,5} (?:nama|foto|data|ktp|identitas)"),
    ),
}

_DENIALS = frozenset((_NOT + "|bukan|bkn|sanes|dudu|jangan|ojo|tanpa|bebas").split("|"))
_CARRIERS = frozenset({
    "ada", "pernah", "lagi", "sampai", "sampe", "mengalami", "terjadi", "jadi", "merasa", "sempat", "akan", "korban",
    "kena", "soal",
})
_CRITICAL = (
    "kekerasan", "dipukul", "dipukuli", "dipukulin", "diperkosa", "dianiaya", "pelecehan", "dilecehkan", "diculik",
    "mukulin", "disiksa", "dibunuh", "pungutan", "disalahgunakan",
)
# Words of their own, one letter away from one of those.
_NOT_TYPOS = frozenset({
    "dipikul", "ditentang", "memikul", "dibubuh", "dipupuk", "dibumbu", "dicuri", "dipukat", "disisa", "tersiksa",
    "dibunuhi",
})
_LONG_RUN = re.compile(r"(\w)\1{2,}")
_BREAK = re.compile(r"[^\w]+|_+")


def heard(text: str) -> Alarm | None:
    """The most pressing alarm in the text; None for an ordinary message. Linear in its length, which is bounded."""
    plain = normalised(text)
    if not plain:
        return None
    return next((alarm for alarm, rules in _COMPILED.items() if any(_says(rule, plain) for rule in rules)), None)


def said(classification: Mapping[str, Any]) -> Alarm | None:
    """The alarm in how a message was classified, by its words (`alarm`) or by the bot's reading (`intent`, `ranking`),
    however unsure the bot was: where it would not answer, a person comes anyway, and this says which one."""
    if "alarm" in classification:
        return Alarm(classification["alarm"])
    foremost = classification.get("intent")
    if foremost == BRIBE:
        return Alarm.bribery
    likely = _confidences(classification)
    danger = likely.get(DANGER, 0.0)
    second = danger > 0 and sum(one > danger for one in likely.values()) <= 1
    near = second and danger >= NEAR * likely.get(foremost or "", 0.0)
    return Alarm.danger if foremost == DANGER or near else None


def nearly(classification: Mapping[str, Any]) -> Alarm | None:
    """As `said`, of a message that a person gets because the bot was not sure of it: a bribe or misused data is heard
    where it is the second reading, too. Never of one that the bot may answer."""
    if (alarm := said(classification)) is not None:
        return alarm
    foremost, confidence = classification.get("intent"), classification.get("confidence") or 0.0
    if confidence >= classification.get("threshold", 0.0):
        return None
    likely = _confidences(classification)
    near = {name for name in (BRIBE, *MISUSE) if likely.get(name, 0.0) >= NEAR * likely.get(foremost or "", 1.0)}
    return Alarm.bribery if BRIBE in near else Alarm.data_misuse if near else None


def traced(classification: Mapping[str, Any]) -> bool:
    """Whether danger is among what a message might be about: then a part of it that surely reads as danger is meant."""
    likely = _confidences(classification)
    danger = likely.get(DANGER, 0.0)
    return danger > 0 and danger >= TRACE * max(likely.values())


def without_danger(classification: Mapping[str, Any]) -> dict[str, Any]:
    """The same reading of a text that is known to be no emergency (`lapsed`)."""
    ranking = [one for one in classification.get("ranking", ()) if one["name"] != DANGER]
    first = ranking[0] if ranking else {"name": None, "confidence": 0.0}
    return {**classification, "ranking": ranking, "intent": first["name"], "confidence": first["confidence"]}


def _confidences(classification: Mapping[str, Any]) -> dict[str, float]:
    return {reading["name"]: reading.get("confidence", 0.0) for reading in classification.get("ranking", ())}


def taken_by(name: str | None, *, sure: bool = True) -> Role | None:
    """The role that takes what was recognised as `name`; None when whoever serves the topic does. Recognised as misuse,
    `sure` or not: recall first; whatever else was only guessed is nobody's special matter."""
    return SPECIALISTS.get(name or "") if sure or name in MISUSE else None


def normalised(text: str) -> str:
    """Lower-case words with one blank between them: no accents, no signs, no drawn-out letters, no near-miss of a word
    that matters (`dipukilin`, `kekersan`)."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(char for char in folded if not unicodedata.combining(char) and unicodedata.category(char) != "Cf")
    words = _BREAK.sub(" ", _LONG_RUN.sub(r"\1", bare)).split()
    return " ".join(_meant(word) for word in words)


def _meant(word: str) -> str:
    if len(word) < 7 or word in _CRITICAL or word in _NOT_TYPOS:
        return word
    return next((known for known in _CRITICAL if near(word, known)), word)


@dataclass(frozen=True)
class _Compiled:
    words: re.Pattern[str]
    beside: re.Pattern[str] | None
    unless: re.Pattern[str] | None
    before: re.Pattern[str] | None
    after: re.Pattern[str] | None


def _whole(pattern: str, end: str = r"(?!\w)") -> re.Pattern[str] | None:
    return re.compile(rf"(?<!\w)(?:{pattern}){end}") if pattern else None


def _compiled(rule: _Rule) -> _Compiled:
    words = _whole(rule.words)
    assert words is not None
    return _Compiled(words, _whole(rule.beside), _whole(rule.unless), _whole(rule.before), _whole(rule.after))


_COMPILED = {alarm: tuple(map(_compiled, rules)) for alarm, rules in _RULES.items()}


def _says(rule: _Compiled, text: str) -> bool:
    if (rule.unless and rule.unless.search(text)) or (rule.beside and not rule.beside.search(text)):
        return False
    return any(_counts(rule, text, found) for found in rule.words.finditer(text))


def _counts(rule: _Compiled, text: str, found: re.Match[str]) -> bool:
    """Whether the words are meant: not denied, not in ordinary company."""
    earlier = text[: found.start()].split()
    if rule.before and rule.before.search(" ".join(earlier[-4:])):
        return False
    if rule.after and rule.after.match(text, found.end() + 1):
        return False
    return not any(_denies(earlier))


def _denies(earlier: list[str]) -> Iterator[bool]:
    """Denied right before, or with one carrying word between: `tidak dipukul`, `tidak pernah dipukul`."""
    yield bool(earlier) and earlier[-1] in _DENIALS
    yield len(earlier) > 1 and earlier[-1] in _CARRIERS and earlier[-2] in _DENIALS
