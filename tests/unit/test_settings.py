"""What the environment says, and the one sentence for an environment that says nonsense."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest

from handoff.settings import Settings, SettingsError, new_secrets

KEY = base64.urlsafe_b64encode(bytes(32)).decode()


def test_the_default_needs_nothing_and_keeps_its_secrets(tmp_path: Path) -> None:
    first = Settings.from_env({"WAJAH_HOME": str(tmp_path / "home")})
    second = Settings.from_env({"WAJAH_HOME": str(tmp_path / "home")})
    assert (first.secret_key, first.data_keys) == (second.secret_key, second.data_keys)
    assert len(first.data_keys) == 1
    assert first.database_url is None
    assert first.base_url == "http://localhost:8080"
    assert stat.S_IMODE((tmp_path / "home" / "secrets.json").stat().st_mode) == 0o600


def test_production_names_its_secrets_and_writes_none(tmp_path: Path) -> None:
    env = {"WAJAH_HOME": str(tmp_path), "DATABASE_URL": "postgresql://db/wajah"}
    with pytest.raises(SettingsError, match="python -m handoff keys"):
        Settings.from_env(env)
    settings = Settings.from_env(env | new_secrets())
    assert settings.database_url == "postgresql://db/wajah"
    assert list(tmp_path.iterdir()) == []


def test_the_environment_wins_over_stored_secrets(tmp_path: Path) -> None:
    stored = Settings.from_env({"WAJAH_HOME": str(tmp_path)})
    named = Settings.from_env({"WAJAH_HOME": str(tmp_path), "WAJAH_DATA_KEYS": f"new:{KEY},old:{KEY}"})
    assert [key_id for key_id, _ in named.data_keys] == ["new", "old"]
    assert named.secret_key == stored.secret_key


def test_keys_for_two_purposes_differ_and_stay(tmp_path: Path) -> None:
    settings = Settings.from_env({"WAJAH_HOME": str(tmp_path)})
    assert settings.derived_key("a") != settings.derived_key("b")
    assert settings.derived_key("a") == Settings.from_env({"WAJAH_HOME": str(tmp_path)}).derived_key("a")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("WAJAH_PORT", "eighty", "WAJAH_PORT must be a number"),
        ("WAJAH_PORT", "65536", "between 1 and 65535"),
        ("WAJAH_RASA_PORT", "-1", "between 1 and 65535"),
        ("WAJAH_BOT_TIMEOUT", "soon", "WAJAH_BOT_TIMEOUT must be a number"),
        ("WAJAH_DATA_KEYS", "no-colon", "WAJAH_DATA_KEYS must be"),
        ("WAJAH_DATA_KEYS", "short:AAAA", "WAJAH_DATA_KEYS must be"),
        ("WAJAH_DATA_KEYS", f"a:{KEY},", "WAJAH_DATA_KEYS must be"),
        ("WAJAH_RATE_ADDRESS", "many", "burst/refill"),
        ("WAJAH_HOME", "/dev/null/home", "cannot be used"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(tmp_path: Path, name: str, value: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence) as refused:
        Settings.from_env({"WAJAH_HOME": str(tmp_path), name: value})
    assert "\n" not in str(refused.value)


def test_damaged_secrets_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text("{")
    with pytest.raises(SettingsError, match="damaged"):
        Settings.from_env({"WAJAH_HOME": str(tmp_path)})
    assert (tmp_path / "secrets.json").read_text() == "{"


@pytest.mark.parametrize(
    ("env", "own", "url"),
    [({}, True, "http://127.0.0.1:5005"), ({"RASA_URL": "http://bot:5005/"}, False, "http://bot:5005")],
)
def test_a_named_rasa_is_somebody_elses(tmp_path: Path, env: dict[str, str], own: bool, url: str) -> None:
    settings = Settings.from_env({"WAJAH_HOME": str(tmp_path), **env})
    assert (settings.own_rasa, settings.rasa_url) == (own, url)


def test_the_clock_file_counts_only_in_a_demonstration(tmp_path: Path) -> None:
    env = {"WAJAH_HOME": str(tmp_path), "WAJAH_CLOCK_FILE": str(tmp_path / "clock")}
    assert Settings.from_env(env).clock_file is None
    assert Settings.from_env(env | {"WAJAH_DEMO": "1"}).clock_file == tmp_path / "clock"


def test_fresh_secrets_are_usable_and_differ(tmp_path: Path) -> None:
    first, second = new_secrets(), new_secrets()
    assert not set(first.values()) & set(second.values())
    (tmp_path / "secrets.json").write_text(json.dumps(first))
    assert Settings.from_env({"WAJAH_HOME": str(tmp_path)}).secret_key == first["WAJAH_SECRET_KEY"].encode()


WHATSAPP = {"WHATSAPP_PHONE_NUMBER_ID": "11:kota, 22", "WHATSAPP_ACCESS_TOKEN": "geheim", "WHATSAPP_APP_SECRET": "a,b",
            "WHATSAPP_VERIFY_TOKEN": "v"}


def test_whatsapp_is_off_without_its_secrets_and_shows_none_of_them(tmp_path: Path) -> None:
    assert Settings.from_env({"WAJAH_HOME": str(tmp_path)}).whatsapp is None
    whatsapp = Settings.from_env({"WAJAH_HOME": str(tmp_path), **WHATSAPP}).whatsapp
    assert whatsapp is not None
    assert whatsapp.offices == {"11": "kota", "22": None}
    assert whatsapp.app_secrets == ("a", "b")
    assert "geheim" not in repr(whatsapp)


@pytest.mark.parametrize(("name", "value", "sentence"), [
    ("BUSINESS_ACCOUNT_ID", "kota", "digits only"),
    ("MESSAGES_PER_SECOND", "0", "between"), ("MESSAGES_PER_SECOND", "many", "must be a number"),
    ("APP_SECRET", "", "WHATSAPP_APP_SECRET too"), ("VERIFY_TOKEN", "", "WHATSAPP_VERIFY_TOKEN too"),
    ("PHONE_NUMBER_ID", "+62 811", "a number's id"), ("PHONE_NUMBER_ID", "1,1", "a number's id"),
    ("APP_SECRET", "a,b,c", "one secret, or two"), ("API_URL", "graph", "an address with the version"),
])
def test_half_a_whatsapp_is_refused(tmp_path: Path, name: str, value: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        Settings.from_env({"WAJAH_HOME": str(tmp_path), **WHATSAPP, f"WHATSAPP_{name}": value})


def test_mail_is_off_without_a_server_and_its_password_is_not_shown(tmp_path: Path) -> None:
    home = {"WAJAH_HOME": str(tmp_path)}
    assert Settings.from_env(home).smtp_url is None
    given = {**home, "SMTP_URL": "smtps://wajah:geheim@surel.contoh.go.id:465", "WAJAH_BASE_URL": "https://contoh.go.id"}
    settings = Settings.from_env(given)
    assert settings.smtp_from == "wajah@contoh.go.id"
    assert "geheim" not in repr(settings)


def test_returned_mail_is_read_where_it_is_said_and_its_password_is_not_shown(tmp_path: Path) -> None:
    home = {"WAJAH_HOME": str(tmp_path)}
    assert Settings.from_env(home).bounces_url is None
    for url in ("imaps://a:geheim@surel.contoh.go.id/Pantulan", "maildir:///var/mail/pantulan"):
        settings = Settings.from_env({**home, "BOUNCES_URL": url, "BOUNCES_ADDRESS": "pantulan@contoh.go.id"})
        assert (settings.bounces_url, settings.bounces_address) == (url, "pantulan@contoh.go.id")
        assert "geheim" not in repr(settings)


@pytest.mark.parametrize(("name", "value"), [
    ("BOUNCES_URL", "imaps://surel.contoh.go.id"), ("BOUNCES_URL", "pop3://a:b@c"), ("BOUNCES_URL", "maildir://var/x"),
    ("BOUNCES_URL", "imaps://a:b@c:x"), ("BOUNCES_ADDRESS", "pantulan"), ("BOUNCES_ADDRESS", "a b@c.id"),
    ("BOUNCES_ADDRESS", "a@b.id\nBcc: x@y.id"),
])
def test_what_is_no_mailbox_is_refused(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_env({"WAJAH_HOME": str(tmp_path), name: value})


@pytest.mark.parametrize("url", ["surel.contoh.go.id", "http://surel.contoh.go.id", "smtp://", "smtp://surel:x"])
def test_what_is_no_mail_server_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="SMTP_URL must be"):
        Settings.from_env({"WAJAH_HOME": str(tmp_path), "SMTP_URL": url})
