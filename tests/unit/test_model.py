"""When a model must be trained again, which ones are kept, and what the bot's programs may know."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from handoff import model
from handoff.model import Model, ModelError


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("config.yml", "domain.yml", "data/lexicon.csv", "data/rules.yml", "data/nlu/ktp.yml",
                 "data/catalogue/ktp.yml", "bot/channel.py", "bot/__pycache__/channel.pyc", "requirements/bot.txt",
                 "handoff/app.py"):
        file = tmp_path / "repository" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    monkeypatch.setattr(model, "REPOSITORY", tmp_path / "repository")
    return tmp_path / "repository"


@pytest.mark.parametrize(
    ("file", "matters"),
    [
        ("config.yml", True), ("domain.yml", True), ("data/lexicon.csv", True), ("data/rules.yml", True),
        ("data/nlu/ktp.yml", True), ("data/nlu/new/kia.yml", True), ("data/stories.yml", True),
        ("bot/channel.py", True), ("requirements/bot.txt", True),
        ("data/catalogue/ktp.yml", False), ("bot/__pycache__/channel.pyc", False), ("handoff/app.py", False),
    ],
)
def test_a_change_of_what_a_model_is_made_from_makes_another(
    repository: Path, tmp_path: Path, file: str, matters: bool
) -> None:
    before = Model(tmp_path).path
    (repository / file).parent.mkdir(exist_ok=True)
    (repository / file).write_text("changed")
    assert (Model(tmp_path).path != before) is matters


def test_a_renamed_file_makes_another(repository: Path, tmp_path: Path) -> None:
    before = Model(tmp_path).path
    (repository / "data/nlu/ktp.yml").rename(repository / "data/nlu/kartu.yml")
    assert Model(tmp_path).path != before


def test_a_trained_draft_is_put_in_place_and_the_oldest_models_go(repository: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    for number in range(4):
        old = folder / f"wajah-old{number}.tar.gz"
        old.touch()
        os.utime(old, (number, number))
    new = Model(folder)
    new.begin()
    (new.draft / "left.tmp").touch()
    new.begin()
    assert list(new.draft.iterdir()) == []
    (new.draft / new.path.name).write_text("model")
    assert new.accept() == new.newest() == new.path
    assert sorted(file.name for file in folder.iterdir()) == [
        new.path.name, "wajah-old2.tar.gz", "wajah-old3.tar.gz",
    ]


def test_a_training_that_left_nothing_is_an_error_and_takes_nothing_away(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "wajah-old.tar.gz").touch()
    model = Model(tmp_path)
    model.begin()
    with pytest.raises(ModelError, match="make train"):
        model.accept()
    assert model.newest() == tmp_path / "wajah-old.tar.gz"


def test_the_catalogue_is_no_training_data(repository: Path, tmp_path: Path) -> None:
    command = Model(tmp_path).training_command()
    data = command[command.index("--data") + 1:command.index("--out")]
    assert data == ("data/nlu", "data/rules.yml")


def test_the_bots_programs_know_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "WAJAH_SECRET_KEY", "WAJAH_DATA_KEYS", "WHATSAPP_ACCESS_TOKEN", "SMTP_URL"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    environment = model.environment(WAJAH_RASA_PORT="1")
    assert "secret" not in environment.values()
    assert (environment["LC_ALL"], environment["WAJAH_RASA_PORT"]) == ("C.UTF-8", "1")
    assert environment["RASA_TELEMETRY_ENABLED"] == "false"
