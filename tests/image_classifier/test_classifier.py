from __future__ import annotations

import pickle
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from image_classifier.bundle import Bundle
from image_classifier.classifier import Classification, Classifier, Refusal
from image_classifier.decoding import DecodeLimits
from image_classifier.errors import BadImageError, BadImageReason
from tests.image_classifier.tiny_model import Tiny, encode, make_bundle, plain


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize(
    ("colour", "label"), [((250, 10, 10), "red"), ((10, 250, 10), "green"), ((10, 10, 250), "blue")]
)
def test_a_picture_gets_its_label(
    tiny_bundle: Bundle, colour: tuple[int, int, int], label: str, kind: str
) -> None:
    result = Classifier(tiny_bundle).classify(encode(plain(colour, 64, 48), kind))
    assert result.top[0].label == label
    assert result.top[0].probability > 0.9
    assert (result.abstained, result.reason) == (False, None)
    assert result.timings.decode_s > 0
    assert result.timings.infer_s > 0


@pytest.mark.parametrize(("top_k", "expected"), [(-1, 1), (0, 1), (1, 1), (2, 2), (3, 3), (99, 3)])
def test_top_k_is_sorted_and_bounded(tiny_bundle: Bundle, top_k: int, expected: int) -> None:
    top = Classifier(tiny_bundle).classify(encode(plain((100, 120, 80))), top_k).top
    assert len(top) == expected
    assert [c.probability for c in top] == sorted((c.probability for c in top), reverse=True)


def test_equal_candidates_keep_the_order_of_the_labels(tiny_bundle: Bundle) -> None:
    result = Classifier(tiny_bundle).classify(encode(plain((90, 90, 90))))
    assert [candidate.label for candidate in result.top] == ["red", "green", "blue"]


@pytest.mark.parametrize(
    ("margin", "abstained"),
    [
        (None, True),  # the bundle's 0.1; grey is a tie
        (0.0, False),  # never abstain
        (0.05, True),
    ],
)
def test_a_tie_is_no_answer(tiny_bundle: Bundle, margin: float | None, abstained: bool) -> None:
    result = Classifier(tiny_bundle, margin=margin).classify(encode(plain((90, 90, 90))))
    assert result.abstained is abstained
    assert result.reason == ("low_margin" if abstained else None)


def test_a_difference_of_exactly_the_margin_is_an_answer(tiny_bundle: Bundle) -> None:
    picture = encode(plain((100, 120, 80)))
    best, second = Classifier(tiny_bundle, margin=0).classify(picture, 2).top
    difference = best.probability - second.probability
    assert 0 < difference < 1
    assert not Classifier(tiny_bundle, margin=difference).classify(picture).abstained
    assert Classifier(tiny_bundle, margin=difference + 1 / 256).classify(picture).abstained


def test_a_model_of_one_label_never_abstains(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "one", Tiny(outputs=1))
    assert not Classifier(bundle, margin=1).classify(encode(plain((90, 90, 90)))).abstained


def test_limits_reach_the_decoder(tiny_bundle: Bundle) -> None:
    classifier = Classifier(tiny_bundle, limits=DecodeLimits(max_pixels=100))
    with pytest.raises(BadImageError) as caught:
        classifier.classify(encode(plain((1, 2, 3), 11, 10)))
    assert caught.value.reason is BadImageReason.TOO_MANY_PIXELS
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - it crosses process pools
    assert (again.reason, again.detail, str(again)) == (
        caught.value.reason,
        caught.value.detail,
        str(caught.value),
    )


def test_a_bad_picture_does_not_disturb_the_next(tiny_bundle: Bundle) -> None:
    classifier = Classifier(tiny_bundle)
    good = encode(plain((250, 10, 10)), "JPEG")
    before = classifier.classify(good).top
    with pytest.raises(BadImageError):
        classifier.classify(good[:-30])
    assert classifier.classify(good).top == before


def test_several_pictures_are_answered_as_each_alone_and_in_their_order(tiny_bundle: Bundle) -> None:
    classifier = Classifier(tiny_bundle)
    pictures = [encode(plain(colour)) for colour in ((250, 0, 0), (0, 250, 0), (0, 0, 250), (90, 90, 90))]
    results = classifier.classify_all([*pictures, b"no picture", *reversed(pictures)], 2)
    refusal = results.pop(4)
    assert isinstance(refusal, Refusal)
    assert isinstance(refusal.error, BadImageError)
    assert refusal.timings.decode_s > 0
    expected = [classifier.classify(picture, 2).top for picture in (*pictures, *reversed(pictures))]
    assert [result.top for result in results if isinstance(result, Classification)] == expected
    assert classifier.classify_all([]) == []


def test_threads_do_not_mix_up_answers(tiny_bundle: Bundle) -> None:
    classifier = Classifier(tiny_bundle)
    colours = {"red": (250, 0, 0), "green": (0, 250, 0), "blue": (0, 0, 250)}
    pictures = {label: encode(plain(colour)) for label, colour in colours.items()}
    wrong: list[str] = []

    def work(label: str) -> None:
        answers = {classifier.classify(pictures[label]).top[0].label for _ in range(200)}
        wrong.extend(answers - {label})

    threads = [threading.Thread(target=work, args=(label,)) for label in pictures for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_swapped_channels_change_the_label(tiny_bundle: Bundle) -> None:
    swapped = replace(tiny_bundle, input=replace(tiny_bundle.input, colour_order="BGR"))
    red = encode(plain((250, 10, 10)))
    assert Classifier(tiny_bundle).classify(red).top[0].label == "red"
    assert Classifier(swapped).classify(red).top[0].label == "blue"
