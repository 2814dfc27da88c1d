"""The function app (Python v2 model): `POST /api/score`, `GET /api/health`, and IoT Hub's events to alerts."""

from __future__ import annotations

import json
import logging
import os
from functools import cache

import azure.functions as func

from image_classifier.bundle import load_bundle
from image_classifier.classifier import Classifier
from targets.functions.alerts import Rule, sort
from targets.scoring_request import answer

_log = logging.getLogger(__name__)

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)


@cache
def classifier() -> Classifier:
    """One for the worker process: the host calls functions in threads of it."""
    return Classifier(load_bundle(os.environ.get("BUNDLE", "fast")))


@cache
def rule() -> Rule:
    return Rule.from_environment(os.environ)


@app.route(route="score", methods=[func.HttpMethod.POST])  # type: ignore[untyped-decorator]
def score(req: func.HttpRequest) -> func.HttpResponse:
    """A picture, or JSON of several (see `scoring_request`), with a function key."""
    result = answer(
        classifier(), req.headers.get("Content-Type", ""), req.get_body(), req.params.get("top_k")
    )
    return func.HttpResponse(result.body, status_code=result.status, mimetype=result.content_type)


@app.route(route="health", methods=[func.HttpMethod.GET], auth_level=func.AuthLevel.ANONYMOUS)  # type: ignore[untyped-decorator]
def health(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the host binds it by name
    """200 once the model is loaded and the rule is read."""
    rule()
    bundle = classifier().bundle
    return func.HttpResponse(
        json.dumps({"bundle": bundle.name, "version": bundle.version}), mimetype="application/json"
    )


@app.event_hub_message_trigger(  # type: ignore[untyped-decorator]
    arg_name="events",
    event_hub_name="%IOTHUB_EVENTS_NAME%",
    connection="IOTHUB_EVENTS",
    consumer_group="%IOTHUB_CONSUMER_GROUP%",
    cardinality=func.Cardinality.MANY,
)
# Without it the checkpoint passes a batch that failed. No event can make a run fail, only what a person or time mends
# (a setting, the queue), so it waits for that; Microsoft's functions-bindings-error-pages: -1 is for ever.
@app.retry(  # type: ignore[untyped-decorator]
    strategy="exponential_backoff",
    max_retry_count="-1",
    minimum_interval="00:00:02",
    maximum_interval="00:05:00",
)
@app.queue_output(arg_name="queue", queue_name="alerts", connection="AzureWebJobsStorage")  # type: ignore[untyped-decorator]
def alerts(events: list[func.EventHubEvent], queue: func.Out[list[str]]) -> None:
    """What IoT Hub's built-in endpoint delivers, as `alert/1` messages on the storage queue `alerts`."""
    found = sort([event.get_body() for event in events], rule())
    for problem in found.bad:
        _log.warning("not an event: %s", problem)
    _log.info(
        "%d messages: %d alerts, %d of other schemas, %d bad",
        len(events),
        len(found.alerts),
        found.others,
        len(found.bad),
    )
    if found.alerts:
        queue.set([json.dumps(alert) for alert in found.alerts])
