"""The catalogue of templates: within Meta's limits, one for each kind of news, and what breaks them is said."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.__main__ import main
from handoff.channels.whatsapp.templates import FILE, TemplateError, catalogue, filled, submissions, value
from handoff.domain.notice import OF_EVENT, Notice
from handoff.services.post.notices import FOR_CITIZENS
from tests.support.graph import _template
from tests.support.office import SECRETS

CASE = UUID("00000000-0000-4000-8000-000000000001")
APPROVED = {one["name"]: {**one, "status": "APPROVED"} for one in submissions("https://kota.contoh.go.id")}


def test_each_kind_of_news_has_one_template_and_each_event_a_kind():
    named = [catalogue().named_for(notice) for notice in Notice]
    assert len(set(named)) == len(Notice)
    assert set(OF_EVENT) == FOR_CITIZENS


def test_the_reminders_are_in_their_templates_whole():
    whole = {one.notice for one in catalogue().templates.values() if one.whole}
    assert whole == {Notice.first_reminder, Notice.last_reminder, Notice.question_reminder, Notice.new_officer}


@pytest.mark.parametrize("name", sorted(catalogue().templates))
@settings(deadline=None)  # a busy machine is no fault
@given(said=st.text(max_size=300))
def test_whatever_stands_in_a_parameter_is_taken(name, said):
    one = catalogue().templates[name]
    posted = filled(name, dict.fromkeys(one.parameters, said), CASE, "4821-7730.kunci")
    _template(posted["template"], APPROVED)
    bodies = [part["parameters"] for part in posted["template"]["components"] if part["type"] == "body"]
    assert len(bodies) == bool(one.parameters)  # Meta takes no empty body
    for parameter in bodies[0] if bodies else []:
        assert re.search(r"\n|\t|\r| {2}", parameter["text"]) is None
        assert 1 <= len(parameter["text"]) <= 80


@given(st.text())
def test_a_value_stays_as_it_is(said):
    assert value(value(said)) == value(said)


def test_what_is_submitted_has_an_example_for_each_parameter_and_the_offices_own_address():
    for one in submissions("https://kota.contoh.go.id"):
        assert (one["language"], one["category"]) == ("id", "UTILITY")
        body, footer, buttons = one["components"]
        examples = body["example"]["body_text"][0] if "example" in body else []
        assert len(examples) == body["text"].count("{{")
        assert 1 <= len(footer["text"]) <= 60
        assert all(len(b["text"]) <= 25 for b in buttons["buttons"])
        urls = [b["url"] for b in buttons["buttons"] if b["type"] == "URL"]
        assert urls in ([], ["https://kota.contoh.go.id/kasus/{{1}}"])


def test_the_proposal_and_its_reminders_are_answered_with_a_tap():
    for notice in (Notice.proposal, Notice.first_reminder, Notice.last_reminder):
        name = catalogue().named_for(notice)
        values = dict.fromkeys(catalogue().templates[name].parameters, "x")
        parts = filled(name, values, CASE, "x")["template"]["components"]
        payloads = [part["parameters"][0].get("payload") for part in parts]
        assert {f"confirm:{CASE}", f"not_yet:{CASE}"} <= set(payloads)


def test_news_that_may_come_to_who_has_no_case_says_nothing_of_one():
    without = {notice for notice in Notice if not notice.of_case}
    assert without == {Notice.correction, Notice.asked_reminder, Notice.answer}
    for notice in without:
        one = catalogue().templates[catalogue().named_for(notice)]
        assert (one.parameters, [button.payload for button in one.buttons]) == ((), ["read"])


@pytest.mark.parametrize("changes", [
    {"parameters": ["nomor"], "examples": ["4821-7730"], "body": "Kasus {{1}} ada perbaikan."},
    {"buttons": [{"title": "Buka halaman kasus", "page": True}]},
    {"buttons": [{"title": "Sudah selesai", "payload": "confirm"}]},
])
def test_a_template_that_needs_a_case_where_there_may_be_none_is_refused(tmp_path, changes):
    assert "may come to who has no case" in _broken(tmp_path, "koreksi_jawaban", **changes)


def _broken(tmp_path: Path, name: str = "kabar_kasus", **changes: Any) -> str:
    given = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    given["templates"][name] |= changes
    file = tmp_path / "templates.yml"
    file.write_text(yaml.safe_dump(given, allow_unicode=True), encoding="utf-8")
    with pytest.raises(TemplateError) as error:
        catalogue.__wrapped__(file)
    return str(error.value)


@pytest.mark.parametrize(("changes", "said"), [
    ({"body": "{{1}} ada kabar."}, "begin or end"),
    ({"body": "Ada kabar untuk {{1}}"}, "begin or end"),
    ({"body": "Ada kabar untuk {{2}} ya."}, "in order"),
    ({"body": "Ada kabar ya."}, "in order"),
    ({"body": "Ada {{1}} dan {{2}} ya."}, "in order"),
    ({"body": "Ada {{nomor}} dan {{1}} ya."}, "braces"),
    ({"body": "Ada    kabar {{1}} ya."}, "four blanks"),
    ({"body": "Ada\tkabar {{1}} ya."}, "tabs"),
    ({"body": "Ada {{1}} ya. " + "kata " * 200}, "longer than 1024"),
    ({"body": "Ada {{1}} ya. " + "kata " * 300}, "1024"),
    ({"examples": []}, "as many examples"),
    ({"examples": ["dua\nbaris"]}, "is no value"),
    ({"parameters": ["rahasia"]}, "unknown parameters: rahasia"),
    ({"notice": "reply"}, "reply has 2 templates"),
    ({"notice": "gossip"}, "notice"),
    ({"buttons": [{"title": "a" * 26, "payload": "read"}]}, "25"),
    ({"buttons": [{"title": "Ya", "payload": "delete"}]}, "payload"),
    ({"buttons": [{"title": "Ya"}]}, "needs a payload or the page"),
    ({"buttons": [{"title": "Ya", "payload": "read"}, {"title": "Ya", "page": True}]}, "same title"),
    ({"buttons": [{"title": "Hal", "page": True}, {"title": "Ya", "payload": "read"}]}, "after the quick replies"),
    ({"buttons": [{"title": f"B{n}", "payload": "read"} for n in range(11)]}, "10"),
    ({"colour": "red"}, "colour"),
])
def test_a_catalogue_that_meta_would_refuse_is_refused_here_with_its_place(tmp_path, changes, said):
    error = _broken(tmp_path, **changes)
    assert said in error
    assert "kabar_kasus" in error or "reply" in error


def test_a_file_that_is_no_catalogue_says_so(tmp_path):
    file = tmp_path / "templates.yml"
    for content in ("", "- 1", "templates: {A: {}}", "footer: [", "footer: 'a'\ntemplates: {}"):
        file.write_text(content)
        with pytest.raises(TemplateError, match=r"templates\.yml"):
            catalogue.__wrapped__(file)


def test_the_command_prints_what_the_graph_api_takes(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("WAJAH_HOME", str(tmp_path))
    monkeypatch.setenv("WAJAH_BASE_URL", "https://kota.contoh.go.id")
    for name, secret in SECRETS.items():
        monkeypatch.setenv(name, secret)
    assert main(["whatsapp", "templates"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == submissions("https://kota.contoh.go.id")
    assert err == ""
    monkeypatch.delenv("WAJAH_BASE_URL")
    assert main(["whatsapp", "templates"]) == 0
    assert "WAJAH_BASE_URL" in capsys.readouterr().err
