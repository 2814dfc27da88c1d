"""What was built, for people."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from release.images.record import ImageRecord, ImagesRecord

_MB = 10**6
_DIGEST_LENGTH = len("sha256:") + 12
_PLAIN_WIDTH = 160


def show(record: ImagesRecord) -> None:
    """Print it. `unpacked`: on a disk, where images share layers; `download`: compressed, once it is in a registry."""
    output = Console(highlight=False)
    if not output.is_terminal:
        output = Console(highlight=False, width=_PLAIN_WIDTH)
    table = Table("module", "tag", "build", "unpacked", "download", "digest", box=None)
    for module, image in record.images.items():
        table.add_row(module, *_row(image))
    output.print(table)


def _row(image: ImageRecord) -> tuple[str, ...]:
    return (
        image.tag,
        "published already" if image.build_seconds is None else f"{image.build_seconds:.1f} s",
        _megabytes(image.unpacked_bytes),
        _megabytes(image.size_bytes),
        image.digest[:_DIGEST_LENGTH] if image.digest else "not pushed",
    )


def _megabytes(size: int | None) -> str:
    return "-" if size is None else f"{size / _MB:.1f} MB"
