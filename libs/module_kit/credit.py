"""`credit/1`: how far the classifier is with one source, for a camera that waits (docs/messages/credit-1.json)."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from module_kit.json_message import JSON_ENCODING, JSON_TYPE, Boot, MessageBody, SourceName
from module_kit.message import Outgoing

SCHEMA = "credit/1"


class Credit(MessageBody):
    """Every frame of `boot` of `source` up to `sequence` is finished: as a result, an error or a drop.

    Cumulative, so that a credit that is lost costs nothing once the next one comes.
    """

    # An unknown field is passed over: a credit that is refused would stall a feed for 15 s.
    model_config = ConfigDict(extra="ignore")

    schema_id: Literal["credit/1"] = Field(default="credit/1", alias="schema")
    source: SourceName
    boot: Boot
    sequence: int = Field(ge=0)

    @property
    def message_id(self) -> str:
        """The id of the last finished frame + `.c`."""
        return f"{self.source}.{self.boot}.{self.sequence}.c"

    def encode(self) -> Outgoing:
        return Outgoing(self.json_body(), self.message_id, JSON_TYPE, JSON_ENCODING, {"schema": SCHEMA})
