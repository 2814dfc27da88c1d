"""Topics: the formats of spec A.6, B.1, B.2, B.7 and B.8, against the Python SDK's own functions."""

from __future__ import annotations

import pytest
from azure.iot.device.iothub.pipeline import mqtt_topic_iothub as sdk
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.heads.mqtt import topics
from edge_runtime.heads.mqtt.topics import MethodResponse, ReportedPatch, TwinGet
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import Feature

MODULE = ClientId("edge", "camera")
DEVICE = ClientId("leaf")
ANY = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("text", "client"),
    [
        ("hub.net/edge/camera/?api-version=2019-10-01&DeviceClientType=py%2F2.14", MODULE),
        ("hub.net/edge/camera/api-version=2019-10-01&DeviceClientType=py%2F2.14", MODULE),  # no `?`
        ("hub.net/edge/camera/?DeviceClientType=py%2F2.14&api-version=2019-10-01&other=1", MODULE),
        ("hub.net/edge/camera/?api-version=2019-10-01&api-version=&DeviceClientType=py%2F2.14", MODULE),
        ("hub.net/edge/camera/?api-version=2019-10-01&DeviceClientType=py/2.14", MODULE),  # raw slash
        ("hub.net/leaf/?api-version=2019-10-01&DeviceClientType=py%2F2.14", DEVICE),
        ("hub.net/leaf/api-version=2019-10-01&DeviceClientType=py%2F2.14", DEVICE),
    ],
)
def test_username(text: str, client: ClientId) -> None:
    assert topics.parse_username(text) == ("hub.net", client, "2019-10-01", "py/2.14", None)


def test_username_with_a_plug_and_play_model() -> None:
    text = "hub/d/?api-version=2020-09-30&DeviceClientType=x&model-id=dtmi%3Acontoso%3Acam%3B1"
    assert topics.parse_username(text).model_id == "dtmi:contoso:cam;1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hub",
        "hub/edge",
        "hub/edge/camera",
        "hub/edge/camera/",
        "hub/edge/camera/?",
        "hub/edge/camera/?api-version=",
        "hub/edge/camera/?API-VERSION=1",
        "hub/edge/camera/more/?api-version=1",
        "/edge/camera/?api-version=1",
        "hub//camera/?api-version=1",
        "hub/edge//?api-version=1",
        "hub/?api-version=1",
        "?api-version=1",
    ],
)
def test_malformed_usernames(text: str) -> None:
    with pytest.raises(topics.UsernameError):
        topics.parse_username(text)


@pytest.mark.parametrize(
    ("rest", "bag"),
    [
        ("", ""),  # no trailing slash at all
        ("/", ""),
        ("/a=1", "a=1"),
        ("/?a=1", "a=1"),
        ("/a=1/", "a=1"),  # Node's trailing slash is not part of the value
        ("/a=1/b=2", "a=1"),
        ("//a=1", ""),
        ("extra/a=1", None),
    ],
)
def test_bag_text(rest: str, bag: str | None) -> None:
    assert (
        topics.bag_text("devices/edge/modules/camera/messages/events" + rest, topics.events_prefix(MODULE))
        == bag
    )
    assert topics.bag_text("devices/leaf/messages/events" + rest, topics.events_prefix(DEVICE)) == bag


@pytest.mark.parametrize(
    ("topic", "module_refused", "device_refused"),
    [
        ("devices/edge/modules/camera/messages/events/", False, True),
        ("devices/edge/modules/camera/anything", False, True),
        ("devices/edge/modules/other/messages/events/", True, True),
        ("devices/edge/modules/camera2/messages/events/", True, True),
        ("devices/edge/messages/events/", True, True),  # a module may not speak as its device
        ("devices/leaf/messages/events/", True, False),
        ("devices/leaf/modules/camera/messages/events/", True, True),
        ("devices/", True, True),
        ("$iothub/twin/GET/?$rid=1", False, False),
        ("something/else", False, False),
    ],
)
def test_names_another(topic: str, module_refused: bool, device_refused: bool) -> None:
    assert topics.names_another(topic, MODULE) is module_refused
    assert topics.names_another(topic, DEVICE) is device_refused


