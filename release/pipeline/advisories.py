"""Known vulnerabilities, asked of an OSV database, Python's and Debian's alike.

The protocol: https://google.github.io/osv.dev/api.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import requests

OSV_URL = "https://api.osv.dev"
_AT_ONCE = 8
_TIMEOUT_S = 30


class UnreachableError(Exception):
    """No database answers, so nothing is known. The message names its address and the reason."""


@dataclass(frozen=True, slots=True, order=True)
class Dependency:
    """A package as OSV files it: `ecosystem` is `PyPI` or, for source packages, `Debian:12`."""

    ecosystem: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Advisory:
    """`fixed`: versions that mend it, empty when there is none yet. `aliases` include CVE numbers."""

    id: str
    aliases: tuple[str, ...]
    summary: str
    fixed: tuple[str, ...]

    @property
    def names(self) -> frozenset[str]:
        return frozenset((self.id, *self.aliases))


def look_up(
    dependencies: Iterable[Dependency], url: str = OSV_URL
) -> Iterator[tuple[Dependency, list[Advisory]]]:
    """What is known of each, as the answers come, in order. Raises UnreachableError."""
    with requests.Session() as session, ThreadPoolExecutor(_AT_ONCE) as pool:
        wanted = list(dependencies)
        try:
            yield from zip(wanted, pool.map(lambda one: _query(session, url, one), wanted), strict=True)
        except (requests.RequestException, ValueError, KeyError) as error:
            pool.shutdown(cancel_futures=True)
            raise UnreachableError(f"{url}: {type(error).__name__}: {error}") from None


def _query(session: requests.Session, url: str, one: Dependency) -> list[Advisory]:
    query: dict[str, Any] = {
        "package": {"ecosystem": one.ecosystem, "name": one.name},
        "version": one.version,
    }
    advisories: list[Advisory] = []
    while True:
        answer = session.post(f"{url}/v1/query", json=query, timeout=_TIMEOUT_S)
        answer.raise_for_status()
        document = answer.json()
        advisories += [_advisory(v, one) for v in document.get("vulns", ()) if not v.get("withdrawn")]
        if not (token := document.get("next_page_token")):
            return advisories
        query["page_token"] = token


def _advisory(vulnerability: dict[str, Any], one: Dependency) -> Advisory:
    fixed = {
        event["fixed"]
        for affected in vulnerability.get("affected", ())
        if affected.get("package", {}).get("ecosystem") == one.ecosystem
        and affected["package"].get("name") == one.name
        for span in affected.get("ranges", ())
        if span.get("type") == "ECOSYSTEM"
        for event in span.get("events", ())
        if "fixed" in event
    }
    summary = vulnerability.get("summary") or vulnerability.get("details") or ""
    aliases = (*vulnerability.get("aliases", ()), *vulnerability.get("upstream", ()))
    return Advisory(vulnerability["id"], aliases, " ".join(summary.split())[:200], tuple(sorted(fixed)))
