"""Automatic deployments: kept, chosen for the device that runs here, and measured (spec E.8)."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from typing import Any

from edge_runtime.hub.message import ClientId
from edge_runtime.iothub.service import etags
from edge_runtime.iothub.service.content import deployment
from edge_runtime.iothub.service.device import RunningDevice
from edge_runtime.iothub.service.documents import Document, Documents
from edge_runtime.iothub.service.errors import ExistsError, InvalidRequestError, MissingError, ServiceError
from edge_runtime.iothub.service.layers import Automatic, Choice, choose
from edge_runtime.iothub.service.query import MODULES, parse_query, target
from edge_runtime.iothub.service.registry import Registry
from edge_runtime.iothub.service.twins import DEPLOYED, Twins

_log = logging.getLogger(__name__)
_KIND = "configuration"
_ID = re.compile(r"[a-z0-9\-+%_*!']{1,128}")
_MOST = 100


class Configurations:
    """Answers are documents with IoT Hub's wire names. Changes must not overlap."""

    def __init__(self, documents: Documents, registry: Registry, twins: Twins, device: RunningDevice) -> None:
        self._documents = documents
        self._registry = registry
        self._twins = twins
        self._device = device
        # At its start the runtime deploys its manifest, so what is automatic comes after it once.
        self._deployed: Any = None

    async def get(self, name: str) -> Document:
        """With its metrics as they are now. Raises MissingError."""
        return await self._measured(self._stored(name))

    async def all(self) -> list[Document]:
        return [await self._measured(one) for one in self._documents.all(_KIND).values()]

    async def put(self, name: str, body: Any, if_match: str | None) -> Document:
        """Create it, or with `if_match` change all but its content.

        Raises ExistsError, MissingError, ChangedError, InvalidRequestError.
        """
        old = self._documents.get(_KIND, name)
        if old is None:
            if if_match is not None:
                raise MissingError("Configuration", name)
            if len(self._documents.all(_KIND)) >= _MOST:
                raise InvalidRequestError(f"there are {_MOST} configurations, which is the most")
        else:
            if if_match is None:
                raise ExistsError("Configuration", name)
            etags.require(name, old["etag"], if_match)
        await self._documents.put(_KIND, name, _merged(name, old, body))
        await self.reconcile()
        return await self.get(name)

    async def delete(self, name: str, if_match: str | None) -> None:
        """What it deployed goes on until another one applies. Raises MissingError, ChangedError."""
        etags.require(name, self._stored(name)["etag"], if_match)
        await self._documents.delete(_KIND, name)
        await self.reconcile()

    async def reconcile(self) -> None:
        """Deploy what the device is to have now, if that is not what it was given last.

        A deployment that the device refuses is shown as targeted, and tried again with the next change.
        """
        choice = self._choice(await self._twins.read(ClientId(self._device.name)))
        state: Document = {"states": choice.states()}
        if choice.applied:
            try:
                known = [module for module in await self._device.identities() if module is not None]
                content = deployment(choice.sections(), known)
                if content != self._deployed:
                    await self._device.deploy(content)
                self._deployed = content
            except ServiceError as error:
                _log.warning("the automatic deployments of %s: %s", self._device.name, error)
                state["states"] = Choice((), choice.targeted).states()
        if state != self._documents.get(DEPLOYED, self._device.name):
            await self._documents.put(DEPLOYED, self._device.name, state)

    async def overwrite(self) -> None:
        """Something was deployed to the device alone; an automatic deployment in force takes its place (spec E.8)."""
        self._deployed = None
        await self.reconcile()

    def test(self, body: Any) -> Document:
        """What is wrong with a condition and queries, for people who write them."""
        given = body if isinstance(body, dict) else {}
        condition = _error(target, given.get("targetCondition") or "")
        queries = {n: _error(parse_query, q) for n, q in (given.get("customMetricQueries") or {}).items()}
        found = {name: error for name, error in queries.items() if error is not None}
        return {"targetConditionError": condition, "customMetricQueryErrors": found}

    def _stored(self, name: str) -> Document:
        stored = self._documents.get(_KIND, name)
        if stored is None:
            raise MissingError("Configuration", name)
        return stored

    def _choice(self, twin: Document) -> Choice:
        return choose((Automatic.of(one) for one in self._documents.all(_KIND).values()), twin)

    async def _measured(self, stored: Document) -> Document:
        states = (self._documents.get(DEPLOYED, self._device.name) or {}).get("states", {})
        applied = states.get(stored["id"], {}).get("status") == "Applied"
        agent = (await self._device.twin(ClientId(self._device.name, "$edgeAgent"))) if applied else {}
        results = {
            "targetedCount": await self._targeted(stored),
            "appliedCount": int(applied),
            "reportedSuccessfulCount": int(applied and _reported(agent) == "success"),
            "reportedFailedCount": int(applied and _reported(agent) == "failure"),
        }
        queries = stored["metrics"]["queries"]
        counted = {name: len(await self.query(query)) for name, query in queries.items()}
        return {
            **stored,
            "systemMetrics": {"results": results, "queries": {}},
            "metrics": {"results": counted, "queries": queries},
        }

    async def _targeted(self, stored: Document) -> int:
        wanted = Automatic.of(stored)
        devices = [one for one in await self._registry.devices() if one["capabilities"]["iotEdge"]]
        return sum([wanted.targets(await self._twins.of(one)) for one in devices])

    async def query(self, text: Any) -> list[Document]:
        """Rows of `devices` or `devices.modules`. Raises InvalidRequestError."""
        query = parse_query(text)
        identities = await self._registry.devices()
        if query.source == MODULES:
            identities = [m for d in identities for m in await self._registry.modules(d["deviceId"])]
        return query.run([await self._twins.of(identity) for identity in identities])