@pytest.mark.parametrize(
    ("topic", "request_"),
    [
        ("$iothub/twin/GET/?$rid=7", TwinGet("7")),
        ("$iothub/twin/GET?$rid=7", TwinGet("7")),
        ("$iothub/twin/GET/?%24rid=7", TwinGet("7")),
        ("$iothub/twin/GET/?$version=3&$rid=7", TwinGet("7")),
        ("$iothub/twin/GET/?$rid=a%2Fb", TwinGet("a%2Fb")),  # as written, so that the echo is exact
        ("$iothub/twin/PATCH/properties/reported/?$rid=7", ReportedPatch("7")),
        ("$iothub/methods/res/200/?$rid=7", MethodResponse(200, "7")),
        ("$iothub/methods/res/-1/?$rid=a%2Fb", MethodResponse(-1, "a/b")),
        ("$iothub/methods/res/ok/?$rid=7", None),
        ("$iothub/methods/res//?$rid=7", None),
        ("$iothub/twin/GET/", None),
        ("$iothub/twin/GET/?$rid=", None),
        ("$iothub/twin/GET/?rid=7", None),
        ("$iothub/twin/PATCH/properties/desired/?$rid=7", None),
        ("$iothub/twin/GET/more/?$rid=7", None),
        ("devices/edge/messages/events/", None),
    ],
)
def test_requests(topic: str, request_: object) -> None:
    assert topics.parse_request(topic) == request_
    assert type(topics.parse_request(topic)) is type(request_)


@given(ANY)
def test_requests_of_the_sdk_and_its_view_of_the_answers(rid: str) -> None:
    get = topics.parse_request(sdk.get_twin_topic_for_publish("GET", "/", rid))
    assert isinstance(get, TwinGet)
    answer = topics.twin_response_topic(200, get.request_id)
    assert sdk.is_twin_response_topic(answer)
    assert sdk.get_twin_request_id_from_topic(answer) == rid
    assert sdk.get_twin_status_code_from_topic(answer) == "200"
    patch = topics.parse_request(sdk.get_twin_topic_for_publish("PATCH", "/properties/reported/", rid))
    assert patch == ReportedPatch(get.request_id)


@given(ANY, ANY, st.integers(-999, 999))
def test_methods_as_the_sdk_reads_and_answers_them(name: str, rid: str, status: int) -> None:
    topic = topics.method_topic(name, rid)
    assert sdk.is_method_topic(topic)
    assert sdk.get_method_name_from_topic(topic) == name
    assert sdk.get_method_request_id_from_topic(topic) == rid
    assert topics.parse_request(sdk.get_method_topic_for_publish(rid, status)) == MethodResponse(status, rid)


def test_a_plain_method_name_travels_as_edgehub_sends_it() -> None:
    assert topics.method_topic("take snapshot", "1-2") == "$iothub/methods/POST/take snapshot/?$rid=1-2"


def test_desired_patch() -> None:
    assert sdk.is_twin_desired_property_patch_topic(topics.desired_patch_topic(3))
    assert topics.desired_patch_topic(3).endswith("/?$version=3")


@given(ANY)
def test_inputs_as_the_sdk_reads_them(name: str) -> None:
    topic = topics.input_topic(MODULE, name, "")
    assert topic.endswith("/")  # Node needs it
    assert sdk.is_input_topic(topic, "edge", "camera")
    assert sdk.get_input_name_from_topic(topic) == name


@pytest.mark.parametrize(
    ("topic_filter", "of_module", "of_device"),
    [
        (sdk.get_input_topic_for_subscribe("edge", "camera"), Feature.INPUTS, None),
        ("devices/edge/modules/camera/#", Feature.INPUTS, None),  # the C SDK
        ("devices/edge/modules/camera/inputs/one/#", Feature.INPUTS, None),
        ("devices/edge/modules/camera/inputs/one", None, None),
        ("devices/edge/modules/other/inputs/#", None, None),
        ("devices/edge/modules/+/inputs/#", None, None),
        ("devices/edge/modules/camera2/#", None, None),
        (sdk.get_c2d_topic_for_subscribe("leaf"), None, Feature.DEVICEBOUND),
        (sdk.get_c2d_topic_for_subscribe("edge"), None, None),
        (sdk.get_method_topic_for_subscribe(), Feature.METHODS, Feature.METHODS),
        (sdk.get_twin_patch_topic_for_subscribe(), Feature.DESIRED, Feature.DESIRED),
        (sdk.get_twin_response_topic_for_subscribe(), None, None),  # no feature of the hub
        ("#", None, None),
        ("+/+", None, None),
        ("$SYS/#", None, None),
    ],
)
def test_features(topic_filter: str, of_module: Feature | None, of_device: Feature | None) -> None:
    assert topics.feature_of(topic_filter, MODULE) is of_module
    assert topics.feature_of(topic_filter, DEVICE) is of_device


def test_the_twin_response_filter_is_the_sdks() -> None:
    assert sdk.get_twin_response_topic_for_subscribe() == topics.TWIN_RESPONSES
