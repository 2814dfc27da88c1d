"""What a saved Keras model says of itself, read before any of it is built.

A Keras file can name any function to call, and a Lambda layer holds Python code; loading such a file runs it.
Keras's `safe_mode` stops some of that, not all, and nothing in the older `.h5` format. So the description is read
as the JSON that it is, and only what Keras itself defines is let through.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

MAX_DESCRIPTION_BYTES = 64 << 20

_MODULES = (
    "keras.layers", "keras.initializers", "keras.regularizers", "keras.constraints", "keras.dtype_policies",
    "keras.mixed_precision", "keras.optimizers", "keras.losses", "keras.metrics",
)  # fmt: skip
_MODELS = ("Sequential", "Functional", "Model", "DTypePolicy")
"""What a description may take from `keras` itself and its models: there are functions beside them."""
_CODE = ("Lambda", "TFSMLayer", "__lambda__", "function", "__typespec__")
_TENSORFLOW_CALLS = (
    "math.",
    "nn.",
    "__operators__.",
    "image.resize",
    "reshape",
    "cast",
    "clip_by_value",
    "concat",
)
_SCALING = ("Rescaling", "Normalization", "TrueDivide", "math.truediv")


class KerasModelError(Exception):
    """A user's model, or what was said of it, cannot be used; the message names the file, the part and the mend."""

    def __init__(self, path: Path, problem: str) -> None:
        self.path = path
        super().__init__(f"{path}: {problem}")


@dataclass(frozen=True, slots=True)
class KerasFile:
    """A saved model whose description holds nothing but Keras's own parts.

    scaling: the layers that scale their input, such as a Rescaling: a model with one takes pixels 0..255.
    mixed_precision: some layers compute in 16 bits.
    """

    path: Path
    kind: Literal["archive", "h5", "saved_model"]
    keras: str
    scaling: tuple[str, ...] = ()
    mixed_precision: bool = False

    @property
    def sha256(self) -> str:
        """Of the file; of a SavedModel its graph's alone."""
        file = self.path / "saved_model.pb" if self.kind == "saved_model" else self.path
        return hashlib.sha256(file.read_bytes()).hexdigest()

    @property
    def needs_keras_3(self) -> bool:
        return self.kind != "saved_model" and int(self.keras.partition(".")[0]) >= 3


def inspect_model(path: Path) -> KerasFile:
    """Read the description of a `.keras` archive, an `.h5` file or a SavedModel folder.

    Raises:
        KerasModelError: none of the three, damaged, or it holds code or parts that are not Keras's.
    """
    if (path / "saved_model.pb").is_file():
        return KerasFile(path, "saved_model", "")
    if path.is_dir():
        raise KerasModelError(path, "a folder without saved_model.pb: expected a SavedModel, .keras or .h5")
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise KerasModelError(path, f"cannot be read: {error.strerror}") from None
    if start.startswith(b"PK"):
        return _described(path, "archive", *_read_archive(path))
    if start == b"\x89HDF\r\n\x1a\n":
        return _described(path, "h5", *_read_h5(path))
    raise KerasModelError(
        path, "neither a .keras archive nor an .h5 file: save it with model.save('model.keras')"
    )


