"""Every service stands in a family with a picture."""

from __future__ import annotations

import pytest

from handoff.catalogue import load
from handoff.settings import REPOSITORY
from handoff.web.assets import FOLDER
from handoff.web.families import families, family_of, grouped

TOPICS = load(REPOSITORY / "data" / "catalogue").topics


@pytest.mark.parametrize(("topic", "family"), [
    ("ktp_hilang", "KTP dan data diri"), ("akta_kelahiran_terlambat", "Kelahiran dan anak"),
    ("akta_kematian", "Akta lain"), ("bpjs_kesehatan_iuran", "Kesehatan dan BPJS"), ("bpjs_tk_jht", "Kerja dan upah"),
    ("kontak", "Tentang kantor"), ("hal_baru", "Lainnya"), ("ktpx", "Lainnya"),
])
def test_the_longest_beginning_decides(topic: str, family: str) -> None:
    assert family_of(topic).name == family


def test_every_topic_is_shown_once_and_none_is_left_over() -> None:
    groups = grouped(TOPICS.values())
    shown = [topic.id for _, topics in groups for topic in topics]
    assert sorted(shown) == sorted(TOPICS)
    assert "Lainnya" not in {family.name for family, _ in groups}


def test_every_family_has_its_picture() -> None:
    drawn = (FOLDER / "icons.svg").read_text(encoding="utf-8")
    assert [family.icon for family in families() if f'id="{family.icon}"' not in drawn] == []
