"""What the messages with a JSON body share: content type, names, and how a body that breaks its schema is told."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from module_kit.identifiers import seconds_of
from module_kit.message import Incoming, MessageError

JSON_TYPE, JSON_ENCODING = "application/json", "utf-8"
"""Both are needed for `$body` conditions in routes to match (spec C.7)."""


def _a_moment(text: str) -> str:
    seconds_of(text)  # refuses the 30th of February
    return text


SourceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
Boot = Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,32}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Timestamp = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
        description="RFC 3339, UTC, milliseconds.",
    ),
    AfterValidator(_a_moment),
]
Label = Annotated[str, Field(min_length=1, max_length=64)]
Milliseconds = Annotated[float, Field(ge=0)]


class MessagePart(BaseModel):
    """Base of what travels as JSON: camelCase names, nothing unknown, no NaN, not changed once made."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, allow_inf_nan=False
    )


class MessageBody(MessagePart):
    """Base of a whole body."""

    def json_body(self) -> bytes:
        """UTF-8 JSON; what is None is left out."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()

    @classmethod
    def decode(cls, message: Incoming) -> Self:
        """What the body of `message` says; `MessageError` names the field that breaks the schema."""
        try:
            decoded = cls.model_validate_json(message.data, strict=True, by_alias=True, by_name=False)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = "/".join(str(part) for part in found["loc"]) or "body"
            raise MessageError(message.message_id, where, found["msg"]) from None
        if "schema_id" not in decoded.model_fields_set:  # its default is for those who make a body
            raise MessageError(message.message_id, "schema", "Field required")
        return decoded
