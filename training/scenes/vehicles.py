"""Airplanes, automobiles, ships and trucks. Each function draws one view; noses point to the left."""

from __future__ import annotations

import numpy as np

from training.scenes.pen import Colour, Pen, mix, shade, vary

GLASS: Colour = (62, 76, 92)
TYRE: Colour = (28, 28, 30)
CAR_PAINT: list[Colour] = [
    (180, 30, 32), (190, 192, 196), (36, 38, 44), (38, 70, 140), (225, 225, 222), (40, 90, 70), (200, 160, 40),
]  # fmt: skip


def airliner_side(pen: Pen, draw: np.random.Generator) -> None:
    """In flight or on the runway, seen from the side."""
    body = vary((228, 230, 234), draw, 8)
    accent = _paint(draw)
    tail = [(0.62, -0.08), (0.78, -0.46), (0.94, -0.46), (0.9, -0.02)]
    pen.polygon(tail, accent)
    pen.blob([(-0.98, 0.04), (-0.8, -0.1), (0, -0.13), (0.7, -0.1), (0.98, -0.05), (0.7, 0.08), (0, 0.13),
              (-0.8, 0.11)], body)  # fmt: skip
    pen.polygon([(-0.86, 0.06), (0.75, 0.06), (0.6, 0.1), (-0.8, 0.11)], shade(body, 0.72))
    pen.polygon([(0.7, -0.04), (1.0, -0.16), (1.05, -0.13), (0.86, 0.0)], shade(body, 0.8))
    pen.polygon([(-0.18, 0.05), (0.22, 0.05), (0.62, 0.36), (0.46, 0.38)], shade(body, 0.62))
    pen.ellipse((0.04, 0.22), (0.14, 0.065), shade(body, 0.55))
    for x in np.arange(-0.66, 0.6, 0.11):
        pen.ellipse((float(x), -0.035), (0.022, 0.022), GLASS)
    pen.polygon([(-0.93, -0.02), (-0.82, -0.08), (-0.8, -0.02)], GLASS)


def airliner_wheels(pen: Pen, draw: np.random.Generator) -> None:
    """The same on its landing gear."""
    for x in (-0.7, 0.1, 0.2):
        pen.limb([(x, 0.08), (x, 0.24)], [0.035, 0.035], (90, 90, 95))
        pen.ellipse((x, 0.27), (0.055, 0.055), TYRE)
    airliner_side(pen, draw)


def jet_from_below(pen: Pen, draw: np.random.Generator) -> None:
    """Swept wings against the sky."""
    body = vary((120, 126, 136), draw, 30)
    wing = shade(body, 0.85)
    pen.polygon([(-0.2, 0.0), (0.3, -0.9), (0.48, -0.9), (0.3, 0.0), (0.48, 0.9), (0.3, 0.9)], wing)
    pen.polygon([(0.62, 0.0), (0.86, -0.36), (0.98, -0.36), (0.9, 0), (0.98, 0.36), (0.86, 0.36)], wing)
    pen.blob([(-1.0, 0.0), (-0.8, -0.09), (0, -0.11), (0.9, -0.06), (1.0, 0), (0.9, 0.06), (0, 0.11),
              (-0.8, 0.09)], body)  # fmt: skip
    for side in (-0.35, 0.35):
        pen.ellipse((0.08, side), (0.14, 0.05), shade(body, 0.6))


def fighter(pen: Pen, draw: np.random.Generator) -> None:
    """A delta wing, climbing."""
    body = vary((98, 104, 112), draw, 25)
    pen.polygon([(-0.15, -0.02), (0.75, -0.5), (0.85, -0.45), (0.7, 0.05)], shade(body, 0.8))
    pen.blob([(-1.0, 0.02), (-0.5, -0.1), (0.3, -0.12), (0.9, -0.08), (0.95, 0.05), (0.3, 0.1), (-0.5, 0.08)],
             body)  # fmt: skip
    pen.polygon([(-0.1, 0.05), (0.8, 0.62), (0.92, 0.58), (0.75, 0.05)], shade(body, 0.65))
    pen.polygon([(0.5, -0.1), (0.82, -0.48), (0.96, -0.46), (0.88, -0.06)], shade(body, 0.9))
    pen.blob([(-0.55, -0.09), (-0.35, -0.19), (-0.1, -0.11)], GLASS)


