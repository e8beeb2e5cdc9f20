"""One pipeline, trained and asked in processes of its own, so that its time and memory are nobody else's.

    python -m benchmarks.understanding.systems train CONFIG NLU FOLDER
    python -m benchmarks.understanding.systems read MODEL QUESTIONS.json   (intents that go to a person: in the file)
    python -m benchmarks.understanding.systems serve MODEL

Each prints one JSON line, last; `serve` one for each line of its input.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.understanding import reading
from benchmarks.understanding.outcomes import Outcome
from benchmarks.understanding.reading import PROJECT, Question, Read


@dataclass(frozen=True)
class Trained:
    """What training cost: seconds of time and of processors, megabytes at the most, megabytes of the model's file."""

    model: str
    seconds: float
    processor_seconds: float
    memory_mb: float
    size_mb: float


def train(config: Path, nlu: Path, folder: Path) -> Trained:
    """Train the pipeline on what is in `nlu`, in a process of its own, and leave in `folder` the model, what it cost
    and what it was made from. Raises `RuntimeError` when it fails."""
    note, made_from = _note(config, folder), _fingerprint(config, nlu)
    note.unlink(missing_ok=True)  # of the model that this one replaces
    trained = Trained(**_said("train", str(config), str(nlu), str(folder)))
    note.write_text(json.dumps({"made_from": made_from, "trained": asdict(trained)}))
    return trained


def kept(config: Path, nlu: Path, folder: Path) -> Trained | None:
    """What `train` left in `folder`, if it would make the same model again; else None."""
    note = _note(config, folder)
    left = json.loads(note.read_text()) if note.exists() else {"made_from": None}
    if left["made_from"] != _fingerprint(config, nlu) or not Path(left["trained"]["model"]).exists():
        return None
    return Trained(**left["trained"])


def _note(config: Path, folder: Path) -> Path:
    return folder / f"{config.stem}.json"


def _fingerprint(config: Path, nlu: Path) -> str:
    """A digest of everything that the pipeline's model is made from; of our code only where the pipeline uses it."""
    files = [config, PROJECT / "requirements" / "bot.txt", *(sorted(nlu.rglob("*.yml")) if nlu.is_dir() else [nlu])]
    if b" bot." in config.read_bytes():
        files += [PROJECT / "data" / "lexicon.csv", *sorted((PROJECT / "bot").glob("*.py"))]
    return hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)).hexdigest()


def read(trained: Trained, questions: Sequence[Question], to_a_person: frozenset[str], folder: Path) -> Read:
    """Ask the model everything, in a process of its own. Raises `RuntimeError` when it fails."""
    file = folder / "questions.json"
    file.write_text(json.dumps({"questions": [asdict(q) for q in questions], "to_a_person": sorted(to_a_person)}))
    said = _said("read", trained.model, str(file))
    return Read(**{**said, "outcomes": [Outcome(**outcome) for outcome in said["outcomes"]]})


class Reader:
    """A model that reads texts as the gateway's channel does, in a process of its own and in Rasa's environment; each
    text once."""

    def __init__(self, model: Path) -> None:
        command = [str(PROJECT / ".venv-bot" / "bin" / "python"), "-m", __name__, "serve", str(model.absolute())]
        self._process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.DEVNULL, text=True)
        self._known: dict[str, Any] = {}

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # at the end of its input it ends

    def read(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """The readings, as `POST …/read` gives them. Raises `RuntimeError` when the process has ended."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            to, back = self._process.stdin, self._process.stdout
            assert to is not None
            assert back is not None
            print(json.dumps(new), file=to, flush=True)
            if not (line := back.readline()):
                raise RuntimeError("the model cannot be read")
            self._known.update(zip(new, json.loads(line), strict=True))
        return [self._known[text] for text in texts]


def _said(*words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.understanding.systems", *words]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def _train(config: Path, nlu: Path, folder: Path) -> Trained:
    from rasa.model_training import train_nlu

    started = time.perf_counter()
    path = train_nlu(str(config), str(nlu), str(folder), fixed_model_name=config.stem)
    if path is None:
        raise RuntimeError("no model")
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Trained(path, time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024,
                   Path(path).stat().st_size / 1e6)


def _read(model: Path, file: Path) -> Read:
    wanted = json.loads(file.read_text())
    questions = [Question(**fields) for fields in wanted["questions"]]
    return reading.read(model, questions, frozenset(wanted["to_a_person"]))


def _serve(model: Path) -> None:
    from bot.channel import read_text

    answers, agent = sys.stdout, reading.loaded(model)
    sys.stdout = sys.stderr  # whatever else is printed

    async def each(texts: Sequence[str]) -> list[dict[str, Any]]:
        return [(await read_text(agent, text))[1] for text in texts]

    for line in sys.stdin:
        print(json.dumps(asyncio.run(each(json.loads(line)))), file=answers, flush=True)


def main() -> None:
    """As the module says."""
    reading.quiet()
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(PROJECT))
    what, *words = sys.argv[1:]
    paths = [Path(word) for word in words]
    if what == "serve":
        _serve(*paths)
        return
    print(json.dumps(asdict({"train": _train, "read": _read}[what](*paths))))


if __name__ == "__main__":
    main()
