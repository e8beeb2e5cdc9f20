"""A licence that is "mati" has expired; a person who is "mati" is a matter of life: told apart, both ways."""

from __future__ import annotations

import pytest

from handoff.domain.alarm import EMERGENCIES, heard
from handoff.domain.lapsed import lapsed

LEFT_OUT = """
kalo udah mati sehari gmn
kalau sudah mati 2 tahun gimana?
udah mati setahun masih bisa diperpanjang?
klo matinya baru kemarin bisa perpanjang ga
mati 3 bulan kena denda berapa
yen wis mati piye
nek wis mati seminggu kudu gawe anyar opo perpanjang
kalo udah mati harus bikin baru ya
terlanjur mati min, harus gimana
kalau mati bisa diaktifkan lagi ga
sudah mati 5 hari apa masih bisa
tapi udah mati kak
mati sejak bulan lalu, masih bisa?
lamun tos paeh kumaha
kalo telat terus mati gimana ngurusnya
udah mati dari 2019 bisa diperpanjang ga
"""
NAMED = """
stnk mati 2 tahun gmn
pajak motor mati 3 tahun kena denda berapa
SIM saya mati sehari, bisa perpanjang?
bpjs saya mati, cara aktifkan lagi gimana
kis mati
nomor hp saya mati ikd gimana
skck sudah mati 1 tahun
paspor udah mati dari 2019 bisa diperpanjang ga
pajak mobil udah mati
kartu kuning mati
nib saya mati kenapa
sim mati kena tilang berapa
plat nomor mati
masa berlaku sim sudah mati
stnk udah mau mati
sim saya mau mati bulan depan
kalo bpjsnya mati gmn ya
nomor lama mati
"""
PEOPLE = """
suami saya mati
anak mau mati kelaparan
suami saya mati tadi pagi
kalau saya mati gimana
kalo aku udah mati siapa yang urus anak
pak mati gimana
bapak sudah mati
ibu mati
udah mau mati gimana
saya mau mati
pengen mati aja
mending mati
mati aja
lebih baik mati
kalo udah mati gimana, anak saya sendirian
bayi saya mati
tetangga mati dipukuli
sudah mati orangnya
takut mati
kalau mati bunuh diri gimana
saya mati, bpjs gimana
aku mati aja sekalian, ktp ga usah diurus
anak saya mau mati, bpjs ditolak
istri saya hampir mati, bpjs mati
bpjs mati, anak kejang
nenek sekarat bpjs mati
sim mati, saya pengen bunuh diri
biar saya mati
tolong saya hampir mati
kami bisa mati disini
lampu mati banjir naik anak kedinginan
ada orang mati di kontrakan
"""
ALIVE = "cara perpanjang gimana\nbiayanya\nkalau hilang gimana\n"


def lines(texts: str) -> list[str]:
    return texts.strip().splitlines()


@pytest.mark.parametrize("topic", ["sim_perpanjang", "skck", "pajak_kendaraan", "paspor_ganti"])
@pytest.mark.parametrize("text", lines(LEFT_OUT))
def test_what_is_left_out_is_the_service_talked_about(text: str, topic: str) -> None:
    assert lapsed(text, topic)
    assert heard(text) is None


@pytest.mark.parametrize("text", lines(LEFT_OUT))
def test_with_nothing_talked_about_nobody_knows_who_or_what_it_is(text: str) -> None:
    assert not lapsed(text, None)


@pytest.mark.parametrize("topic", [None, "ktp_hilang", "sim_perpanjang"])
@pytest.mark.parametrize("text", lines(NAMED))
def test_what_is_named_never_lived(text: str, topic: str | None) -> None:
    assert lapsed(text, topic)
    assert heard(text) not in EMERGENCIES


@pytest.mark.parametrize("topic", [None, "sim_perpanjang", "pajak_kendaraan", "skck", "bpjs_kesehatan_nonaktif"])
@pytest.mark.parametrize("text", lines(PEOPLE))
def test_a_person_is_no_paper_whatever_was_talked_about(text: str, topic: str | None) -> None:
    assert not lapsed(text, topic)


@pytest.mark.parametrize("text", lines(ALIVE))
def test_what_is_not_mati_is_not_lapsed(text: str) -> None:
    assert not lapsed(text, "sim_perpanjang")