def car_side(pen: Pen, draw: np.random.Generator) -> None:
    """A saloon or hatchback."""
    paint = vary(_paint(draw), draw, 12)
    roof = draw.uniform(-0.46, -0.38)
    back = draw.uniform(0.55, 0.9)
    pen.polygon([(-0.98, 0.24), (0.98, 0.24), (0.92, 0.34), (-0.92, 0.34)], (40, 40, 42))
    pen.blob([(-1.0, 0.1), (-0.92, -0.03), (-0.45, -0.1), (-0.2, roof), (0.35, roof), (back, -0.12),
              (0.98, -0.04), (1.0, 0.22), (0.6, 0.3), (-0.6, 0.3), (-0.97, 0.26)], paint)  # fmt: skip
    pen.polygon([(-0.4, -0.1), (-0.17, roof + 0.06), (0.05, roof + 0.06), (0.05, -0.1)], GLASS)
    pen.polygon([(0.1, -0.1), (0.1, roof + 0.06), (0.33, roof + 0.07), (back - 0.12, -0.1)], GLASS)
    pen.polygon([(-0.95, 0.1), (0.97, 0.1), (0.97, 0.14), (-0.95, 0.14)], shade(paint, 0.75))
    pen.ellipse((-0.93, 0.05), (0.055, 0.04), (250, 240, 200))
    pen.ellipse((0.96, 0.03), (0.035, 0.05), (190, 30, 25))
    _wheels(pen, [-0.6, 0.6], 0.28, 0.19)


def car_front(pen: Pen, draw: np.random.Generator) -> None:
    """From the front: windscreen, bonnet, grille, two lamps."""
    paint = vary(_paint(draw), draw, 12)
    for x in (-0.62, 0.62):
        pen.polygon([(x - 0.13, 0.3), (x + 0.13, 0.3), (x + 0.13, 0.62), (x - 0.13, 0.62)], TYRE)
    pen.blob([(-0.8, 0.1), (-0.6, -0.12), (-0.45, -0.52), (0.45, -0.52), (0.6, -0.12), (0.8, 0.1), (0.82, 0.46),
              (0, 0.52), (-0.82, 0.46)], paint)  # fmt: skip
    pen.polygon([(-0.55, -0.1), (-0.42, -0.44), (0.42, -0.44), (0.55, -0.1)], GLASS)
    pen.polygon([(-0.4, 0.14), (0.4, 0.14), (0.36, 0.3), (-0.36, 0.3)], shade(paint, 0.3))
    pen.polygon([(-0.78, 0.38), (0.78, 0.38), (0.74, 0.5), (-0.74, 0.5)], shade(paint, 0.6))
    for x in (-0.6, 0.6):
        pen.ellipse((x, 0.18), (0.14, 0.085), (245, 242, 225))
    pen.polygon([(-0.16, 0.4), (0.16, 0.4), (0.16, 0.47), (-0.16, 0.47)], (235, 235, 230))


def cargo_ship(pen: Pen, draw: np.random.Generator) -> None:
    """Hull, containers, bridge."""
    hull = vary(_one_of(draw, [(150, 40, 35), (40, 55, 90), (45, 48, 52), (30, 90, 80)]), draw, 12)
    white = vary((232, 234, 234), draw, 8)
    for x in np.arange(-0.62, 0.4, 0.17):
        for row in range(int(draw.integers(1, 4))):
            box = vary(_paint(draw), draw, 15)
            top = -0.13 - row * 0.11
            pen.polygon([(x, top), (x + 0.16, top), (x + 0.16, top + 0.11), (x, top + 0.11)], box)
    pen.polygon([(0.5, -0.02), (0.5, -0.5), (0.8, -0.5), (0.84, -0.02)], white)
    pen.polygon([(0.47, -0.42), (0.8, -0.42), (0.8, -0.36), (0.47, -0.36)], GLASS)
    pen.polygon([(0.62, -0.5), (0.64, -0.72), (0.74, -0.72), (0.76, -0.5)], hull)
    pen.polygon([(-1.0, -0.1), (-0.8, -0.03), (0.98, -0.03), (0.94, 0.22), (-0.86, 0.22)], hull)
    pen.polygon([(-0.88, 0.15), (0.95, 0.15), (0.93, 0.23), (-0.85, 0.23)], mix(hull, (120, 30, 28), 0.6))


def liner(pen: Pen, draw: np.random.Generator) -> None:
    """A white passenger ship with rows of windows and a funnel."""
    white = vary((236, 238, 240), draw, 6)
    hull = _one_of(draw, [white, vary((35, 50, 85), draw, 10)])
    for level, (left, right) in enumerate([(-0.78, 0.9), (-0.62, 0.82), (-0.45, 0.68)]):
        top = -0.16 - 0.14 * level
        pen.polygon([(left, top), (right, top), (right, top + 0.15), (left - 0.06, top + 0.15)],
                    shade(white, 1 - 0.05 * level))  # fmt: skip
        for x in np.arange(left + 0.05, right - 0.03, 0.09):
            pen.polygon(
                [(x, top + 0.04), (x + 0.05, top + 0.04), (x + 0.05, top + 0.09), (x, top + 0.09)], GLASS
            )
    pen.polygon([(0.15, -0.44), (0.2, -0.7), (0.42, -0.7), (0.44, -0.44)], vary(_paint(draw), draw, 10))
    pen.polygon([(-1.0, -0.08), (-0.84, -0.02), (0.98, -0.02), (0.92, 0.2), (-0.84, 0.2)], hull)


