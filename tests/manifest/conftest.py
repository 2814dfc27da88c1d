"""Solutions to check: one that is right, and a way to write it with one thing wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

MODULE_JSON = """\
{
  "$schema-version": "0.0.1",
  "image": {
    "repository": "${REGISTRY}/eye",
    "tag": {
      "version": "1.0.0",
      "platforms": {
        "amd64": "./Dockerfile.amd64"
      }
    },
    "contextPath": "../.."
  },
  "language": "python"
}
"""
DOCKERFILE = """\
FROM amd64/debian:bookworm-slim
WORKDIR /app
COPY modules/eye/eye /app/eye
CMD ["python3", "-m", "eye"]
"""
EYE = """\
async def see(client, message):
    message.content_type, message.content_encoding = "application/json", "utf-8"
    await client.send_message_to_output(message, "seen")
"""
TEMPLATE = """\
{
  "$schema-template": "4.0.0",
  "modulesContent": {
    "$edgeAgent": {
      "properties.desired": {
        "schemaVersion": "1.1",
        "runtime": {
          "type": "docker",
          "settings": {
            "minDockerVersion": "v1.25",
            "registryCredentials": {
              "r": {"username": "$USER_NAME", "password": "$SECRET", "address": "$REGISTRY"}
            }
          }
        },
        "systemModules": {
          "edgeAgent": {"type": "docker", "settings": {"image": "agent:1.5", "createOptions": {}}},
          "edgeHub": {
            "type": "docker", "status": "running", "restartPolicy": "always",
            "settings": {"image": "hub:1.5", "createOptions": {}}
          }
        },
        "modules": {
          "eye": {
            "type": "docker",
            "status": "running",
            "restartPolicy": "always",
            "env": {"RATE": {"value": "${RATE}"}},
            "settings": {
              "image": "${MODULES.eye}",
              "createOptions": {"HostConfig": {}}
            }
          },
          "brain": {"type": "docker", "status": "running", "restartPolicy": "never", "settings": {"image": "brain:1"}}
        }
      }
    },
    "$edgeHub": {
      "properties.desired": {
        "schemaVersion": "1.2",
        "routes": {
          "up": "FROM /messages/modules/eye/outputs/* WHERE $body.n > 1 INTO $upstream",
          "think": {
            "route": "FROM /messages/modules/eye/* INTO BrokeredEndpoint(\\"/modules/brain/inputs/in\\")",
            "priority": 1,
            "timeToLiveSecs": 60
          }
        },
        "storeAndForwardConfiguration": {"timeToLiveSecs": 7200}
      }
    },
    "eye": {"properties.desired": {}}
  }
}
"""
ENV = "REGISTRY=127.0.0.1:5000\nUSER_NAME=anonymous\nSECRET=anonymous\nRATE=5\n"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """`write(**{"path": text})` writes a right solution with those files instead; returns the template."""

    def solution(**changed: str) -> Path:
        files = {
            "deployment.template.json": TEMPLATE,
            ".env": ENV,
            "modules/eye/module.json": MODULE_JSON,
            "modules/eye/Dockerfile.amd64": DOCKERFILE,
            "modules/eye/eye/__init__.py": EYE,
            **changed,
        }
        for name, text in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return tmp_path / "deployment.template.json"

    return solution


def replaced(text: str, old: str, new: str) -> tuple[str, int]:
    """The text with one place changed, and the number of the line where that place was."""
    assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
    return text.replace(old, new), text[: text.index(old)].count("\n") + 1
