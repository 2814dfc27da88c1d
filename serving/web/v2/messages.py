"""Requests of the Open Inference Protocol as typed documents.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md and, for
binary tensors, https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md:
the JSON of a request or answer is followed by the tensors' bytes in their order; the header
`Inference-Header-Content-Length` says where the JSON ends, a tensor's `binary_data_size` how long it is.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from serving.errors import BadRequestError

HEADER_LENGTH = "inference-header-content-length"
_MAX_DIMENSIONS = 8
_Name = Annotated[str, Field(min_length=1, max_length=256)]
_Size = Annotated[int, Field(ge=0, le=1 << 40)]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)


class InputTensor(_Message):
    """A tensor of a request; `data` for JSON, `parameters.binary_data_size` for one behind the JSON."""

    name: _Name
    shape: Annotated[list[_Size], Field(min_length=1, max_length=_MAX_DIMENSIONS)]
    datatype: _Name
    parameters: dict[str, Any] = {}
    data: list[Any] | None = None


class RequestedOutput(_Message):
    """An output that the client wants; `parameters.binary_data` and `parameters.classification` (best k)."""

    name: _Name
    parameters: dict[str, Any] = {}


class InferRequest(_Message):
    """An inference request; without `outputs` all of them are given."""

    id: Annotated[str, Field(max_length=1024)] | None = None
    parameters: dict[str, Any] = {}
    inputs: Annotated[list[InputTensor], Field(min_length=1, max_length=1)]
    outputs: Annotated[list[RequestedOutput], Field(max_length=16)] = []


def json_end(body: bytes, header_length: str | None) -> int:
    """Where the JSON of a request ends and its tensors' bytes begin.

    Raises:
        BadRequestError: the header says that it ends beyond the body.
    """
    if header_length is None:
        return len(body)
    end = int(header_length) if header_length.isdecimal() and len(header_length) < 16 else -1
    if not 0 <= end <= len(body):
        raise BadRequestError(
            f"Inference-Header-Content-Length: expected 0 to {len(body)}, found {header_length[:40]!r}"
        )
    return end


def read_request(text: bytes) -> InferRequest:
    """The JSON of a request.

    Raises:
        BadRequestError: not such a request; the text names the field.
    """
    try:
        return InferRequest.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, problem["loc"])) or "the request"
        raise BadRequestError(f"{where}: {problem['msg']}") from None
