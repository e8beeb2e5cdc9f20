"""Words that would make a sentence of ours a decision (P12). An agency's own word is quoted, never said."""

from __future__ import annotations

import re

_DECIDES = re.compile(
    r"\b(?:(?:ter|men|me|di|kami |saya )?(?:setujui?|tolak|kabulkan|luluskan|loloskan|sahkan)|menyetujui|menolak|"
    r"dikabulkan|mengabulkan|penolakan|persetujuan|penerimaan|diterima|lolos|lulus|gagal|gugur|berhak|"
    r"(?:tidak |belum )?(?:memenuhi syarat|layak)|approved?|rejected?|accepted|denied|granted)\b",
    re.IGNORECASE,
)


def decides(sentence: str) -> str | None:
    """The first word by which the sentence approves or rejects; None when it leaves that to a person."""
    found = _DECIDES.search(sentence)
    return found[0] if found else None
