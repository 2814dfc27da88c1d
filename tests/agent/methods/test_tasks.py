"""Background tasks, by the words of GetTaskStatus (spec D.5)."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from edge_runtime.agent.methods.tasks import (
    KEPT,
    MOST_RUNNING,
    BackgroundTasks,
    TaskStatus,
    TooManyTasksError,
)


async def fail() -> None:
    raise OSError("the line is cut")


async def sleep() -> None:
    await asyncio.sleep(1000)


async def nothing() -> None:
    return


async def test_a_task_runs_and_completes() -> None:
    tasks, go_on = BackgroundTasks(), asyncio.Event()

    async def work() -> None:
        await go_on.wait()

    begun = tasks.start("upload logs", work)
    assert begun["status"] == "Running"
    assert begun["message"] == ""
    assert str(uuid.UUID(begun["correlationId"])) == begun["correlationId"]
    await asyncio.sleep(0)
    assert tasks.status(begun["correlationId"])["status"] == "Running"
    go_on.set()
    await settled()
    assert tasks.status(begun["correlationId"]) == {**begun, "status": "Completed"}


async def test_a_task_that_fails_says_why() -> None:
    tasks = BackgroundTasks()
    begun = tasks.start("upload logs", fail)
    await settled()
    assert tasks.status(begun["correlationId"]) == {
        "status": "Failed",
        "message": "Task upload logs failed because of error the line is cut",
        "correlationId": begun["correlationId"],
    }


async def test_an_unknown_id_is_unknown() -> None:
    assert BackgroundTasks().status("x") == {"status": "Unknown", "message": "", "correlationId": "x"}


async def test_stop_cancels() -> None:
    tasks = BackgroundTasks()
    begun = tasks.start("upload logs", sleep)
    await asyncio.sleep(0)
    await tasks.stop()
    assert tasks.status(begun["correlationId"])["status"] == "Cancelled"


async def test_so_many_run_and_no_more() -> None:
    tasks = BackgroundTasks()
    for _ in range(MOST_RUNNING):
        tasks.start("upload logs", sleep)
    with pytest.raises(TooManyTasksError, match="10 tasks run already"):
        tasks.start("upload logs", sleep)
    await tasks.stop()


async def test_the_last_hundred_that_ended_are_known() -> None:
    tasks = BackgroundTasks()
    begun = []
    for _ in range(KEPT + 2):
        begun.append(tasks.start("upload logs", nothing)["correlationId"])
        await settled()
    known = [id_ for id_ in begun if tasks.status(id_)["status"] == "Completed"]
    assert known == begun[1:], "the newest, and those of before its start"


def test_the_words() -> None:
    words = "NotStarted Running Completed Cancelled Failed Unknown"
    assert [status.value for status in TaskStatus] == words.split()


async def settled() -> None:
    for _ in range(6):
        await asyncio.sleep(0)
