"""Vector shapes in an object's own coordinates: x to the right, y down, the object within about -1..1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

CANVAS = 384
"""Side of the canvas in pixels; scenes are made smaller at the end, which smooths every edge."""

Colour = tuple[float, float, float]
"""Red, green, blue, 0..255."""
Point = tuple[float, float]
Points = Sequence[Point]
Coordinates = npt.NDArray[np.float64]


def shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (`factor` < 1) or lighter (> 1)."""
    red, green, blue = (min(255.0, max(0.0, part * factor)) for part in colour)
    return red, green, blue


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """`share` of `b`, the rest of `a`."""
    red, green, blue = ((1 - share) * x + share * y for x, y in zip(a, b, strict=True))
    return red, green, blue


def vary(colour: Colour, draw: np.random.Generator, amount: float = 18) -> Colour:
    """A neighbour of the colour: brightness and each channel moved a little."""
    light = draw.normal(0, amount)
    red, green, blue = (min(255.0, max(0.0, part + light + draw.normal(0, amount / 5))) for part in colour)
    return red, green, blue


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the object's origin lies (0..1 of the canvas), its half size (0..1), turn and mirroring."""

    x: float
    y: float
    size: float
    turn_degrees: float = 0.0
    mirrored: bool = False

    def pixels(self, points: Points | Coordinates) -> Coordinates:
        local = np.array(points, np.float64).reshape(-1, 2)
        if self.mirrored:
            local = local * (-1, 1)
        angle = math.radians(self.turn_degrees)
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        placed: Coordinates = (local @ turn * self.size + (self.x, self.y)) * CANVAS
        return placed


class Pen:
    """Draws on a layer; the last shape lies on top."""

    def __init__(self, layer: Image.Image, placement: Placement) -> None:
        self._draw = ImageDraw.Draw(layer)
        self._placement = placement

    def polygon(self, points: Points | Coordinates, colour: Colour) -> None:
        corners = [(float(x), float(y)) for x, y in self._placement.pixels(points)]
        self._draw.polygon(corners, fill=_opaque(colour))

    def blob(self, points: Points, colour: Colour) -> None:
        """A closed smooth curve through the points."""
        self.polygon(smooth(points, closed=True), colour)

    def ellipse(self, centre: Point, radii: Point, colour: Colour, turn_degrees: float = 0.0) -> None:
        around = np.linspace(0, 2 * math.pi, 40, endpoint=False)
        angle = math.radians(turn_degrees)
        x, y = radii[0] * np.cos(around), radii[1] * np.sin(around)
        self.polygon(
            np.stack(
                [
                    centre[0] + x * math.cos(angle) - y * math.sin(angle),
                    centre[1] + x * math.sin(angle) + y * math.cos(angle),
                ],
                axis=1,
            ),
            colour,
        )

    def limb(self, points: Points, widths: Sequence[float], colour: Colour) -> None:
        """A smooth stroke through the points with a width at each: legs, necks, tails, antlers."""
        line = smooth(points, closed=False)
        width = np.interp(np.linspace(0, 1, len(line)), np.linspace(0, 1, len(widths)), widths) / 2
        along = np.gradient(line, axis=0)
        normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
        sides = np.concatenate([line + normal * width[:, None], (line - normal * width[:, None])[::-1]])
        self.polygon(sides, colour)
        for end, radius in ((line[0], width[0]), (line[-1], width[-1])):
            self.ellipse((float(end[0]), float(end[1])), (float(radius), float(radius)), colour)


def smooth(points: Points, *, closed: bool, steps: int = 10) -> Coordinates:
    """A Catmull-Rom curve through the points."""
    knots = np.array(points, np.float64)
    if len(knots) < 3:
        return knots
    padded = (
        np.concatenate([knots[-1:], knots, knots[:2]])
        if closed
        else np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    )
    a, b, c, d = (padded[i : len(padded) - 3 + i, None, :] for i in range(4))
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    flat: Coordinates = curve.reshape(-1, 2)
    return flat if closed else np.concatenate([flat, knots[-1:]])


def _opaque(colour: Colour) -> tuple[int, int, int, int]:
    return round(colour[0]), round(colour[1]), round(colour[2]), 255
