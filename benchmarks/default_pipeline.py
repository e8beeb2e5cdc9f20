"""(c) What `rasa init` gives: its pipeline and policies, trained on our data, behind Rasa's own REST channel.

Where ours hands over to a person by a custom action, this one says a sentence: no action server is called, which is to
its advantage. Its model is trained once and kept; how many epochs it had does not change what a turn costs.
"""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from string import Template

import yaml

from handoff.model import environment, rasa
from handoff.processes import free_port
from handoff.settings import REPOSITORY

HERE = Path(__file__).parent / "default"
NLU, RULES = REPOSITORY / "data" / "nlu", REPOSITORY / "data" / "rules.yml"
KEPT = REPOSITORY / ".wajah" / "benchmarks"
READY_SECONDS = 300.0
PERSON = "utter_person"


class DefaultPipelineError(Exception):
    """It could not be trained or started; the text names the log."""


@contextlib.contextmanager
def serving(epochs: int) -> Iterator[int]:
    """The default pipeline, served on the port given; trained first if our data or the epochs changed. Blocking."""
    model, port = _trained(epochs), free_port()
    log = KEPT / "serve.log"
    with open(log, "wb") as output:
        server = subprocess.Popen(
            rasa("run", "--model", str(model), "--interface", "127.0.0.1", "--port", str(port),
                 "--credentials", str(HERE / "credentials.yml"), "--endpoints", str(model.parent / "endpoints.yml")),
            cwd=model.parent, env=environment(), stdout=output, stderr=output,
        )
    try:
        _until_ready(server, port, log)
        yield port
    finally:
        server.terminate()
        server.wait()


def _trained(epochs: int) -> Path:
    project = _project(epochs)
    model = project / "model.tar.gz"
    if not model.exists():
        print(f"Training Rasa's default pipeline once ({epochs} epochs; this takes minutes) ...", flush=True)
        with open(project / "train.log", "wb") as output:
            subprocess.run(
                rasa("train", "--config", "config.yml", "--domain", "domain.yml", "--data", str(NLU), "rules.yml",
                     str(HERE / "stories.yml"), "--out", ".", "--fixed-model-name", "model"),
                check=False, cwd=project, env=environment(), stdout=output, stderr=output,
            )
    if not model.exists():
        raise DefaultPipelineError(f"Training left no model; see {project / 'train.log'}.")
    return model


def _project(epochs: int) -> Path:
    """The project's folder, named after what its model is made of."""
    domain = yaml.safe_load((REPOSITORY / "domain.yml").read_text(encoding="utf-8"))
    del domain["actions"]
    domain["responses"][PERSON] = [{"text": "Seorang petugas akan membalas Anda."}]
    files = {
        "config.yml": Template((HERE / "config.yml").read_text(encoding="utf-8")).substitute(epochs=epochs),
        "domain.yml": yaml.safe_dump(domain, allow_unicode=True),
        "rules.yml": RULES.read_text(encoding="utf-8").replace("action_open_case", PERSON),
        "endpoints.yml": "",
    }
    digest = hashlib.sha256("".join(files.values()).encode())
    for path in [HERE / "stories.yml", *sorted(NLU.glob("*.yml"))]:
        digest.update(path.read_bytes())
    project = KEPT / f"default-{digest.hexdigest()[:12]}"
    project.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (project / name).write_text(content, encoding="utf-8")
    return project


def _until_ready(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/webhooks/rest/") as answer:
            if answer.status == 200:
                return
        time.sleep(0.5)
    raise DefaultPipelineError(f"Rasa's default pipeline did not start; see {log}.")
