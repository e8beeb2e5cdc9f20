"""Which of the buttons offered last a typed text means: "2", "yang kedua", "nomor dua", a title, a title misspelt.

Only a text that says nothing else chooses, and only among what was offered; everything else is a question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from handoff.domain.said import POLITE, vocabulary, words

Button = Mapping[str, str]  # "title", "payload"

# Said around a choice without changing it.
_AROUND = POLITE | vocabulary("""
    aja ajah angka dengan dg dgn ini itu ke mau no nmr nomer nomor nomr opsi pencet pilih pilihan pilihannya saja saya
    tekan tombol yang yg
""")
_NUMBERS = {
    **{word: n for n, words in enumerate((
        "1 satu pertama kesatu ke1 atas siji setunggal hiji", "2 dua kedua ke2 loro kalih",
        "3 tiga ketiga ke3 telu tilu", "4 empat keempat ke4 papat opat", "5 lima kelima ke5", "6 enam keenam ke6",
        "7 tujuh ketujuh ke7", "8 delapan kedelapan ke8", "9 sembilan kesembilan ke9", "10 sepuluh kesepuluh ke10",
    ), start=1) for word in words.split()},
    "terakhir": -1, "bawah": -1,
}
_GO_ON = vocabulary("ya iya iyaa ok oke okeh lanjut lanjutkan lanjutin terus next sudah udah udh sip siap paham")
# What ends a case or says that it is over, complains or joins happens only in so many words, never by a number or a
# near miss (P5).
_IN_SO_MANY_WORDS = frozenset({"confirm", "withdraw", "unhelpful_reply", "complain", "not_complaint", "join"})
LONGEST = 60  # characters; who chooses is brief


def chosen(text: str, offered: Sequence[Button], *, numbers: bool = True) -> str | None:
    """The payload of the one button that `text` means; None when it means none, or when it could mean two.

    `numbers`: whether a number can be a choice here. A single button is no list to count.
    """
    if not offered or len(text) > LONGEST:
        return None
    typed = words(text)
    if payload := _by_title(typed, offered) or _going_on(typed, offered):
        return payload
    return _by_number(typed, offered) if numbers and len(offered) > 1 else None


def _by_title(typed: tuple[str, ...], offered: Sequence[Button]) -> str | None:
    bare = _bare(typed)
    exact = [b for b in offered if words(b["title"]) in (typed, bare)]
    near = [b for b in offered if not _careful(b) and bare and _near(bare, _bare(words(b["title"])))]
    payloads = {b["payload"] for b in exact or near}
    return payloads.pop() if len(payloads) == 1 else None


def _by_number(typed: tuple[str, ...], offered: Sequence[Button]) -> str | None:
    bare = _bare(typed)
    number = _NUMBERS.get(bare[0]) if len(bare) == 1 else None  # "satu satu" is no choice
    if number is None:
        return None
    counted = [_NUMBERS.get("".join(words(b["title"])[:1])) for b in offered]
    if any(counted):  # "5 (sangat baik)" stands first and is no number one
        meant = [b for b, own in zip(offered, counted, strict=True) if own == number]
    else:
        meant = list(offered[number - 1 : number] if number > 0 else offered[-1:])
    return meant[0]["payload"] if len(meant) == 1 and not _careful(meant[0]) else None


def _going_on(typed: tuple[str, ...], offered: Sequence[Button]) -> str | None:
    """ "ya", "ok", "terus" while something is being told step by step; the first step is *Bingung*, not a way on."""
    steps = [b["payload"] for b in offered if b["payload"].startswith("step:") and not b["payload"].endswith(":1")]
    goes_on = not _GO_ON.isdisjoint(typed) and _GO_ON.issuperset(_bare(typed))
    return steps[0] if len(steps) == 1 and goes_on else None


def _careful(button: Button) -> bool:
    return button["payload"].partition(":")[0] in _IN_SO_MANY_WORDS


def _bare(typed: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for word in typed if word not in _AROUND)


def _near(typed: tuple[str, ...], title: tuple[str, ...]) -> bool:
    """The same words in the same order, each misspelt a little at most; short words ("KTP", "KK") not at all."""
    return len(typed) == len(title) and all(map(_misspelt, typed, title))


def _misspelt(word: str, meant: str) -> bool:
    allowed = 0 if len(meant) < 4 else 1 if len(meant) < 7 else 2
    return word == meant or (abs(len(word) - len(meant)) <= allowed and _distance(word, meant) <= allowed)


def _distance(one: str, other: str) -> int:
    """How many letters were left out, put in, changed or swapped with their neighbour."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, start=1):
        row = [i]
        for j, b in enumerate(other, start=1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]
