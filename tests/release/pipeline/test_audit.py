"""`scripts/audit` against a database of the test's own that answers as OSV does."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.device import ROOT
from tests.patience import PATIENCE_S

LOCK = """\
# a lock file
requests==2.19.0 \\
    --hash=sha256:00
Jinja2[i18n]==3.0.0 ; python_version >= "3.8"
harmless==1.0
"""
BILL = {
    "bomFormat": "CycloneDX",
    "components": [
        {"type": "operating-system", "name": "debian"},
        {"name": "bash", "purl": "pkg:deb/debian/bash@5.2-2%2Bb13?distro=debian-12&upstream=bash%405.2-2"},
        {"name": "libssl3", "purl": "pkg:deb/debian/libssl3@3.0.1?distro=debian-12&upstream=openssl"},
        {"name": "PySocks", "purl": "pkg:pypi/pysocks@1.7.1"},
    ],
}


def vulnerability(ecosystem: str, name: str, number: str, *events: dict[str, str]) -> dict[str, Any]:
    return {
        "id": number,
        "aliases": [f"CVE-{number}"],
        "summary": f"{name} breaks\nbadly",
        "affected": [
            {
                "package": {"ecosystem": ecosystem, "name": name},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, *events]}],
            },
            {
                "package": {"ecosystem": "Debian:11", "name": name},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "0.0.1"}]}],
            },
        ],
    }


class Database(ThreadingHTTPServer):
    """`known`: the pages of answers by ecosystem, name and version."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.known: dict[tuple[str, str, str], list[list[dict[str, Any]]]] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.status = 200
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Database

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = (query["package"]["ecosystem"], query["package"]["name"], query["version"])
        self.server.asked.append(key)
        pages = self.server.known.get(key, [[]])
        page = int(query.get("page_token", 0))
        answer: dict[str, Any] = {"vulns": pages[page]} if pages[page] else {}
        if page + 1 < len(pages):
            answer["next_page_token"] = str(page + 1)
        body = json.dumps(answer).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def database() -> Iterator[Database]:
    with Database() as server:
        yield server
        server.shutdown()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    file = tmp_path / "lock.txt"
    file.write_text(LOCK)
    return file


def audit(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "scripts" / "audit"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=6 * PATIENCE_S, check=False)


def test_every_pin_of_a_lock_file_is_asked_for(database: Database, lock: Path) -> None:
    done = audit(lock, "--url", database.url)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "3 packages: 0 vulnerabilities that a newer version mends, 0 without a mend\n"
    assert sorted(database.asked) == [
        ("PyPI", "harmless", "1.0"),
        ("PyPI", "jinja2", "3.0.0"),
        ("PyPI", "requests", "2.19.0"),
    ]


def test_a_bill_of_materials_is_asked_for_by_debian_s_source_packages(
    database: Database, tmp_path: Path
) -> None:
    bill = tmp_path / "image.cdx.json"
    bill.write_text(json.dumps(BILL))
    database.known["Debian:12", "openssl", "3.0.1"] = [
        [vulnerability("Debian:12", "openssl", "DSA-1", {"fixed": "3.0.2"})]
    ]
    done = audit(bill, "--url", database.url, "--json")
    assert done.returncode == 1
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["name"], finding["fixed"], finding["files"]) == ("openssl", ["3.0.2"], [str(bill)])
    assert sorted(database.asked) == [
        ("Debian:12", "bash", "5.2-2"),
        ("Debian:12", "openssl", "3.0.1"),
        ("PyPI", "pysocks", "1.7.1"),
    ]


def test_what_a_newer_version_mends_fails_and_what_nothing_mends_is_counted(
    database: Database, lock: Path
) -> None:
    database.known["PyPI", "requests", "2.19.0"] = [
        [vulnerability("PyPI", "requests", "GHSA-1")],
        [vulnerability("PyPI", "requests", "GHSA-2", {"fixed": "2.20.0"})],
        [{"id": "GHSA-3", "withdrawn": "2020-01-01T00:00:00Z"}],
    ]
    done = audit(lock, "--url", database.url)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"requests 2.19.0 (PyPI; {lock}): GHSA-2",
        "  requests breaks badly",
        "  mended in 2.20.0",
        "3 packages: 1 vulnerabilities that a newer version mends, 1 without a mend",
    ]
    assert audit(lock, "--url", database.url, "--accept", "CVE-GHSA-2").returncode == 0
    assert audit(lock, "--url", database.url, "--accept", "CVE-GHSA-2", "--strict").returncode == 1


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_without_a_database_nothing_passes_for_checked(lock: Path, options: tuple[str, ...]) -> None:
    done = audit(lock, "--url", "http://127.0.0.1:1", *options)
    assert done.returncode == 3
    assert "not checked: no advisory database reachable (http://127.0.0.1:1" in done.stderr
    if options:
        assert json.loads(done.stdout)["checked"] is False
    else:
        assert not done.stdout


def test_a_database_that_fails_is_no_answer(database: Database, lock: Path) -> None:
    database.status = 500
    done = audit(lock, "--url", database.url)
    assert done.returncode == 3
    assert "not checked" in done.stderr


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("empty.txt", "# nothing\n", "names no package"),
        ("unpinned.txt", "requests>=2\n", "names no package"),
        ("other.json", "[]", "no CycloneDX document"),
        ("broken.json", "{", "no CycloneDX document"),
        ("missing.txt", None, "No such file"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    database: Database, tmp_path: Path, name: str, text: str | None, told: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    done = audit(tmp_path / name, "--url", database.url)
    assert done.returncode == 2
    assert told in done.stderr
    assert name in done.stderr
    assert not database.asked


def test_a_folder_stands_for_its_bills_of_materials(database: Database, tmp_path: Path) -> None:
    refused = audit(tmp_path, "--url", database.url)
    assert refused.returncode == 2, "nothing to check is no success"
    (tmp_path / "one.cdx.json").write_text(json.dumps(BILL))
    assert audit(tmp_path, "--url", database.url).returncode == 0
    assert len(database.asked) == 3


def test_by_default_it_reads_the_locks_of_runtime_and_images(database: Database) -> None:
    assert audit("--url", database.url).returncode == 0
    names = {name for _, name, _ in database.asked}
    assert {"azure-iot-device", "tflite-runtime", "ai-edge-litert", "opencv-python-headless"} <= names