def sailing_boat(pen: Pen, draw: np.random.Generator) -> None:
    """Two sails on a small hull."""
    sail = vary((240, 238, 230), draw, 8)
    pen.limb([(0.0, 0.1), (0.0, -0.98)], [0.03, 0.02], (90, 70, 50))
    pen.polygon([(0.04, -0.95), (0.62, 0.0), (0.04, 0.02)], sail)
    pen.polygon([(-0.04, -0.88), (-0.6, 0.04), (-0.04, 0.03)], shade(sail, 0.86))
    hull = vary(_one_of(draw, [(245, 245, 245), (50, 60, 90), (130, 60, 40)]), draw, 10)
    pen.blob([(-0.82, 0.08), (0, 0.12), (0.7, 0.08), (0.6, 0.27), (0, 0.31), (-0.55, 0.27)], hull)


def box_truck(pen: Pen, draw: np.random.Generator) -> None:
    """A cab and a box, from the side."""
    cab, box = vary(_paint(draw), draw, 12), vary(_one_of(draw, [(225, 225, 222), *CAR_PAINT]), draw, 12)
    pen.polygon([(-0.95, 0.3), (0.98, 0.3), (0.98, 0.4), (-0.95, 0.4)], (45, 45, 48))
    pen.polygon([(-0.42, -0.62), (1.0, -0.62), (1.0, 0.32), (-0.42, 0.32)], box)
    pen.polygon([(-0.42, -0.62), (1.0, -0.62), (1.0, -0.56), (-0.42, -0.56)], shade(box, 0.8))
    _cab(pen, cab, -0.46)
    _wheels(pen, [-0.72, 0.4, 0.74], 0.42, 0.17)


def semi_trailer(pen: Pen, draw: np.random.Generator) -> None:
    """A tractor with a long bonnet and a trailer."""
    cab, box = vary(_paint(draw), draw, 12), vary((222, 222, 220), draw, 15)
    pen.polygon([(-0.95, 0.22), (1.0, 0.22), (1.0, 0.32), (-0.95, 0.32)], (45, 45, 48))
    pen.polygon([(-0.2, -0.5), (1.02, -0.5), (1.02, 0.22), (-0.2, 0.22)], box)
    pen.polygon([(-1.0, 0.0), (-0.68, -0.08), (-0.6, -0.46), (-0.26, -0.5), (-0.26, 0.28), (-1.0, 0.28)], cab)
    pen.polygon([(-0.63, -0.08), (-0.57, -0.38), (-0.42, -0.38), (-0.42, -0.08)], GLASS)
    pen.limb([(-0.28, 0.1), (-0.28, -0.66)], [0.05, 0.05], (190, 190, 195))
    _wheels(pen, [-0.78, -0.34, 0.62, 0.86], 0.32, 0.13)


def pickup_front(pen: Pen, draw: np.random.Generator) -> None:
    """A lorry from the front: tall, upright windscreen, big grille."""
    paint = vary(_paint(draw), draw, 12)
    box = vary((215, 215, 212), draw, 15)
    pen.polygon([(-0.66, -0.92), (0.66, -0.92), (0.66, 0.4), (-0.66, 0.4)], box)
    for x in (-0.5, 0.5):
        pen.polygon([(x - 0.14, 0.5), (x + 0.14, 0.5), (x + 0.14, 0.86), (x - 0.14, 0.86)], TYRE)
    pen.polygon([(-0.6, -0.56), (0.6, -0.56), (0.66, 0.6), (-0.66, 0.6)], paint)
    pen.polygon([(-0.54, -0.46), (0.54, -0.46), (0.57, -0.04), (-0.57, -0.04)], GLASS)
    pen.polygon([(-0.36, 0.12), (0.36, 0.12), (0.36, 0.42), (-0.36, 0.42)], shade(paint, 0.35))
    pen.polygon([(-0.68, 0.5), (0.68, 0.5), (0.68, 0.66), (-0.68, 0.66)], (170, 172, 175))
    for x in (-0.5, 0.5):
        pen.ellipse((x, 0.34), (0.1, 0.08), (248, 244, 225))


def _cab(pen: Pen, paint: Colour, top: float) -> None:
    pen.polygon(
        [(-0.98, 0.3), (-1.0, -0.06), (-0.88, top), (-0.46, top), (-0.46, 0.34), (-0.98, 0.34)], paint
    )
    pen.polygon([(-0.94, -0.04), (-0.84, top + 0.07), (-0.58, top + 0.07), (-0.58, -0.04)], GLASS)
    pen.ellipse((-0.97, 0.16), (0.035, 0.05), (250, 240, 200))


def _wheels(pen: Pen, places: list[float], y: float, radius: float) -> None:
    for x in places:
        pen.ellipse((x, y), (radius, radius), TYRE)
        pen.ellipse((x, y), (radius * 0.55, radius * 0.55), (165, 166, 170))


def _paint(draw: np.random.Generator) -> Colour:
    return _one_of(draw, CAR_PAINT)


def _one_of(draw: np.random.Generator, colours: list[Colour]) -> Colour:
    return colours[int(draw.integers(len(colours)))]
