"""One question or several: all are answered, or a person gets the message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain.asking import Part
from handoff.domain.several import MOST, WHOLE, Give, Heard, Several, decide, joined

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


BOTH = Several((Give("ktp_baru", "overview", 2), Give("jam_layanan", "overview", 3)))
NEAR_JAM = Heard("unclear", guess="jam_layanan")


FAR_DOWN = [("ktp_baru", 0.9), ("kia", 0.05), ("skck", 0.02), ("jam_layanan", 0.001)]


@pytest.mark.parametrize(("ranking", "left", "right", "found"), [
    ([("ktp_baru", 0.6), ("jam_layanan", 0.2)], KTP, JAM, BOTH),
    (FAR_DOWN, KTP, JAM, BOTH),  # a half that was surely read needs but a trace in the whole
    ([("ktp_baru", 0.9)], KTP, JAM, None),
    ([("ktp_baru", 0.9)], KTP, KTP, None),
    ([("ktp_baru", 0.6), ("jam_layanan", 0.2)], KTP, UNCLEAR, None),
    ([("ktp_baru", 0.9)], KTP, NEAR_JAM, None),
    (FAR_DOWN, KTP, NEAR_JAM, None),
    # the whole resembles what the other half may be: a person looks
    ([("ktp_baru", 0.6), ("jam_layanan", 0.2)], KTP, NEAR_JAM, Several((Give("ktp_baru", "overview", 2),), 3)),
    ([("jam_layanan", 0.4), ("ktp_baru", 0.3)], NEAR_JAM, KTP, Several((Give("ktp_baru", "overview", 3),), 2)),
])
def test_two_matters_joined_in_a_sentence(
    ranking: list[tuple[str, float]], left: Heard, right: Heard, found: Several | None
) -> None:
    assert joined(ranking, [(UNCLEAR, UNCLEAR), (left, right)]) == found


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
