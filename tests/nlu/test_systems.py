"""The comparison trains a pipeline again only when its model would be another one."""

from __future__ import annotations

import shutil

import pytest

from benchmarks.understanding import systems
from benchmarks.understanding.reading import PROJECT

CONFIG = """\
recipe: default.v1
language: id
pipeline:
- {name: bot.tokenizer.IndonesianTokenizer}
- {name: CountVectorsFeaturizer}
- {name: LogisticRegressionClassifier}
policies: []
"""
EXAMPLES = """\
version: "3.1"
nlu:
- {intent: sapa, examples: "- halo\\n- selamat pagi\\n"}
- {intent: pamit, examples: "- sampai jumpa\\n- dadah\\n"}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def trained(folder):
    (folder / "small.yml").write_text(CONFIG)
    (folder / "nlu.yml").write_text(EXAMPLES)
    return systems.train(folder / "small.yml", folder / "nlu.yml", folder)


def kept(folder):
    return systems.kept(folder / "small.yml", folder / "nlu.yml", folder)


def test_what_has_not_changed_is_kept_with_what_it_cost(folder, trained):
    assert trained.seconds > 0
    assert kept(folder) == trained


@pytest.mark.parametrize("file", ["small.yml", "nlu.yml"])
def test_another_pipeline_or_other_examples_are_trained(folder, trained, file):
    before = (folder / file).read_text()
    (folder / file).write_text(f"{before}# more\n")
    assert kept(folder) is None
    (folder / file).write_text(before)
    assert kept(folder) == trained


def test_a_pipeline_of_ours_is_trained_when_its_code_changes(folder, trained, monkeypatch, tmp_path):
    for name in ("requirements", "data", "bot"):
        shutil.copytree(PROJECT / name, tmp_path / name)
    monkeypatch.setattr(systems, "PROJECT", tmp_path)
    assert kept(folder) == trained
    (tmp_path / "bot" / "tokenizer.py").write_text("another")
    assert kept(folder) is None


def test_a_training_cut_short_leaves_nothing_to_keep(folder, trained):
    (folder / "small.yml").write_text("pipeline: [{name: Nobody}]\n")
    with pytest.raises(RuntimeError, match="failed"):
        systems.train(folder / "small.yml", folder / "nlu.yml", folder)
    (folder / "small.yml").write_text(CONFIG)
    assert kept(folder) is None
