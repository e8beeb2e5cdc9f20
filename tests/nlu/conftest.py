"""What the bot's tests share: a few examples, Rasa's model storage, and a small model trained by Rasa itself."""

from __future__ import annotations

import logging
import os
from pathlib import Path

# Rasa reads these while it is imported.
os.environ["RASA_TELEMETRY_ENABLED"] = "false"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")

import pytest
import structlog
import yaml
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

PROJECT = Path(__file__).resolve().parents[2]

# Little, but enough to tell apart; the suite must not depend on how good the real examples are.
EXAMPLES = {
    "ktp_hilang": [
        "ktp saya hilang",
        "kehilangan ktp di jalan",
        "ktp hilang harus bagaimana",
        "cara urus ktp hilang",
        "ktp saya dicuri orang",
        "dompet hilang bersama ktp",
        "ktp tercecer di pasar",
        "lapor ktp hilang",
    ],
    "akta_kelahiran": [
        "membuat akta kelahiran anak",
        "akta kelahiran bayi baru lahir",
        "syarat akta kelahiran",
        "anak saya lahir, mau akta",
        "urus akta lahir bayi",
        "akta kelahiran untuk anak pertama",
        "bayi lahir di rumah, akta kelahirannya",
        "bikin akta lahir",
    ],
    "tanya_biaya": [
        "berapa biayanya",
        "bayar berapa",
        "apakah gratis",
        "biaya berapa ya",
        "ada biaya tidak",
        "ongkosnya berapa",
        "kena biaya berapa",
        "gratis atau bayar",
    ],
    "terima_kasih": [
        "terima kasih",
        "makasih",
        "makasih banyak",
        "terima kasih atas bantuannya",
        "trims",
        "nuhun",
        "matur nuwun",
        "thx min",
    ],
    "minta_petugas": [
        "mau bicara dengan petugas",
        "sambungkan ke petugas",
        "tolong petugas saja",
        "ingin ngobrol sama manusia",
        "minta petugas",
        "hubungkan dengan orang asli",
        "bicara petugas dong",
        "saya mau petugas, bukan bot",
    ],
    "luar_cakupan": [
        "resep nasi goreng",
        "siapa juara liga inggris",
        "putar lagu dangdut",
        "cuaca di bandung besok",
        "pesan pizza keju",
        "harga emas hari ini",
        "film bagus di bioskop",
        "cara main gitar",
    ],
}


@pytest.fixture(scope="session", autouse=True)
def _quiet() -> None:
    """Rasa's own command line silences its debugging too; a library user must."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))


@pytest.fixture
def training_data() -> TrainingData:
    """The examples as Rasa hands them to a component."""
    return TrainingData([Message({TEXT: text, INTENT: intent}) for intent, texts in EXAMPLES.items() for text in texts])


@pytest.fixture
def storage(tmp_path: Path) -> LocalModelStorage:
    """An empty model storage."""
    return LocalModelStorage.create(tmp_path)


@pytest.fixture
def context() -> ExecutionContext:
    """The graph a component runs in; ours look at none of it."""
    return ExecutionContext(GraphSchema({}))


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that Rasa trained with our configuration, domain and rules on the few examples above."""
    from rasa.model_training import train

    folder = tmp_path_factory.mktemp("model")
    nlu = {
        "version": "3.1",
        "nlu": [
            {"intent": intent, "examples": "".join(f"- {text}\n" for text in texts)}
            for intent, texts in EXAMPLES.items()
        ],
    }
    (folder / "nlu.yml").write_text(yaml.safe_dump(nlu, allow_unicode=True), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RASA_MAX_CACHE_SIZE", "0")
        patch.setenv("RASA_CACHE_DIRECTORY", str(folder / "cache"))
        result = train(
            str(PROJECT / "domain.yml"),
            str(PROJECT / "config.yml"),
            [str(folder / "nlu.yml"), str(PROJECT / "data" / "rules.yml")],
            output=str(folder),
            force_training=True,
        )
    assert result.code == 0, "training failed"
    return result.model
