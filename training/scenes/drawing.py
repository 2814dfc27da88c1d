"""One scene: surroundings, a shadow, the object with light on it, and what a camera does to all that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from training.dataset import CLASSES
from training.scenes import animals, surroundings, vehicles
from training.scenes.pen import CANVAS, Pen, Placement

SIDE = 96
"""Side of a finished scene in pixels."""

Surroundings = Callable[[np.random.Generator], Image.Image]
Subject = Callable[[Pen, np.random.Generator], None]


@dataclass(frozen=True, slots=True)
class View:
    """What is drawn, where it can be, and how it lies: half size, height of its middle, largest turn."""

    subject: Subject
    places: tuple[Surroundings, ...]
    size: tuple[float, float] = (0.36, 0.46)
    height: tuple[float, float] = (0.48, 0.58)
    turn_degrees: float = 4.0
    shadow: float | None = None
    """Height of the ground below the object's middle, in half sizes; None for what casts no shadow."""


_S = surroundings
VIEWS: dict[str, tuple[View, ...]] = {
    "airplane": (
        View(vehicles.airliner_side, (_S.sky,), (0.36, 0.46), (0.4, 0.58), 14),
        View(vehicles.jet_from_below, (_S.sky,), (0.3, 0.44), (0.42, 0.58), 40),
        View(vehicles.fighter, (_S.sky,), (0.34, 0.44), (0.42, 0.58), 25),
        View(vehicles.airliner_wheels, (_S.street, _S.meadow), (0.4, 0.46), (0.5, 0.58), 1, 0.3),
    ),
    "automobile": (
        View(vehicles.car_side, (_S.street,), (0.4, 0.46), (0.52, 0.62), 2, 0.46),
        View(vehicles.car_front, (_S.street,), (0.42, 0.52), (0.5, 0.58), 2, 0.6),
    ),
    "bird": (
        View(animals.perched_bird, (_S.forest, _S.sky, _S.meadow), (0.36, 0.46)),
        View(animals.flying_bird, (_S.sky, _S.sea), (0.34, 0.44), (0.55, 0.65), 15),
        View(animals.ostrich, (_S.meadow,), (0.42, 0.46), (0.48, 0.52), 2, 0.95),
    ),
    "cat": (
        View(animals.cat_face, (_S.room,), (0.44, 0.52), (0.46, 0.56), 10),
        View(animals.sitting_cat, (_S.room,), (0.42, 0.48), (0.48, 0.54), 3, 0.95),
    ),
    "deer": (View(animals.standing_deer, (_S.meadow, _S.forest), (0.38, 0.44), (0.52, 0.58), 2, 0.97),),
    "dog": (
        View(animals.dog_face, (_S.room, _S.meadow), (0.46, 0.54), (0.46, 0.54), 10),
        View(animals.standing_dog, (_S.room, _S.meadow), (0.4, 0.46), (0.48, 0.54), 2, 0.97),
    ),
    "frog": (
        View(animals.sitting_frog, (_S.undergrowth,), (0.38, 0.48), (0.46, 0.54), 6, 0.6),
        View(animals.frog_from_above, (_S.undergrowth,), (0.36, 0.46), (0.48, 0.54), 60, 0.3),
    ),
    "horse": (
        View(animals.standing_horse, (_S.meadow,), (0.4, 0.46), (0.48, 0.54), 2, 0.96),
        View(animals.horse_head, (_S.meadow, _S.forest), (0.44, 0.52), (0.46, 0.54), 5),
    ),
    "ship": (
        View(vehicles.cargo_ship, (_S.sea,), (0.4, 0.48), (0.52, 0.6), 1),
        View(vehicles.liner, (_S.sea,), (0.4, 0.48), (0.52, 0.6), 1),
        View(vehicles.sailing_boat, (_S.sea,), (0.34, 0.42), (0.5, 0.58), 5),
    ),
    "truck": (
        View(vehicles.box_truck, (_S.street,), (0.42, 0.47), (0.48, 0.54), 1, 0.6),
        View(vehicles.semi_trailer, (_S.street,), (0.44, 0.48), (0.5, 0.56), 1, 0.46),
        View(vehicles.pickup_front, (_S.street,), (0.4, 0.48), (0.46, 0.54), 1, 0.85),
    ),
}


def draw_scene(label: str, variant: int, seed: int) -> Image.Image:
    """RGB, 96x96. `variant` counts the scenes of a class; views take turns, all else follows from the seed."""
    draw = np.random.default_rng([seed, CLASSES.index(label), variant])
    views = VIEWS[label]
    view = views[variant % len(views)]
    scene = view.places[int(draw.integers(len(view.places)))](draw)
    scene = scene.filter(ImageFilter.GaussianBlur(draw.uniform(1.5, 5))).convert("RGBA")
    placement = Placement(
        draw.uniform(0.46, 0.54),
        draw.uniform(*view.height),
        draw.uniform(*view.size),
        draw.uniform(-view.turn_degrees, view.turn_degrees),
        bool(draw.random() < 0.5),
    )
    sun = draw.uniform(-1, 1)
    if view.shadow is not None:
        scene.alpha_composite(_shadow(placement, view.shadow))
    layer = Image.new("RGBA", (CANVAS, CANVAS))
    view.subject(Pen(layer, placement), draw)
    scene.alpha_composite(_lit(layer, sun, draw))
    return _photographed(scene, draw)


def _shadow(placement: Placement, ground: float) -> Image.Image:
    layer = Image.new("RGBA", (CANVAS, CANVAS))
    Pen(layer, placement).ellipse((0, ground), (0.95, 0.12), (15, 15, 15))
    faded = layer.getchannel("A").filter(ImageFilter.GaussianBlur(7)).point(lambda level: level * 0.55)
    layer.putalpha(faded)
    return layer


def _lit(layer: Image.Image, sun: float, draw: np.random.Generator) -> Image.Image:
    """Round the object off: light from above and from `sun` (-1 left, 1 right), and a coat that is not flat."""
    pixels = np.asarray(layer, np.float64)
    hull = layer.getchannel("A").filter(ImageFilter.GaussianBlur(16))
    height = np.asarray(hull, np.float64) / 255
    down, right = np.gradient(height)
    relief = 1 + 14 * (0.9 * down - 0.6 * sun * right) + 0.1 * surroundings.clouds(draw, 8, 3)
    colours = (pixels[..., :3] * relief.clip(0.55, 1.4)[..., None]).clip(0, 255)
    return Image.fromarray(np.dstack([colours, pixels[..., 3]]).astype(np.uint8))


def _photographed(scene: Image.Image, draw: np.random.Generator) -> Image.Image:
    """Exposure, colour cast, slight blur; then down to the final size."""
    soft = scene.convert("RGB").filter(ImageFilter.GaussianBlur(draw.uniform(0.5, 3.0)))
    pixels = np.asarray(soft, np.float64)
    contrast, light = draw.uniform(0.85, 1.1), draw.uniform(-15, 12)
    cast = np.array([draw.uniform(0.95, 1.05), 1.0, draw.uniform(0.93, 1.05)])
    exposed = ((pixels - 128) * contrast + 128 + light) * cast
    final = Image.fromarray(exposed.clip(0, 255).astype(np.uint8))
    return final.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
