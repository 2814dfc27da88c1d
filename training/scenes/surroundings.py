"""What is behind and around an object: sky, sea, meadow, forest, street, room."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from training.scenes.pen import CANVAS, Colour, Pen, Placement, mix, shade, vary

Plane = npt.NDArray[np.float64]

WHOLE = Placement(0.0, 0.0, 1.0)
"""Draws in canvas coordinates, 0..1."""


def clouds(draw: np.random.Generator, coarsest: int = 3, octaves: int = 4) -> Plane:
    """Smooth noise, float (CANVAS, CANVAS), mean 0, within about -1..1."""
    total = np.zeros((CANVAS, CANVAS))
    for octave in range(octaves):
        cells = coarsest * 2**octave
        grid = Image.fromarray(draw.normal(0, 1, (cells, cells)).astype(np.float32))
        total += np.asarray(grid.resize((CANVAS, CANVAS), Image.Resampling.BICUBIC)) * 0.5**octave
    noise: Plane = total / max(1e-9, float(np.abs(total).max()))
    return noise


def gradient(top: Colour, bottom: Colour, first: float = 0.0, last: float = 1.0) -> Plane:
    """Float (CANVAS, CANVAS, 3): `top` down to the height `first` (0..1), `bottom` from `last` on."""
    heights = np.linspace(0, 1, CANVAS)
    share = np.clip((heights - first) / max(1e-6, last - first), 0, 1)[:, None]
    column = np.array(top) * (1 - share) + np.array(bottom) * share
    plane: Plane = np.repeat(column[:, None, :], CANVAS, axis=1)
    return plane


def sky(draw: np.random.Generator) -> Image.Image:
    """Blue, hazy or grey, sometimes with clouds."""
    zenith = vary(_one_of(draw, [(84, 138, 205), (120, 165, 215), (168, 188, 205), (60, 110, 190)]), draw)
    plane = gradient(zenith, mix(zenith, (235, 240, 245), draw.uniform(0.3, 0.8)))
    if draw.random() < 0.5:
        cover = np.clip(clouds(draw) * 1.6 - draw.uniform(0, 0.5), 0, 1)[..., None]
        plane = plane * (1 - 0.8 * cover) + np.array((244, 246, 248)) * 0.8 * cover
    return _image(plane)


def sea(draw: np.random.Generator) -> Image.Image:
    """Sky over water; the horizon is a little above the middle."""
    horizon = draw.uniform(0.42, 0.58)
    water = vary(_one_of(draw, [(52, 92, 130), (70, 115, 140), (60, 95, 105), (90, 130, 160)]), draw)
    image = np.asarray(sky(draw), np.float64).copy()
    deep = gradient(mix(water, (200, 215, 225), 0.3), shade(water, 0.8), horizon, 1.0)
    ripples = clouds(draw, 4, 4)
    stretched = np.asarray(
        Image.fromarray(ripples.astype(np.float32)).resize((CANVAS * 4, CANVAS)).crop((0, 0, CANVAS, CANVAS))
    )
    deep += stretched[..., None] * 22
    row = int(horizon * CANVAS)
    image[row:] = deep[row:]
    return _image(image)


def meadow(draw: np.random.Generator) -> Image.Image:
    """Grass, with a dark row of trees or the sky above."""
    horizon = draw.uniform(0.2, 0.5)
    grass = vary(_one_of(draw, [(98, 128, 58), (120, 140, 70), (150, 140, 85), (80, 115, 55)]), draw)
    plane = np.asarray(sky(draw), np.float64).copy()
    if draw.random() < 0.7:
        trees = vary((55, 78, 48), draw)
        edge = horizon * CANVAS - 70 - 40 * clouds(draw, 5, 3)[0]
        above = np.arange(CANVAS)[:, None] > edge[None, :]
        plane[above] = (np.array(trees) + clouds(draw, 8, 3)[..., None] * 22)[above]
    row = int(horizon * CANVAS)
    ground = gradient(mix(grass, (190, 190, 130), 0.2), shade(grass, 0.85), horizon, 1)
    plane[row:] = (ground + clouds(draw, 10, 3)[..., None] * 20)[row:]
    return _image(plane)


def forest(draw: np.random.Generator) -> Image.Image:
    """Dark green and brown, with trunks."""
    green = vary(_one_of(draw, [(70, 92, 52), (92, 100, 60), (105, 95, 65), (58, 76, 45)]), draw)
    plane = gradient(shade(green, 0.8), mix(green, (130, 115, 75), 0.5), 0.3, 0.8)
    image = _image(plane + clouds(draw, 6, 4)[..., None] * 30)
    pen = Pen(image, WHOLE)
    for _ in range(draw.integers(2, 6)):
        x, width = draw.uniform(0, 1), draw.uniform(0.015, 0.05)
        trunk = vary((74, 62, 48), draw, 12)
        pen.polygon([(x, 0), (x + width, 0), (x + width * 1.2, 0.62), (x - width * 0.2, 0.62)], trunk)
    return image


def street(draw: np.random.Generator) -> Image.Image:
    """Asphalt; behind it houses, trees or the open sky."""
    horizon = draw.uniform(0.38, 0.55)
    image = sky(draw)
    pen = Pen(image, WHOLE)
    kind = draw.random()
    if kind < 0.4:
        for left in np.arange(-0.1, 1, 0.22):
            wall = vary(_one_of(draw, [(165, 150, 135), (140, 110, 95), (180, 178, 170)]), draw)
            top = horizon - draw.uniform(0.15, 0.45)
            pen.polygon([(left, top), (left + 0.23, top), (left + 0.23, 1), (left, 1)], wall)
    elif kind < 0.8:
        for x in np.arange(0, 1.1, 0.09):
            tree = vary((70, 96, 58), draw, 12)
            pen.ellipse((x, horizon - 0.05), (0.11, draw.uniform(0.1, 0.2)), tree)
    asphalt = vary(_one_of(draw, [(120, 120, 122), (150, 148, 145), (95, 96, 100)]), draw, 10)
    plane = np.asarray(image, np.float64).copy()
    row = int(horizon * CANVAS)
    ground = gradient(mix(asphalt, (190, 190, 188), 0.3), shade(asphalt, 0.9), horizon, 1)
    plane[row:] = (ground + clouds(draw, 8, 3)[..., None] * 7)[row:]
    return _image(plane)


def room(draw: np.random.Generator) -> Image.Image:
    """A wall and a floor, a sofa or a blanket, out of focus."""
    wall = vary(_one_of(draw, [(190, 175, 155), (150, 135, 125), (205, 200, 192), (120, 110, 115)]), draw)
    floor = vary(_one_of(draw, [(140, 100, 70), (170, 150, 130), (110, 80, 70), (165, 60, 55)]), draw)
    edge = draw.uniform(0.45, 0.8)
    plane = gradient(shade(wall, 1.05), shade(wall, 0.85))
    row = int(edge * CANVAS)
    plane[row:] = gradient(floor, shade(floor, 0.8), edge, 1)[row:]
    return _image(plane + clouds(draw, 2, 3)[..., None] * 16)


def undergrowth(draw: np.random.Generator) -> Image.Image:
    """Earth, moss or leaves seen from near: what a frog sits on."""
    ground = vary(
        _one_of(draw, [(120, 98, 70), (96, 104, 60), (135, 125, 105), (70, 90, 45), (150, 140, 120)]), draw
    )
    plane = gradient(shade(ground, 1.1), shade(ground, 0.85)) + clouds(draw, 5, 4)[..., None] * 34
    return _image(plane)


def _one_of(draw: np.random.Generator, colours: list[Colour]) -> Colour:
    return colours[int(draw.integers(len(colours)))]


def _image(plane: Plane) -> Image.Image:
    return Image.fromarray(plane.clip(0, 255).astype(np.uint8))