def _reported(agent: Document) -> str | None:
    """How the agent says that the present deployment went; None while it has not said."""
    reported = agent["reported"]
    if reported.get("lastDesiredVersion") != agent["desired"]["$version"]:
        return None
    return "success" if reported.get("lastDesiredStatus", {}).get("code") == 200 else "failure"


def _merged(name: str, old: Document | None, body: Any) -> Document:
    if not isinstance(body, dict) or body.get("id", name) != name:
        raise InvalidRequestError(f"the body must be the Configuration {name!r} as JSON object")
    if not _ID.fullmatch(name):
        raise InvalidRequestError(
            f"{name!r}: an id has 1 to 128 lower-case letters, digits and - + % _ * ! '"
        )
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    before = old or {"labels": {}, "targetCondition": "", "priority": 0, "metrics": {}, "content": None}
    document: Document = {
        "id": name,
        "schemaVersion": "1.0",
        "labels": body.get("labels", before["labels"]),
        "content": body.get("content", before["content"]),
        "targetCondition": body.get("targetCondition", before["targetCondition"]),
        "priority": body.get("priority", before["priority"]),
        "metrics": {"queries": (body.get("metrics") or before["metrics"]).get("queries") or {}},
        "createdTimeUtc": (old or {}).get("createdTimeUtc", now),
        "lastUpdatedTimeUtc": now,
        "etag": etags.fresh(),
    }
    if old is not None and document["content"] != old["content"]:
        raise InvalidRequestError(f"{name}: the content of a configuration stays; create another one")
    _check(document)
    return document


def _check(document: Document) -> None:
    priority = document["priority"]
    if not isinstance(priority, int) or isinstance(priority, bool) or not 0 <= priority < 2**31:
        raise InvalidRequestError("priority: a whole number from 0 on")
    if not isinstance(document["labels"], dict) or not isinstance(document["targetCondition"], str):
        raise InvalidRequestError("labels: an object; targetCondition: a text")
    target(document["targetCondition"])
    for query in document["metrics"]["queries"].values():
        parse_query(query)
    Automatic.of(document)


def _error(check: Any, text: Any) -> str | None:
    try:
        check(text)
    except InvalidRequestError as error:
        return str(error)
    return None
