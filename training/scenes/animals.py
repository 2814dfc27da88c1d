"""Four-legged animals, birds and frogs. Each function draws one view; heads point to the left."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.scenes.pen import Colour, Pen, Points, mix, shade, vary

DARK: Colour = (30, 26, 24)
CAT_FUR: list[Colour] = [(120, 112, 104), (200, 140, 80), (58, 54, 54), (215, 208, 198), (140, 110, 85)]
DOG_FUR: list[Colour] = [(190, 150, 100), (232, 224, 210), (72, 54, 42), (150, 105, 65), (46, 44, 46)]
DEER_COAT: list[Colour] = [(150, 108, 70), (128, 96, 66), (165, 128, 88)]
HORSE_COAT: list[Colour] = [(110, 66, 40), (82, 50, 34), (150, 98, 56), (48, 40, 38), (205, 200, 192)]
FROG_SKIN: list[Colour] = [(96, 140, 50), (128, 110, 62), (70, 110, 50), (150, 130, 70), (110, 85, 55)]
PLUMAGE: list[Colour] = [
    (120, 95, 70),
    (70, 100, 150),
    (165, 60, 45),
    (90, 90, 95),
    (180, 160, 90),
    (60, 62, 70),
]


def perched_bird(pen: Pen, draw: np.random.Generator) -> None:
    """On a branch or the ground, from the side."""
    back = vary(_one_of(draw, PLUMAGE), draw)
    breast = mix(back, _one_of(draw, [(235, 225, 205), (210, 130, 70), (225, 225, 225)]), 0.75)
    pen.limb([(-0.9, 0.78), (0.9, 0.7)], [0.1, 0.08], vary((96, 76, 56), draw, 10))
    for x in (-0.06, 0.12):
        pen.limb([(x, 0.45), (x - 0.03, 0.74)], [0.05, 0.04], (90, 70, 50))
    pen.polygon([(0.4, 0.05), (1.0, 0.5), (0.86, 0.62), (0.3, 0.4)], shade(back, 0.75))
    pen.blob([(-0.5, -0.3), (-0.3, -0.42), (0.1, -0.2), (0.5, 0.15), (0.4, 0.42), (0.0, 0.52), (-0.4, 0.3),
              (-0.58, -0.02)], breast)  # fmt: skip
    pen.blob([(-0.2, -0.34), (0.15, -0.2), (0.62, 0.22), (0.5, 0.38), (0.05, 0.26), (-0.25, -0.05)], back)
    pen.blob([(-0.05, -0.05), (0.3, 0.08), (0.68, 0.4), (0.3, 0.34), (0.0, 0.2)], shade(back, 0.7))
    pen.ellipse((-0.44, -0.46), (0.28, 0.25), back)
    pen.polygon(
        [(-0.68, -0.52), (-0.98, -0.4), (-0.66, -0.36)], _one_of(draw, [(220, 160, 50), (50, 46, 44)])
    )
    pen.ellipse((-0.52, -0.52), (0.05, 0.05), DARK)


def flying_bird(pen: Pen, draw: np.random.Generator) -> None:
    """Wings up, against the sky."""
    back = vary(_one_of(draw, [(70, 66, 64), (120, 105, 90), (215, 216, 220), (48, 46, 50)]), draw)
    lift = draw.uniform(0.6, 0.95)
    pen.blob([(-0.1, 0.0), (0.25, -lift), (0.62, -lift - 0.1), (0.5, -0.35), (0.3, 0.05)], shade(back, 0.75))
    pen.blob([(-0.85, 0.06), (-0.6, -0.06), (0, -0.06), (0.5, 0.02), (0.3, 0.15), (-0.4, 0.2)], back)
    pen.polygon([(0.4, -0.02), (0.95, -0.1), (0.95, 0.16), (0.4, 0.12)], shade(back, 0.8))
    pen.blob(
        [(-0.2, 0.02), (-0.1, -lift * 0.9), (0.1, -lift - 0.05), (0.28, -0.4), (0.22, 0.06)], shade(back, 1.1)
    )
    pen.ellipse((-0.74, 0.02), (0.16, 0.13), shade(back, 1.1))
    pen.polygon([(-0.86, -0.02), (-1.06, 0.06), (-0.85, 0.1)], (215, 165, 60))
    pen.ellipse((-0.79, -0.01), (0.03, 0.03), DARK)


def ostrich(pen: Pen, draw: np.random.Generator) -> None:
    """A running bird: a ball of feathers on long legs, a long neck."""
    feathers = vary(_one_of(draw, [(48, 44, 44), (110, 95, 80)]), draw)
    skin = vary((190, 165, 145), draw, 10)
    for x, foot in ((0.05, -0.05), (0.28, 0.4)):
        pen.limb([(x, 0.2), (x + 0.06, 0.55), (foot, 0.95)], [0.11, 0.06, 0.06], skin)
    pen.limb([(-0.28, 0.05), (-0.5, -0.3), (-0.45, -0.8)], [0.16, 0.1, 0.09], skin)
    pen.blob([(-0.42, 0.0), (-0.1, -0.28), (0.4, -0.2), (0.75, 0.0), (0.5, 0.28), (0.0, 0.38), (-0.35, 0.25)],
             feathers)  # fmt: skip
    pen.blob([(0.5, -0.12), (0.9, -0.05), (0.8, 0.2), (0.55, 0.15)], (225, 222, 215))
    pen.ellipse((-0.5, -0.84), (0.14, 0.1), skin)
    pen.polygon([(-0.6, -0.88), (-0.82, -0.8), (-0.6, -0.78)], shade(skin, 0.7))
    pen.ellipse((-0.53, -0.87), (0.03, 0.03), DARK)


def cat_face(pen: Pen, draw: np.random.Generator) -> None:
    """Pointed ears, slit eyes, whiskers, seen from near."""
    fur = vary(_one_of(draw, CAT_FUR), draw)
    pen.blob([(-0.8, 1.2), (-0.62, 0.5), (0, 0.3), (0.62, 0.5), (0.8, 1.2)], shade(fur, 0.85))
    for side in (-1, 1):
        pen.polygon([(side * 0.2, -0.48), (side * 0.62, -0.98), (side * 0.76, -0.12)], fur)
        pen.polygon(
            [(side * 0.36, -0.48), (side * 0.59, -0.8), (side * 0.65, -0.24)], mix(fur, (205, 140, 135), 0.6)
        )
    pen.blob([(-0.76, 0.05), (-0.52, -0.46), (0, -0.56), (0.52, -0.46), (0.76, 0.05), (0.45, 0.5), (0, 0.62),
              (-0.45, 0.5)], fur)  # fmt: skip
    for x in (-0.22, 0.0, 0.22):
        pen.limb([(x * 1.2, -0.5), (x * 0.8, -0.24)], [0.07, 0.03], shade(fur, 0.6))
    pen.blob([(-0.3, 0.28), (0, 0.14), (0.3, 0.28), (0.22, 0.52), (0, 0.58), (-0.22, 0.52)],
             mix(fur, (240, 236, 230), 0.7))  # fmt: skip
    iris = _one_of(draw, [(170, 180, 70), (120, 165, 110), (205, 160, 60)])
    for side in (-1, 1):
        pen.ellipse((side * 0.32, -0.04), (0.17, 0.14), iris)
        pen.ellipse((side * 0.32, -0.04), (0.06, 0.135), DARK)
        for row in (-0.05, 0.05):
            pen.limb(
                [(side * 0.2, 0.36 + row), (side * 0.85, 0.3 + 2.4 * row)], [0.018, 0.01], (240, 240, 238)
            )
    pen.polygon([(-0.09, 0.2), (0.09, 0.2), (0, 0.3)], (190, 110, 110))
    pen.limb([(-0.14, 0.44), (0, 0.38), (0.14, 0.44)], [0.02, 0.025, 0.02], DARK)


def sitting_cat(pen: Pen, draw: np.random.Generator) -> None:
    """Upright, tail around."""
    fur = vary(_one_of(draw, CAT_FUR), draw)
    pen.limb([(0.4, 0.85), (0.85, 0.7), (0.8, 0.2)], [0.16, 0.14, 0.1], shade(fur, 0.8))
    pen.blob(
        [(-0.3, -0.25), (0.15, -0.25), (0.5, 0.3), (0.55, 0.85), (0, 0.97), (-0.42, 0.9), (-0.4, 0.3)], fur
    )
    pen.blob([(-0.3, -0.1), (-0.05, -0.1), (0, 0.4), (-0.25, 0.4)], mix(fur, (240, 236, 230), 0.6))
    for x in (-0.3, -0.06):
        pen.limb([(x, 0.3), (x - 0.02, 0.9)], [0.17, 0.15], shade(fur, 0.92))
    for side in (-1, 1):
        x = -0.14 + side * 0.24
        pen.polygon([(x - 0.14, -0.6), (x + side * 0.1, -0.98), (x + 0.14, -0.55)], shade(fur, 0.9))
    pen.ellipse((-0.14, -0.43), (0.4, 0.34), fur)
    pen.ellipse((-0.18, -0.28), (0.18, 0.14), mix(fur, (240, 236, 230), 0.7))
    for x in (-0.32, 0.02):
        pen.ellipse((x, -0.47), (0.075, 0.065), (185, 185, 80))
        pen.ellipse((x, -0.47), (0.03, 0.06), DARK)
    pen.polygon([(-0.23, -0.34), (-0.11, -0.34), (-0.17, -0.27)], (190, 110, 110))


def dog_face(pen: Pen, draw: np.random.Generator) -> None:
    """Hanging ears, a long light muzzle, a big dark nose."""
    fur = vary(_one_of(draw, DOG_FUR), draw)
    ear = shade(fur, draw.uniform(0.55, 0.8))
    pen.blob([(-0.7, 1.2), (-0.5, 0.5), (0, 0.3), (0.5, 0.5), (0.7, 1.2)], shade(fur, 0.88))
    pen.blob([(-0.58, -0.1), (-0.45, -0.6), (0, -0.74), (0.45, -0.6), (0.58, -0.1), (0.4, 0.42), (0, 0.6),
              (-0.4, 0.42)], fur)  # fmt: skip
    for side in (-1, 1):
        pen.blob([(side * 0.36, -0.62), (side * 0.7, -0.5), (side * 0.86, 0.05), (side * 0.68, 0.4),
                  (side * 0.52, -0.05)], ear)  # fmt: skip
        pen.ellipse((side * 0.25, -0.2), (0.09, 0.085), DARK)
        pen.ellipse((side * 0.22, -0.23), (0.025, 0.025), (240, 240, 240))
    pen.blob([(-0.3, 0.12), (-0.14, -0.22), (0.14, -0.22), (0.3, 0.12), (0.26, 0.45), (0, 0.58), (-0.26, 0.45)],
             mix(fur, (244, 238, 228), 0.65))  # fmt: skip
    pen.ellipse((0, 0.12), (0.15, 0.11), DARK)
    pen.limb([(-0.2, 0.38), (0, 0.32), (0.2, 0.38)], [0.03, 0.03, 0.03], DARK)
    if draw.random() < 0.5:
        pen.blob([(-0.1, 0.36), (0.1, 0.36), (0.08, 0.62), (-0.08, 0.62)], (215, 110, 115))


def standing_dog(pen: Pen, draw: np.random.Generator) -> None:
    """From the side: short neck, hanging ear, raised tail."""
    fur = vary(_one_of(draw, DOG_FUR), draw)
    _legs(pen, shade(fur, 0.75), [(-0.3, 0.95), (0.5, 0.95)], 0.25, (0.17, 0.13, 0.12))
    pen.limb([(0.55, -0.05), (0.85, -0.35), (0.78, -0.6)], [0.15, 0.1, 0.07], fur)
    pen.blob([(-0.55, -0.2), (0, -0.22), (0.55, -0.2), (0.72, 0.1), (0.5, 0.36), (0, 0.3), (-0.45, 0.38),
              (-0.62, 0.1)], fur)  # fmt: skip
    _legs(pen, fur, [(-0.46, 0.97), (0.62, 0.97)], 0.25, (0.21, 0.14, 0.13))
    pen.limb([(-0.42, 0.0), (-0.62, -0.38)], [0.4, 0.32], fur)
    pen.blob([(-1.02, -0.35), (-0.85, -0.55), (-0.6, -0.72), (-0.38, -0.55), (-0.45, -0.28), (-0.75, -0.2),
              (-1.0, -0.22)], fur)  # fmt: skip
    pen.blob([(-0.5, -0.66), (-0.36, -0.6), (-0.32, -0.25), (-0.46, -0.2)], shade(fur, 0.6))
    pen.ellipse((-1.0, -0.34), (0.07, 0.06), DARK)
    pen.ellipse((-0.7, -0.5), (0.045, 0.045), DARK)


def standing_deer(pen: Pen, draw: np.random.Generator) -> None:
    """Slender legs, light belly and tail, mostly with antlers."""
    coat = vary(_one_of(draw, DEER_COAT), draw, 12)
    light = mix(coat, (240, 230, 210), 0.6)
    _legs(pen, shade(coat, 0.7), [(-0.22, 0.97), (0.44, 0.97)], 0.15, (0.13, 0.06, 0.05))
    pen.blob(
        [(-0.48, -0.2), (0, -0.22), (0.5, -0.22), (0.62, 0.02), (0.4, 0.22), (-0.1, 0.22), (-0.45, 0.2)], coat
    )
    pen.blob([(-0.35, 0.14), (0, 0.12), (0.35, 0.14), (0, 0.24)], light)
    pen.ellipse((0.6, -0.08), (0.08, 0.12), light)
    _legs(pen, coat, [(-0.38, 0.98), (0.54, 0.98)], 0.15, (0.15, 0.065, 0.05))
    pen.limb([(-0.4, -0.02), (-0.52, -0.3), (-0.58, -0.55)], [0.32, 0.2, 0.17], coat)
    if draw.random() < 0.75:
        _antlers(pen, vary((150, 125, 95), draw, 10))
    for x in (-0.42, -0.66):
        pen.ellipse((x, -0.7), (0.12, 0.05), shade(coat, 0.85), 30 if x > -0.5 else -30)
    pen.blob(
        [(-0.94, -0.42), (-0.7, -0.68), (-0.5, -0.72), (-0.46, -0.52), (-0.7, -0.4), (-0.9, -0.36)], coat
    )
    pen.ellipse((-0.91, -0.4), (0.045, 0.035), DARK)
    pen.ellipse((-0.66, -0.6), (0.035, 0.035), DARK)


def _antlers(pen: Pen, colour: Colour) -> None:
    for lean in (-0.12, 0.16):
        base, tip = (-0.54, -0.7), (-0.54 + lean * 2.2, -1.15)
        middle = (-0.54 + lean * 2.4, -0.92)
        pen.limb([base, middle, tip], [0.05, 0.045, 0.025], colour)
        pen.limb([middle, (middle[0] - 0.16, middle[1] - 0.14)], [0.04, 0.02], colour)
        pen.limb([(-0.54 + lean, -0.8), (-0.62 + lean, -0.98)], [0.035, 0.02], colour)


def standing_horse(pen: Pen, draw: np.random.Generator) -> None:
    """Strong body, arched neck with a mane, long tail."""
    coat = vary(_one_of(draw, HORSE_COAT), draw, 12)
    mane = shade(coat, draw.uniform(0.35, 0.6))
    head_down = draw.random() < 0.3
    _legs(pen, shade(coat, 0.7), [(-0.26, 0.95), (0.44, 0.95)], 0.2, (0.17, 0.09, 0.09))
    pen.limb([(0.62, -0.16), (0.84, 0.1), (0.8, 0.6)], [0.1, 0.18, 0.08], mane)
    pen.blob([(-0.5, -0.25), (-0.1, -0.2), (0.3, -0.25), (0.62, -0.22), (0.74, 0.05), (0.55, 0.28), (0.05, 0.28),
              (-0.45, 0.28), (-0.6, 0.0)], coat)  # fmt: skip
    _legs(pen, coat, [(-0.42, 0.97), (0.58, 0.97)], 0.2, (0.21, 0.1, 0.1))
    neck: Points = (
        [(-0.4, 0.0), (-0.62, 0.25), (-0.75, 0.5)]
        if head_down
        else [(-0.4, -0.05), (-0.56, -0.4), (-0.66, -0.7)]
    )
    pen.limb(neck, [0.46, 0.32, 0.22], coat)
    pen.limb([(x + 0.13, y - 0.08) for x, y in neck], [0.1, 0.13, 0.1], mane)
    x, y = neck[-1]
    pen.limb([(x + 0.02, y - 0.02), (x - 0.16, y + 0.14), (x - 0.28, y + 0.3)], [0.24, 0.2, 0.15], coat)
    for side in (0.0, 0.1):
        pen.polygon(
            [(x - 0.03 + side, y - 0.06), (x + 0.03 + side, y - 0.26), (x + 0.1 + side, y - 0.04)], coat
        )
    pen.ellipse((x - 0.08, y + 0.02), (0.03, 0.03), DARK)


def horse_head(pen: Pen, draw: np.random.Generator) -> None:
    """A portrait: long face, mane, pointed ears."""
    coat = vary(_one_of(draw, HORSE_COAT), draw, 12)
    mane = shade(coat, 0.45)
    pen.limb([(0.15, -0.4), (0.5, 0.2), (0.75, 1.2)], [0.5, 0.75, 1.0], coat)
    pen.limb([(0.1, -0.72), (0.55, -0.3), (0.85, 0.3), (1.05, 1.0)], [0.14, 0.24, 0.26, 0.2], mane)
    pen.limb([(0.1, -0.42), (-0.3, 0.1), (-0.62, 0.52)], [0.56, 0.42, 0.3], coat)
    for x in (-0.06, 0.2):
        pen.polygon([(x - 0.1, -0.58), (x + 0.06, -1.0), (x + 0.14, -0.56)], shade(coat, 0.9))
    if draw.random() < 0.5:
        pen.limb([(-0.2, -0.36), (-0.5, 0.1), (-0.7, 0.4)], [0.1, 0.1, 0.06], (235, 232, 225))
    pen.ellipse((0.02, -0.32), (0.07, 0.06), DARK)
    pen.ellipse((-0.68, 0.5), (0.06, 0.05), shade(coat, 0.3))
    pen.limb([(-0.72, 0.66), (-0.5, 0.66)], [0.03, 0.02], shade(coat, 0.4))


def sitting_frog(pen: Pen, draw: np.random.Generator) -> None:
    """From the side: squat, folded hind leg, bulging eye, light throat."""
    skin = vary(_one_of(draw, FROG_SKIN), draw)
    belly = mix(skin, (225, 215, 165), 0.65)
    pen.limb([(0.6, 0.35), (0.95, 0.52), (0.5, 0.62)], [0.16, 0.13, 0.1], shade(skin, 0.75))
    pen.blob([(-0.95, 0.05), (-0.75, -0.3), (-0.35, -0.42), (0.2, -0.28), (0.8, 0.2), (0.75, 0.5), (0, 0.56),
              (-0.6, 0.46)], skin)  # fmt: skip
    pen.blob([(-0.92, 0.1), (-0.5, 0.16), (-0.2, 0.3), (-0.1, 0.54), (-0.6, 0.48)], belly)
    pen.limb([(-0.35, 0.2), (-0.42, 0.45), (-0.62, 0.62)], [0.2, 0.14, 0.12], shade(skin, 0.88))
    pen.blob([(0.1, 0.2), (0.45, -0.02), (0.86, 0.25), (0.8, 0.55), (0.3, 0.6)], shade(skin, 0.9))
    pen.limb([(0.75, 0.56), (0.3, 0.62), (0.0, 0.64)], [0.12, 0.12, 0.1], shade(skin, 0.8))
    pen.ellipse((-0.5, -0.36), (0.19, 0.17), shade(skin, 1.1))
    pen.ellipse((-0.53, -0.37), (0.11, 0.1), (205, 170, 60))
    pen.ellipse((-0.54, -0.37), (0.065, 0.05), DARK)
    pen.limb([(-0.94, 0.06), (-0.6, 0.06), (-0.32, -0.04)], [0.03, 0.03, 0.02], shade(skin, 0.45))
    _spots(pen, draw, shade(skin, 0.6), [(-0.1, -0.2), (0.15, -0.08), (0.35, 0.05), (0.0, 0.06), (0.5, 0.3)])


def frog_from_above(pen: Pen, draw: np.random.Generator) -> None:
    """Legs spread, two eyes at the front."""
    skin = vary(_one_of(draw, FROG_SKIN), draw)
    for side in (-1, 1):
        pen.limb(
            [(0.4, side * 0.25), (0.1, side * 0.75), (0.75, side * 0.7)], [0.24, 0.2, 0.12], shade(skin, 0.85)
        )
        pen.limb([(0.75, side * 0.7), (0.95, side * 0.9)], [0.12, 0.16], shade(skin, 0.8))
        pen.limb(
            [(-0.35, side * 0.3), (-0.5, side * 0.65), (-0.8, side * 0.72)],
            [0.16, 0.12, 0.12],
            shade(skin, 0.85),
        )
    pen.blob([(-0.95, 0), (-0.7, -0.34), (-0.2, -0.42), (0.45, -0.34), (0.7, 0), (0.45, 0.34), (-0.2, 0.42),
              (-0.7, 0.34)], skin)  # fmt: skip
    pen.limb([(-0.6, 0), (0.0, 0.02), (0.6, 0)], [0.1, 0.12, 0.06], mix(skin, (220, 205, 130), 0.5))
    for side in (-1, 1):
        pen.ellipse((-0.58, side * 0.28), (0.14, 0.12), shade(skin, 1.15))
        pen.ellipse((-0.6, side * 0.3), (0.07, 0.065), DARK)
    _spots(
        pen, draw, shade(skin, 0.6), [(-0.2, -0.22), (0.1, 0.22), (0.35, -0.16), (-0.15, 0.25), (0.2, -0.26)]
    )


def _spots(pen: Pen, draw: np.random.Generator, colour: Colour, places: Points) -> None:
    for x, y in places:
        pen.ellipse(
            (x + draw.normal(0, 0.03), y + draw.normal(0, 0.03)), (draw.uniform(0.04, 0.09), 0.05), colour
        )


def _legs(pen: Pen, colour: Colour, feet: Points, top: float, widths: Sequence[float]) -> None:
    for x, y in feet:
        pen.limb([(x * 0.95, top), (x * 1.02, (top + y) / 2), (x, y)], widths, colour)


def _one_of(draw: np.random.Generator, colours: list[Colour]) -> Colour:
    return colours[int(draw.integers(len(colours)))]