def without_mixed_precision(file: KerasFile, folder: Path) -> Path:
    """The model with every layer in float32, which its weights are anyway: a copy in `folder` where one is needed.

    Raises:
        KerasModelError: an `.h5` file, whose description cannot be exchanged.
    """
    if not file.mixed_precision:
        return file.path
    if file.kind != "archive":
        raise KerasModelError(file.path, "computes in mixed precision: save it as .keras instead of .h5")
    copy = folder / "float32.keras"
    with zipfile.ZipFile(file.path) as source, zipfile.ZipFile(copy, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "config.json":
                content = json.dumps(_in_float32(json.loads(content))).encode()
            target.writestr(name, content)
    return copy


def _read_archive(path: Path) -> tuple[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
            if max(sizes["config.json"], sizes["metadata.json"]) > MAX_DESCRIPTION_BYTES:
                raise KerasModelError(path, f"its description has more than {MAX_DESCRIPTION_BYTES} bytes")
            version = json.loads(archive.read("metadata.json"))["keras_version"]
            return str(version), json.loads(archive.read("config.json"))
    except KeyError as error:
        raise KerasModelError(path, f"not a .keras archive: it has no {error.args[0]}") from None
    except (zipfile.BadZipFile, ValueError, RecursionError, OSError) as error:
        raise KerasModelError(path, f"a damaged .keras archive: {error}") from None


def _read_h5(path: Path) -> tuple[str, Any]:
    import h5py  # type: ignore[import-not-found]  # noqa: PLC0415 - only in .venv-train

    try:
        with h5py.File(path) as file:
            version, description = (file.attrs.get(key) for key in ("keras_version", "model_config"))
            if description is None:
                problem = "holds weights alone: save the whole model, with model.save('model.keras')"
                raise KerasModelError(path, problem)
            return str(version or "2"), json.loads(description)
    except (OSError, ValueError, RecursionError) as error:
        raise KerasModelError(path, f"a damaged .h5 file: {error}") from None


def _described(path: Path, kind: Literal["archive", "h5"], version: str, description: Any) -> KerasFile:
    if not isinstance(description, dict):
        raise KerasModelError(path, "its description is no JSON object")
    if not version.partition(".")[0].isdecimal():
        raise KerasModelError(path, f"says that Keras {version!r} wrote it: expected 2 or later")
    scaling, mixed = [], False
    # how it was trained, often with code of one's own, is not loaded
    description.pop("compile_config", None)
    for part, layer in _parts(description, "the model"):
        _refuse_foreign(path, part, layer)
        scaling += [layer] if {part["class_name"], _tensorflow_call(part)} & {*_SCALING} else []
        policy = part["config"].get("dtype") if isinstance(part.get("config"), dict) else None
        mixed |= "mixed_" in json.dumps(policy)
    return KerasFile(path, kind, version, tuple(scaling), mixed)


def _parts(node: Any, layer: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Each object that Keras would build, with the name of the layer that it belongs to."""
    if isinstance(node, dict):
        if isinstance(node.get("class_name"), str):
            config = node.get("config")
            if isinstance(config, dict) and not node["class_name"].startswith("__"):
                # what is no layer, such as an initializer, has no name of its own
                layer = str(config.get("name", layer))
            yield node, layer
        for value in node.values():
            yield from _parts(value, layer)
    elif isinstance(node, list):
        for value in node:
            yield from _parts(value, layer)


def _refuse_foreign(path: Path, part: dict[str, Any], layer: str) -> None:
    name, module = part["class_name"], part.get("module")
    if name in _CODE:
        what = {"function": f"the function {part.get('config')!r}", "TFSMLayer": "a TFSMLayer"}.get(
            name, "a Lambda"
        )
        raise KerasModelError(
            path,
            f"layer {layer!r} holds {what}: code, which is not run. Put one of Keras's own layers in its place "
            "(Rescaling, Normalization, Activation), or export the model with model.export('folder')",
        )
    if not _is_of_keras(part, name, module):
        raise KerasModelError(
            path,
            f"layer {layer!r} is a {name} of {module or 'your own code'}, which is not part of Keras. Export the "
            "model with model.export('folder') (Keras 2: model.save('folder')) and give that folder",
        )


def _is_of_keras(part: dict[str, Any], name: str, module: Any) -> bool:
    if module is None:
        # the older format names no modules; there Keras looks up nothing but its own layers
        return part.get("registered_name") is None
    if not isinstance(module, str):
        return False
    if module == "keras.src.layers.core.tf_op_layer":
        return name == "SlicingOpLambda" or _tensorflow_call(part).startswith(_TENSORFLOW_CALLS)
    if module in ("keras", "keras.models") or module.startswith(("keras.src.models.", "keras.src.engine.")):
        return name in _MODELS
    return module in _MODULES or module.startswith("keras.src.ops.")


def _tensorflow_call(part: dict[str, Any]) -> str:
    config = part.get("config")
    return str(config.get("function", "")) if isinstance(config, dict) else ""


def _in_float32(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _in_float32(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_in_float32(value) for value in node]
    return "float32" if node in ("mixed_float16", "mixed_bfloat16") else node
