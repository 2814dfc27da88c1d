"""`images/1`: the file that says what was built (docs/release-interfaces.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

SCHEMA: Final = "images/1"


class RecordError(Exception):
    """A file that is no such record; `str()` names it and what is wrong."""


class _Document(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class ImageRecord(_Document):
    """One module's image. `digest` and `size_bytes` are None until it is in the registry.

    `unpacked_bytes` is its size on the engine that built it, None where it was not built here.
    """

    repository: str
    tag: str
    digest: str | None = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    content_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    image_id: str
    size_bytes: int | None
    build_seconds: float | None
    unpacked_bytes: int | None = None

    @property
    def reference(self) -> str:
        """What a device pulls: the digest decides, the tag is for people."""
        return f"{self.repository}:{self.tag}" + (f"@{self.digest}" if self.digest else "")


class ImagesRecord(_Document):
    """The images of one platform, by the modules' folders."""

    schema_: Literal["images/1"] = Field(default=SCHEMA, alias="schema")
    platform: str
    commit: str | None
    images: dict[str, ImageRecord]

    def text(self) -> str:
        """The file's content."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"

    def write(self, path: Path) -> None:
        """In one step: a reader finds the old or the new file whole."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text(self.text(), encoding="utf-8")
        fresh.replace(path)


def default_path(root: Path, platform: str, name: str = "images") -> Path:
    """Where `scripts/build` writes the record of a platform; `name`: of a folder that belongs to no device."""
    return root / "config" / f"{name}.{platform}.json"


def read(path: Path) -> ImagesRecord:
    """Raises RecordError."""
    try:
        return ImagesRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RecordError(f"{path}: {error.strerror} (scripts/build --platform P writes it)") from error
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"])) or "the document"
        raise RecordError(f"{path}: {place}: {problem['msg']} (expected {SCHEMA})") from error
