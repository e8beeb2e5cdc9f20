"""Static files: those behind a link too, and a plain word where set-up has not been run."""

from __future__ import annotations

from pathlib import Path

import pytest

from handoff.web.assets import FETCHED, Assets, squeezed


def test_a_folder_that_is_a_link_is_served_as_if_it_were_here(tmp_path: Path) -> None:
    static, elsewhere = tmp_path / "static", tmp_path / "elsewhere"
    static.mkdir()
    elsewhere.mkdir()
    (elsewhere / "htmx.min.js").write_text("let htmx;")
    (static / "vendor").symlink_to(elsewhere, target_is_directory=True)
    assets = Assets(static)
    assert assets.url("vendor/htmx.min.js").startswith("/static/vendor/htmx.min.js?v=")
    assert assets.get("vendor/nothing.js") is None


def test_what_set_up_did_not_fetch_is_said_at_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"{FETCHED[0]} is missing: run `make setup`"):
        Assets(tmp_path)


@pytest.mark.parametrize(("written", "sent"), [
    ("const a = 1, b = [2, 3];", "const a=1,b=[2,3];"),
    ("if (a <= 2) {\n  b(a / 2); // half of it\n}\nc()\n", "if(a<=2){b(a / 2)}c()\n"),
    ('say("a = b, (c)", \'d ; e\', `${f} : g`);', 'say("a = b, (c)",\'d ; e\',`${f} : g`);'),
    ("const no = /[\\d ,]+ = \"/, yes = 1;", "const no= /[\\d ,]+ = \"/,yes=1;"),
    ("return /a {2} ; b/.test(c);", "return /a {2} ; b/.test(c);"),
    ("try { go(); } catch { /* it isn't here */ }", "try{go()}catch{}"),
    ("a = +b - -c + +d + e\nf()", "a=+b - -c + +d+e\nf()"),
])
def test_a_script_loses_its_blanks_and_no_word(written: str, sent: str) -> None:
    assert squeezed(written) == sent
