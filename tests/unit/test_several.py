"""One question or several: all are answered, or a person gets the message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain.asking import Cut, Part
from handoff.domain.several import MOST, WHOLE, Give, Heard, Joined, Ranked, Several, decide, evidence, joined

ASKS_ASPECT = frozenset({"tanya_syarat", "tanya_biaya"})
KTP, JAM = Heard("topic", "ktp_baru"), Heard("topic", "jam_layanan")
FEE, UNCLEAR = Heard("aspect", "fee"), Heard("unclear", guess="skck")


def parts(*heard: Heard, sentences: bool = True) -> list[tuple[Part, Heard]]:
    return [(Part(f"bagian {n}", n if sentences else 0), one) for n, one in enumerate(heard)]


@pytest.mark.parametrize(("whole", "heard", "last", "expected"), [
    (UNCLEAR, [KTP, JAM], None, [("ktp_baru", "overview", 0), ("jam_layanan", "overview", 1)]),
    (KTP, [KTP, JAM], None, [("ktp_baru", "overview", 0), ("jam_layanan", "overview", 1)]),
    (KTP, [JAM, FEE], None, [("jam_layanan", "overview", 0), ("jam_layanan", "fee", 1)][:1]),  # told by the overview
    (UNCLEAR, [FEE, Heard("aspect", "steps")], "kia", [("kia", "fee", 0), ("kia", "steps", 1)]),
    (UNCLEAR, [FEE, JAM], "kia", [("kia", "fee", 0), ("jam_layanan", "overview", 1)]),
    (UNCLEAR, [Heard("talk", "sapa"), KTP], None, [("ktp_baru", "overview", 1)]),
])
def test_all_that_is_clear_is_answered(
    whole: Heard, heard: list[Heard], last: str | None, expected: list[tuple[str, str, int]]
) -> None:
    found = decide("x", whole, parts(*heard), last, ASKS_ASPECT)
    assert found == Several(tuple(Give(*one) for one in expected), None)


def test_an_aspect_before_its_service_in_one_sentence_is_of_that_service() -> None:
    found = decide("x", UNCLEAR, parts(FEE, KTP, sentences=False), "kia", ASKS_ASPECT)
    assert found == Several((Give("ktp_baru", "overview", 1),), None)  # the overview tells the fee


def test_aspects_of_one_service_rest_on_the_whole_text() -> None:
    found = decide("syarat dan biaya bikin ktp", KTP, parts(FEE, KTP, sentences=False), None, ASKS_ASPECT)
    assert found == Several((Give("ktp_baru", "requirements", WHOLE), Give("ktp_baru", "fee", WHOLE)), None)
    found = decide("syarat, biaya, berapa lama ktp", KTP, parts(FEE, KTP), None, ASKS_ASPECT)
    assert found == Several((Give("ktp_baru", "overview", WHOLE),), None)  # it has all three


@pytest.mark.parametrize("second", [
    UNCLEAR, Heard("person", "luar_cakupan"), Heard("person", "minta_petugas"), Heard("unclear"),
    Heard("unclear", guess="skck", in_context="kk_baru"), Heard("unclear", guess="skck", in_context=None),
])
def test_what_the_bot_cannot_answer_goes_to_a_person_beside_the_answer(second: Heard) -> None:
    assert decide("x", KTP, parts(KTP, second), None, ASKS_ASPECT) == Several((Give("ktp_baru", "overview", 0),), 1)


@pytest.mark.parametrize(("whole", "guess"), [
    (KTP, "tanya_syarat"), (KTP, "ktp_baru"),
    (KTP, "skck"),  # by itself it resembles something else; the whole and the part behind the title say the same
])
def test_more_words_about_the_same_are_no_second_question(whole: Heard, guess: str) -> None:
    more = Heard("unclear", guess=guess, in_context="ktp_baru")
    assert decide("x", whole, parts(KTP, more), None, ASKS_ASPECT) is None


def test_where_the_whole_is_unclear_the_nearest_reading_counts() -> None:
    more = Heard("unclear", guess="skck", in_context="ktp_baru")
    assert decide("x", UNCLEAR, parts(KTP, more), None, ASKS_ASPECT) == Several((Give("ktp_baru", "overview", 0),), 1)


@pytest.mark.parametrize(("whole", "heard"), [
    (Heard("person", "pengaduan"), [KTP, JAM]), (KTP, [KTP, KTP]), (KTP, [UNCLEAR, UNCLEAR]), (UNCLEAR, [FEE, FEE]),
    (KTP, [Heard("talk", "sapa"), KTP]), (KTP, [Heard("talk", "sapa"), Heard("talk", "pamit")]),
])
def test_the_rest_is_read_as_a_whole(whole: Heard, heard: list[Heard]) -> None:
    assert decide("x", whole, parts(*heard), None, ASKS_ASPECT) is None


def read(name: str, confidence: float = 0.9, *, kind: str = "topic", **others: float) -> Ranked:
    """A text's readings, the first of them sure from 0.55 on."""
    return Ranked(kind, confidence >= 0.55, {name: confidence, **others})  # type: ignore[arg-type]


KTP_LOST, KK_TORN = read("ktp_hilang"), read("kk_hilang_rusak")
TWO, PERHAPS = Joined(0), Joined(seen=("kk_hilang_rusak",))
AND, COMMA, TOLD = Cut("a", "b"), Cut("a", "b", comma=True), Cut("a", "b", told=True)
NEAR_KTP = read("ktp_hilang", 0.8)


