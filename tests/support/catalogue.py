"""A small catalogue of three topics, written as an agency would, and changes to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from handoff.catalogue import Catalogue, load

BASE: dict[str, Any] = {
    "office": {
        "name": "Kota Uji (contoh)",
        "zone": "WITA",
        "reviewed": date(2026, 10, 1),
        "hours": [{"days": "Senin", "opens": "08.00", "closes": "15.00"}],
        "closed": "Minggu",
        "desks": {"kependudukan": {"name": "Dinas Uji", "address": "Jalan Uji 1"}},
        "contacts": [{"label": "Telepon", "value": "000"}],
    },
    "keepers": {"kasi": {"position": "Kepala Seksi", "unit": "kependudukan", "person": "Ani Uji"}},
    "common": {"refused": [{"text": "Boleh keberatan.", "sources": ["UU 24/2013 Ps. 1"]}]},
    "laws": {"UU 24/2013": {"name": "Undang-Undang Nomor 24 Tahun 2013"}},
    "pages": {"hsu": {"name": "Dukcapil HSU", "url": "https://contoh.example/ktp"}},
    "topics": {
        name: {
            "title": name.upper(),
            "unit": "kependudukan",
            "keeper": "kasi",
            "reviewed": date(2026, 11, 1),
            "summary": [{"text": "Ringkas.", "sources": ["hsu"]}],
            "who": {"facts": [{"text": "Warga.", "sources": ["hsu"]}]},
            "requirements": {"facts": [{"text": "Surat polisi.", "sources": ["hsu"]}]},
            "fee": {"amount": 0, "sources": ["UU 24/2013 Ps. 79A"]},
            "time": {"limit": {"days": 14, "sources": ["UU 24/2013 Ps. 69"]}},
            "steps": {"facts": [{"text": "Datang.", "sources": ["hsu"]}]},
            "rejections": {"facts": [{"text": "Belum 17 tahun?", "then": "Tunggu dulu.", "sources": ["hsu"]}]},
            "related": [other for other in ("satu", "dua", "tiga") if other != name],
        }
        for name in ("satu", "dua", "tiga")
    },
}

SATU = ("topics", "satu")
FACT = {"text": "Satu.", "sources": ["hsu"]}


def written(folder: Path, **files: Any) -> Path:
    """The folder with these files, each as YAML unless it is text already."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        text = content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
        (folder / f"{name}.yml").write_text(text)
    return folder


def loaded(tmp_path: Path, overlay: Any = None) -> Catalogue:
    """The small catalogue, with what an agency lays over it."""
    return load(written(tmp_path / "base", semua=BASE), written(tmp_path / "kami", kami=overlay) if overlay else None)


def put(*path: str | int, value: Any) -> Callable[[dict[str, Any]], None]:
    """A change of a catalogue: this value at this place."""
    def change(data: dict[str, Any]) -> None:
        target: Any = data
        for part in path[:-1]:
            target = target[part]
        target[path[-1]] = value

    return change
