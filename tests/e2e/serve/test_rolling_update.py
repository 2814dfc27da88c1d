"""A rollout as the Deployment has it (maxSurge 1, maxUnavailable 0), behind a proxy that repeats nothing."""

from __future__ import annotations

from tests.e2e.image_suite import Tell
from tests.e2e.serve.load import Tally, load
from tests.e2e.serve.replicas import KEYS, Replicas, status

SCORE = "/score"
_ANSWERS = 20
"""From each replica before the next step: it takes part."""


def test_a_rollout_under_load_fails_no_request(
    replicas: Replicas, proxy: str, picture: bytes, tell: Tell
) -> None:
    replicas.start("replica-1")
    replicas.start("replica-2")
    behind(replicas, proxy)
    with load(proxy + SCORE, picture, KEYS["primary"]) as tally:
        answers_of(replicas, tally, "replica-1", "replica-2")
        # A third is ready before the first goes, and one name goes on under the new version.
        replicas.start("replica-3", bundle="accurate")
        answers_of(replicas, tally, "replica-3")
        assert replicas.end("replica-1") == 0
        replicas.start("replica-1", bundle="accurate")
        answers_of(replicas, tally, "replica-1")
        assert replicas.end("replica-2") == 0
        answers_of(replicas, tally, "replica-1", "replica-3")
    assert tally.failures == []
    tell(f"rollout: {tally.total} requests, {dict(tally.answers)}, {len(tally.failures)} failed")


def test_a_replica_that_is_killed_is_seen(replicas: Replicas, proxy: str, picture: bytes) -> None:
    """What the test above would see if a replica dropped requests."""
    replicas.start("replica-1")
    replicas.start("replica-2")
    behind(replicas, proxy)
    with load(proxy + SCORE, picture, KEYS["primary"]) as tally:
        answers_of(replicas, tally, "replica-1", "replica-2")
        replicas.kill("replica-1")
        answers_of(replicas, tally, "replica-2")
    assert tally.failures


def behind(replicas: Replicas, proxy: str) -> None:
    """Wait until the proxy has found somebody: before that it has nobody to ask."""
    host = proxy.removeprefix("http://").partition(":")[0]
    replicas.wait(lambda: status(host, "GET", "/v2/health/ready") == 200, "the proxy has found the replicas")


def answers_of(replicas: Replicas, tally: Tally, *names: str) -> None:
    """Wait until each of them has answered some more."""
    wanted = {name: tally.answers[name] + _ANSWERS for name in names}
    replicas.wait(
        lambda: all(tally.answers[name] >= count for name, count in wanted.items()),
        f"{', '.join(names)} answer through the proxy",
    )
