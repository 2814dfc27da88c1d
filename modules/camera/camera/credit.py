"""`credit/1`: the classifier says how far it is; cumulative, every 16 frames.

Body, UTF-8 JSON: `{"schema": "credit/1", "source": "...", "boot": "...", "sequence": n}`: every frame of
this boot up to `sequence` is finished.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from module_kit.message import Incoming, MessageError

SCHEMA = "credit/1"


class Credit(BaseModel):
    """One credit, understood."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    schema_id: Annotated[Literal["credit/1"], Field(alias="schema")]
    source: str = ""
    boot: str
    sequence: int = Field(ge=0)


def decode_credit(message: Incoming) -> Credit:
    """The credit in `message`; `MessageError` names the field that breaks the schema."""
    try:
        return Credit.model_validate_json(message.data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise MessageError(
            message.message_id, ".".join(map(str, first["loc"])) or "body", first["msg"]
        ) from None
