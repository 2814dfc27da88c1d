"""The classifier's settings, from environment and twin alike (`TOP_K` and `topK`)."""

from __future__ import annotations

from pydantic import Field

from module_kit.settings import ModuleSettings

DEFAULT_MODEL = "fast"


class ClassifierSettings(ModuleSettings):
    """All but `inbox` can be changed live through the twin."""

    model: str = Field(
        default=DEFAULT_MODEL,
        min_length=1,
        max_length=1024,
        description="Model bundle: the name of a shipped one, or the path of a bundle's folder.",
    )
    top_k: int = Field(default=3, ge=1, le=100, description="Candidates in a prediction, at most.")
    margin: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Least difference of the best two probabilities; below it the classifier abstains. "
        "Not set: the bundle's own.",
    )
    threads: int = Field(default=1, ge=1, le=16, description="Threads of one inference.")
    maximum_pixels: int = Field(
        default=12_000_000,
        ge=1024,
        le=100_000_000,
        description="Pixels of a picture that are held in memory at most, 4 bytes each.",
    )
    inbox: int = Field(
        default=128,
        ge=16,
        le=4096,
        description="Frames that wait here at most; the oldest goes first. Environment only.",
    )