@pytest.mark.parametrize(("whole", "cut", "left", "right", "found"), [
    (NEAR_KTP, AND, KTP_LOST, KK_TORN, TWO),
    (read("kia", 0.3), AND, KTP_LOST, KK_TORN, TWO),  # whatever else the whole resembles
    (read("ktp_hilang", 0.8, kk_hilang_rusak=0.1), COMMA, read("ktp_hilang", 0.97), KK_TORN, TWO),
    (NEAR_KTP, AND, KTP_LOST, read("pengaduan", kind="person"), TWO),
    (NEAR_KTP, AND, read("pengaduan", kind="person"), KTP_LOST, TWO),
    # perhaps two: a half is not sure, there is but a comma, or one sentence tells and the next one asks
    (NEAR_KTP, AND, KTP_LOST, read("kk_hilang_rusak", 0.5), PERHAPS),
    (NEAR_KTP, COMMA, read("ktp_hilang", 0.99), read("kk_hilang_rusak", 0.99), PERHAPS),
    (NEAR_KTP, TOLD, KTP_LOST, KK_TORN, PERHAPS),
    (NEAR_KTP, AND, KTP_LOST, read("pengaduan", 0.5, kind="person"), Joined(seen=("pengaduan",))),
    # one matter and its circumstances: the other half says it too, or hardly says anything
    (NEAR_KTP, AND, KTP_LOST, read("kk_hilang_rusak", ktp_hilang=0.5), None),
    (NEAR_KTP, COMMA, KTP_LOST, read("kk_hilang_rusak", ktp_hilang=0.05), None),
    (NEAR_KTP, COMMA, KTP_LOST, read("kk_hilang_rusak", 0.3), None),
    (NEAR_KTP, TOLD, KTP_LOST, read("kk_hilang_rusak", 0.3), None),
    (NEAR_KTP, AND, KTP_LOST, KTP_LOST, None), (NEAR_KTP, AND, KTP_LOST, read("sapa", kind="other"), None),
    (NEAR_KTP, AND, KTP_LOST, Ranked("other", False, {}), None),
    # an unclear whole goes to a person anyway, who sees all of it; so does what is surely for a person
    (read("ktp_hilang", 0.4), AND, KTP_LOST, read("kk_hilang_rusak", 0.5), None),
    (read("pengaduan", kind="person"), AND, KTP_LOST, KK_TORN, None),
    (read("tanya_biaya", kind="other"), AND, KTP_LOST, read("kk_hilang_rusak", 0.5), None),
])
def test_two_matters_joined_in_a_text(
    whole: Ranked, cut: Cut, left: Ranked, right: Ranked, found: Joined | None
) -> None:
    assert joined(whole, [(cut, left, right)]) == found


def test_the_likeliest_cut_counts() -> None:
    assert joined(NEAR_KTP, [(COMMA, KTP_LOST, read("kia", 0.6)), (AND, KTP_LOST, KK_TORN)]) == Joined(1)


@pytest.mark.parametrize(("cut", "left", "right", "found"), [
    (COMMA, read("ktp_hilang", 0.99), read("kk_hilang_rusak", 0.99), Joined(0)),  # alone: perhaps
    (TOLD, KTP_LOST, KK_TORN, Joined(0)),
    (AND, KTP_LOST, read("kk_hilang_rusak", 0.5), Joined(seen=("kk_hilang_rusak",))),  # a half is still not sure
    (COMMA, KTP_LOST, read("kk_hilang_rusak", ktp_hilang=0.5), None),  # a circumstance still is one
])
def test_a_part_of_a_message_with_several_matters_is_cut_more_readily(
    cut: Cut, left: Ranked, right: Ranked, found: Joined | None
) -> None:
    assert joined(NEAR_KTP, [(cut, left, right)], among_several=True) == found


@given(st.floats(0.01, 1), st.floats(0.01, 1), st.floats(0, 1), st.floats(0, 1))
def test_the_more_a_half_says_the_main_matter_the_less_it_is_one_of_its_own(
    sure: float, other: float, little: float, much: float
) -> None:
    def odds(says: float) -> float:
        return evidence(NEAR_KTP, AND, read("ktp_hilang", sure), read("kia", other, ktp_hilang=says))

    assert odds(max(little, much)) <= odds(min(little, much))
    assert evidence(NEAR_KTP, COMMA, KTP_LOST, KK_TORN) < evidence(NEAR_KTP, AND, KTP_LOST, KK_TORN)


HEARD = st.one_of(
    st.sampled_from(["ktp_baru", "kk_baru", "jam_layanan", "kia", "skck"]).map(lambda t: Heard("topic", t)),
    st.sampled_from(["fee", "time", "steps"]).map(lambda a: Heard("aspect", a)),
    st.just(Heard("talk", "sapa")), st.just(Heard("person", "minta_petugas")), st.just(UNCLEAR),
)


@given(whole=HEARD, heard=st.lists(HEARD, min_size=2, max_size=4), last=st.none() | st.just("kia"),
       sentences=st.booleans())
def test_no_question_vanishes(whole: Heard, heard: list[Heard], last: str | None, sentences: bool) -> None:
    found = decide("x", whole, parts(*heard, sentences=sentences), last, ASKS_ASPECT)
    if found is None:
        return
    told = {(give.topic, give.aspect) for give in found.answers}
    assert 1 <= len(told) == len(found.answers) <= MOST
    for number, one in enumerate(heard):
        if one.kind in ("person", "unclear"):
            assert found.person is not None
        elif one.kind == "topic" and found.person is None:
            assert {(one.name, "overview")} & told, number
