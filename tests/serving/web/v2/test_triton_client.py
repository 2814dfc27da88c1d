"""The inference protocol as NVIDIA's own client speaks it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton

from image_classifier.bundle import load_bundle
from image_classifier.classifier import Classifier
from image_classifier.preprocess import Preprocessor
from tests.patience import PATIENCE_S
from tests.serving.running import AUTHORIZATION, RunningService

BUNDLE = load_bundle("fast")
PICTURES = [vector.image for vector in BUNDLE.golden_vectors]


@pytest.fixture(scope="module")
def client(service: RunningService) -> Iterator[Any]:
    address = f"{service.address}:{service.port}"
    with triton.InferenceServerClient(
        address, connection_timeout=PATIENCE_S, network_timeout=PATIENCE_S
    ) as found:
        yield found


@pytest.fixture(scope="module")
def expected() -> np.ndarray[Any, Any]:
    classifier = Classifier(BUNDLE)
    return np.stack([classifier.probabilities(classifier.tensor(picture)) for picture in PICTURES])


def key() -> dict[str, str]:
    """The client writes into the headers that it is given."""
    return dict(AUTHORIZATION)


def encoded(binary: bool) -> Any:
    tensor = triton.InferInput("image", [len(PICTURES)], "BYTES")
    tensor.set_data_from_numpy(np.array(PICTURES, dtype=object), binary_data=binary)
    return tensor


def pixels(binary: bool) -> Any:
    rgb = np.stack([Preprocessor(BUNDLE.input).pixels(picture) for picture in PICTURES])
    tensor = triton.InferInput("image", list(rgb.shape), "UINT8")
    tensor.set_data_from_numpy(rgb, binary_data=binary)
    return tensor


def preprocessed(binary: bool) -> Any:
    values = np.concatenate([Preprocessor(BUNDLE.input).tensor(picture) for picture in PICTURES])
    tensor = triton.InferInput("image", list(values.shape), "INT8")
    tensor.set_data_from_numpy(values, binary_data=binary)
    return tensor


def test_the_server_and_the_model_are_alive_and_ready(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("fast")
    assert client.is_model_ready("fast", BUNDLE.version)
    assert not client.is_model_ready("other")


def test_metadata(client: Any) -> None:
    server = client.get_server_metadata(headers=key())
    assert "binary_tensor_data" in server["extensions"]
    for version in ("", BUNDLE.version):
        model = client.get_model_metadata("fast", version, headers=key())
        assert model["name"] == "fast"
        assert model["versions"] == [BUNDLE.version]
        assert model["inputs"] == [{"name": "image", "datatype": "BYTES", "shape": [-1]}]
        assert [output["name"] for output in model["outputs"]] == ["probabilities", "label", "abstained"]


@pytest.mark.parametrize("binary_output", [True, False])
@pytest.mark.parametrize(
    "tensor",
    [encoded(True), pixels(True), pixels(False), preprocessed(True), preprocessed(False)],
    ids=["BYTES", "UINT8", "UINT8 in JSON", "INT8", "INT8 in JSON"],
)
def test_all_inputs_give_what_the_library_gives(
    client: Any, expected: np.ndarray[Any, Any], tensor: Any, binary_output: bool
) -> None:
    outputs = [
        triton.InferRequestedOutput(name, binary_data=binary_output)
        for name in ("abstained", "label", "probabilities")
    ]
    result = client.infer("fast", [tensor], outputs=outputs, request_id="seven", headers=key())
    assert result.get_response()["id"] == "seven"
    assert result.get_response()["model_version"] == BUNDLE.version
    np.testing.assert_allclose(result.as_numpy("probabilities"), expected, atol=1e-6)
    labels = [BUNDLE.labels[index] for index in expected.argmax(axis=1)]
    found = [text.decode() if isinstance(text, bytes) else text for text in result.as_numpy("label").tolist()]
    assert found == labels
    ordered = np.sort(expected, axis=1)
    assert result.as_numpy("abstained").tolist() == list(ordered[:, -1] - ordered[:, -2] < BUNDLE.margin)


def test_without_outputs_all_come_behind_the_json(client: Any, expected: np.ndarray[Any, Any]) -> None:
    result = client.infer("fast", [encoded(True)], model_version=BUNDLE.version, headers=key())
    outputs = result.get_response()["outputs"]
    assert [output["name"] for output in outputs] == ["probabilities", "label", "abstained"]
    assert all("binary_data_size" in output["parameters"] for output in outputs)
    np.testing.assert_allclose(result.as_numpy("probabilities"), expected, atol=1e-6)


def test_the_classification_extension_names_the_best(client: Any, expected: np.ndarray[Any, Any]) -> None:
    outputs = [triton.InferRequestedOutput("probabilities", class_count=2)]
    result = client.infer("fast", [encoded(True)], outputs=outputs, headers=key())
    best = result.as_numpy("probabilities")
    assert best.shape == (len(PICTURES), 2)
    for row, probabilities in zip(best, expected, strict=True):
        probability, index, label = row[0].decode().split(":")
        assert float(probability) == pytest.approx(probabilities.max(), abs=1e-5)
        assert int(index) == probabilities.argmax()
        assert label == BUNDLE.labels[int(index)]


def test_an_error_arrives_as_the_client_s_own_exception(client: Any) -> None:
    tensor = triton.InferInput("image", [1], "BYTES")
    tensor.set_data_from_numpy(np.array([b"no picture"], dtype=object))
    with pytest.raises(triton.InferenceServerException, match="neither JPEG nor PNG"):
        client.infer("fast", [tensor], headers=key())
    with pytest.raises(triton.InferenceServerException, match="not served here"):
        client.infer("fast", [encoded(True)], model_version="9", headers=key())
    with pytest.raises(triton.InferenceServerException, match="key"):
        client.infer("fast", [encoded(True)])
