"""The model in use changes whole, between two frames, and only for one that was proven."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from classifier.answer import Answer
from classifier.engine import Engine
from classifier.settings import ClassifierSettings
from image_classifier import bundle as bundle_module
from image_classifier.bundle import Bundle
from image_classifier.errors import BundleError, BundleNotFoundError
from module_kit.message import MessageError
from module_kit.settings import SettingsRefused
from tests.classifier.arriving import arriving, frame
from tests.image_classifier.tiny_model import Tiny, edit, encode, make_bundle, plain

RED = encode(plain((250, 10, 10)))
NEARLY_GREY = encode(plain((100, 110, 100)))


def settings(bundle: Bundle, **changes: Any) -> ClassifierSettings:
    return ClassifierSettings(model=str(bundle.folder), **changes)


def ask(engine: Engine, image: bytes = RED) -> dict[str, Any]:
    (result,) = engine.answer_all([arriving(frame(image).encode())])
    assert isinstance(result, Answer)
    body: dict[str, Any] = json.loads(result.message.body)
    return body


@pytest.fixture
def other_bundle(tmp_path: Path) -> Bundle:
    return make_bundle(tmp_path / "other", Tiny(softmax=False), version="2.0.0")


def test_a_new_bundle_takes_over(tiny_bundle: Bundle, other_bundle: Bundle) -> None:
    old, new = settings(tiny_bundle), settings(other_bundle)
    engine = Engine(old)
    assert ask(engine)["model"]["name"] == "tiny"
    engine.change(old, new)
    assert ask(engine)["model"] == {"name": "other", "version": "2.0.0", "sha256": other_bundle.sha256}
    assert engine.model.sha256 == other_bundle.sha256


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("sha256",), "0" * 64, r"sha256: the file tiny\.tflite is not the one"),
        (("input", "colourOrder"), "BGR", "gives other tensor bytes"),
        (("labels",), ["red", "green"], "probabilities: wrong length"),
        (("output", "zeroPoint"), 5, r"output\.zeroPoint: the model in tiny\.tflite says otherwise"),
    ],
)
def test_a_refused_bundle_keeps_the_old_one(
    tiny_bundle: Bundle, other_bundle: Bundle, path: tuple[str, ...], value: object, problem: str
) -> None:
    old, new = settings(tiny_bundle), settings(other_bundle, top_k=1)
    engine = Engine(old)
    edit(other_bundle, *path, value=value)
    with pytest.raises(SettingsRefused, match=rf"^model: {other_bundle.document_path}: .*{problem}"):
        engine.change(old, new)
    body = ask(engine)
    assert body["model"]["name"] == "tiny"
    assert len(body["top"]) == 3  # nothing of the refused settings came into force


def test_a_model_that_kills_its_child_keeps_the_old_one(
    tiny_bundle: Bundle, other_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = settings(tiny_bundle)
    engine = Engine(old)
    stand_in = tmp_path / "interpreter"
    stand_in.write_text("#!/bin/sh\nkill -SEGV $$\n")
    stand_in.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    with pytest.raises(SettingsRefused, match="the model ended the process that tried it: SIGSEGV"):
        engine.change(old, settings(other_bundle))
    assert ask(engine)["model"]["name"] == "tiny"


def test_other_settings_apply_live(tiny_bundle: Bundle) -> None:
    old = settings(tiny_bundle)
    engine = Engine(old)
    assert ask(engine, NEARLY_GREY)["abstained"] is False
    new = settings(tiny_bundle, top_k=1, margin=0.99, threads=2)
    engine.change(old, new)
    body = ask(engine, NEARLY_GREY)
    assert (body["abstained"], len(body["top"])) == (True, 1)
    engine.change(new, settings(tiny_bundle, maximum_pixels=1024))
    assert ask(engine, encode(plain((1, 2, 3), 33, 32)))["error"]["code"] == "too_many_pixels"


def test_the_inbox_is_the_environments_alone(tiny_bundle: Bundle) -> None:
    old = settings(tiny_bundle)
    engine = Engine(old)
    with pytest.raises(SettingsRefused, match="INBOX alone"):
        engine.change(old, settings(tiny_bundle, inbox=64))


def test_a_shipped_bundle_needs_no_child_at_start(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came with the image, and a start should be quick; a foreign one is tried first even then."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(BundleError, match="ended the process that tried it"):
        Engine(settings(tiny_bundle))
    monkeypatch.setattr(bundle_module, "SHIPPED", tiny_bundle.folder.parent)
    monkeypatch.setattr("classifier.engine.SHIPPED", tiny_bundle.folder.parent)
    assert Engine(ClassifierSettings(model="tiny")).model.name == "tiny"


def test_an_unknown_bundle_at_start() -> None:
    with pytest.raises(BundleNotFoundError, match="nowhere"):
        Engine(ClassifierSettings(model="nowhere"))


def test_messages_without_identity_do_not_stop_the_rest(tiny_bundle: Bundle) -> None:
    nameless = arriving(frame(RED).encode())
    nameless.custom_properties = {}
    batch = [arriving(frame(RED, 0).encode()), nameless, arriving(frame(RED, 2).encode())]
    first, second, third = Engine(settings(tiny_bundle)).answer_all(batch)
    assert isinstance(first, Answer)
    assert isinstance(second, MessageError)
    assert isinstance(third, Answer)
    assert (first.prediction.sequence, third.prediction.sequence) == (0, 2)


def test_a_bad_picture_in_a_batch_gets_its_own_answer_and_the_others_theirs(tiny_bundle: Bundle) -> None:
    colours = {"red": RED, "cut": RED[:-20], "grey": b"no picture", "again": RED}
    batch = [
        arriving(frame(image, n, label=name).encode()) for n, (name, image) in enumerate(colours.items())
    ]
    bodies = []
    for result in Engine(settings(tiny_bundle)).answer_all(batch):
        assert isinstance(result, Answer)
        bodies.append(json.loads(result.message.body))
    assert [body["sequence"] for body in bodies] == [0, 1, 2, 3]
    assert [body["truth"] for body in bodies] == list(colours)
    assert ["error" in body for body in bodies] == [False, True, True, False]
    assert bodies[0]["top"] == bodies[3]["top"]
    assert bodies[1]["frameSha256"] != bodies[0]["frameSha256"] == bodies[3]["frameSha256"]


def test_what_was_prepared_is_taken_as_it_was(
    tiny_bundle: Bundle, other_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`change` runs on the loop: neither child nor file may be touched there again."""
    old, new = settings(tiny_bundle), settings(other_bundle)
    engine = Engine(old)
    engine.prepare(old, new)
    assert ask(engine)["model"]["name"] == "tiny"  # nothing has changed yet
    monkeypatch.setattr(sys, "executable", "/bin/false")
    other_bundle.model_path.unlink()
    engine.change(old, new)
    assert ask(engine)["model"]["name"] == "other"


def test_a_refusal_is_remembered_once(tiny_bundle: Bundle, other_bundle: Bundle) -> None:
    old, new = settings(tiny_bundle), settings(other_bundle)
    engine = Engine(old)
    good = other_bundle.document_path.read_text()
    edit(other_bundle, "sha256", value="0" * 64)
    engine.prepare(old, new)
    other_bundle.document_path.write_text(good)
    with pytest.raises(SettingsRefused, match="sha256"):
        engine.change(old, new)
    engine.change(old, new)  # the file was mended, and the same settings are asked for again
    assert ask(engine)["model"]["name"] == "other"


def test_preparations_that_are_never_used_do_not_pile_up(tiny_bundle: Bundle) -> None:
    old = settings(tiny_bundle)
    engine = Engine(old)
    for top_k in range(1, 10):
        engine.prepare(old, settings(tiny_bundle, top_k=top_k))
    assert len(engine._prepared) == 2
