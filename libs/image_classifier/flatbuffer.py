"""A reader of FlatBuffers that trusts no offset: every number is checked against the file before it is followed.

The wire format is public (flatbuffers.dev, "FlatBuffer Internals"): little endian; a table begins with the
signed distance back to its vtable; the vtable holds its own size, the table's size and one 16-bit offset a
field, 0 for a field that is absent; strings, vectors and tables inside a table are unsigned 32-bit distances
forward. Own code because no FlatBuffers package is installed on 32-bit Arm, and because the public Python one
follows hostile offsets to exceptions of many kinds.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

MAX_ITEMS = 1 << 17
"""Numbers and offsets that one file may make us read. Offsets that share a target could otherwise turn a small
file into hours of work; the largest model that fits a bundle has some thousands."""


class FlatBufferError(ValueError):
    """An offset, a size or a count leads out of the file; the message names the part."""


class Content:
    """The file's bytes with checked reads, and the work that is left."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._items_left = MAX_ITEMS

    def spend(self, items: int, what: str) -> None:
        self._items_left -= items
        if self._items_left < 0:
            raise FlatBufferError(f"{what}: the file makes its reader look at more than {MAX_ITEMS} items")

    def number(self, code: str, position: int, what: str) -> int:
        """One little-endian whole number of `struct` format `code`."""
        width = struct.calcsize(code)
        if position < 0 or position + width > len(self.data):
            raise FlatBufferError(f"{what}: byte {position} is outside the {len(self.data)} of the file")
        if position % width:
            raise FlatBufferError(f"{what}: byte {position} is not a multiple of {width}")
        return int(struct.unpack_from(f"<{code}", self.data, position)[0])

    def follow(self, position: int, what: str) -> int:
        """The place that the unsigned offset at `position` leads to."""
        return position + self.number("I", position, what)

    def root(self, identifier: bytes) -> Table:
        """The outermost table of a file with this identifier in its bytes 4 to 7."""
        if self.data[4:8] != identifier:
            found = self.data[4:8]
            raise FlatBufferError(f"the file has no identifier {identifier!r} but {found!r} at byte 4")
        return self.table(self.follow(0, "root"), "root")

    def table(self, position: int, what: str) -> Table:
        vtable = position - self.number("i", position, what)
        vtable_bytes = self.number("H", vtable, f"{what}, vtable")
        table_bytes = self.number("H", vtable + 2, f"{what}, vtable")
        if vtable_bytes < 4 or vtable_bytes % 2 or vtable + vtable_bytes > len(self.data):
            raise FlatBufferError(f"{what}: a vtable of {vtable_bytes} bytes at byte {vtable}")
        if table_bytes < 4 or position + table_bytes > len(self.data):
            raise FlatBufferError(f"{what}: a table of {table_bytes} bytes at byte {position}")
        return Table(self, position, table_bytes, vtable, vtable_bytes, what)


@dataclass(frozen=True, slots=True)
class Table:
    """One table; fields are numbered in the order of the schema. `what` names it in errors."""

    content: Content
    position: int
    table_bytes: int
    vtable: int
    vtable_bytes: int
    what: str

    def number(self, field: int, name: str, code: str, default: int = 0) -> int:
        place = self._place(field, name, struct.calcsize(code))
        return default if place is None else self.content.number(code, place, f"{self.what}.{name}")

    def numbers(self, field: int, name: str, code: str = "i") -> tuple[int, ...]:
        """A vector of whole numbers; empty when the field is absent."""
        found = self._vector(field, name, struct.calcsize(code))
        if found is None:
            return ()
        start, count = found
        what, width = f"{self.what}.{name}", struct.calcsize(code)
        self.content.spend(count, what)
        return tuple(self.content.number(code, start + width * i, what) for i in range(count))

    def bytes_count(self, field: int, name: str) -> int:
        """Length of a vector of bytes, all of which lie inside the file."""
        found = self._vector(field, name, 1)
        return 0 if found is None else found[1]

    def text(self, field: int, name: str, limit: int = 64) -> str:
        """At most the first `limit` bytes of a string, as printable text."""
        found = self._vector(field, name, 1)
        if found is None:
            return ""
        start, count = found
        raw = self.content.data[start : start + min(count, limit)].decode("utf-8", "replace")
        return "".join(c if c.isprintable() else "?" for c in raw)

    def tables(self, field: int, name: str) -> tuple[Table, ...]:
        """A vector of tables; empty when the field is absent."""
        found = self._vector(field, name, 4)
        if found is None:
            return ()
        start, count = found
        what = f"{self.what}.{name}" if self.what != "root" else name
        self.content.spend(count, what)
        places = [(f"{what}[{i}]", start + 4 * i) for i in range(count)]
        return tuple(self.content.table(self.content.follow(place, item), item) for item, place in places)

    def _place(self, field: int, name: str, width: int) -> int | None:
        slot = 4 + 2 * field
        if slot + 2 > self.vtable_bytes:
            return None
        offset = self.content.number("H", self.vtable + slot, f"{self.what}, vtable")
        if offset == 0:
            return None
        if offset < 4 or offset + width > self.table_bytes:
            raise FlatBufferError(
                f"{self.what}.{name}: offset {offset} in a table of {self.table_bytes} bytes"
            )
        return self.position + offset

    def _vector(self, field: int, name: str, width: int) -> tuple[int, int] | None:
        place = self._place(field, name, 4)
        if place is None:
            return None
        what = f"{self.what}.{name}"
        vector = self.content.follow(place, what)
        count = self.content.number("I", vector, what)
        if vector + 4 + count * width > len(self.content.data):
            raise FlatBufferError(f"{what}: {count} items at byte {vector} do not fit into the file")
        return vector + 4, count
