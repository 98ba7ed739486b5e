"""What a synthetic person and the scene around them look like: one frozen record drawn from a generator.

Colours are linear RGB in [0, 1]; lengths are centimetres on the mean head.
"""

import dataclasses

import numpy as np

from vasa_jax.data.synthetic.head_model import IDENTITY_SIZE

# fmt: off
SKIN_TONES = np.array(
    [[238, 208, 190], [226, 188, 164], [206, 162, 134], [176, 130, 104], [132, 94, 74], [90, 64, 54]], float)
HAIR_COLOURS = np.array(
    [[24, 20, 18], [48, 32, 22], [86, 56, 34], [132, 94, 56], [196, 160, 104], [124, 58, 30],
     [150, 148, 146]], float)
HAIR_CHANCES = {"light": [0.25, 0.25, 0.2, 0.12, 0.1, 0.08], "dark": [0.7, 0.25, 0.05, 0, 0, 0]}
IRIS_COLOURS = np.array(
    [[74, 46, 26], [104, 72, 38], [88, 122, 150], [92, 118, 84], [112, 118, 122]], float)
IRIS_CHANCES = {"light": [0.42, 0.2, 0.2, 0.1, 0.08], "dark": [0.8, 0.2, 0, 0, 0]}
CLOTHES_COLOURS = np.array(
    [[236, 234, 230], [40, 44, 54], [32, 32, 34], [88, 100, 120], [120, 60, 58], [74, 92, 76],
     [168, 152, 128], [104, 126, 158], [188, 172, 168], [92, 80, 100]], float)
LIPSTICKS = np.array([[168, 52, 62], [150, 70, 78], [190, 80, 84], [120, 36, 52]], float)
SCENES = (
    [[196, 188, 176], [158, 146, 132], [120, 104, 88], [226, 220, 208], [92, 84, 78], [206, 190, 160]],
    [[150, 168, 182], [118, 132, 112], [186, 198, 204], [92, 104, 86], [132, 128, 108], [214, 218, 214]],
    [[86, 92, 100], [120, 126, 132], [60, 64, 70], [146, 150, 154], [104, 98, 96], [72, 82, 94]],
    [[112, 128, 92], [84, 102, 74], [148, 160, 118], [176, 186, 160], [68, 80, 62], [196, 200, 176]],
)  # a room, a street, a studio, a garden
HAIR_STYLES = ("bald", "buzz", "short", "quiff", "fringe", "bob", "long", "tucked", "bun", "curls")
STYLE_CHANCES = {
    "masculine": [0.10, 0.16, 0.30, 0.22, 0.06, 0.0, 0.04, 0.03, 0.01, 0.08],
    "feminine": [0.01, 0.02, 0.08, 0.03, 0.12, 0.18, 0.26, 0.14, 0.08, 0.08],
}
# fmt: on


def linear(rgb):
    """sRGB in 0..255 -> linear light in [0, 1]."""
    return (np.asarray(rgb, float) / 255.0) ** 2.2


@dataclasses.dataclass(frozen=True)
class Appearance:
    """Everything about a clip's looks that stays the same from its first frame to its last."""

    shape: np.ndarray  # (50,) identity coefficients
    skin: np.ndarray  # (3,)
    lips: np.ndarray  # (3,)
    blush: float
    freckles: float
    age: float  # 0 young .. 1 old: lines, bags under the eyes
    seed: float  # moves all procedural noise
    brow_colour: np.ndarray
    brow_thickness: float
    brow_height: float
    brow_arch: float
    brow_density: float
    iris: np.ndarray
    pupil: float  # radius
    lash: float  # opacity
    eyeliner: float
    hair_style: str
    hair_colour: np.ndarray
    hairline: float  # height above the brows at the middle of the forehead
    hair_volume: float
    parting: float  # -1 image left .. 1 image right
    hair_length: float  # 0..1 within the style
    beard: float  # 0 none, .3 stubble, 1 full
    moustache: float
    clothes: np.ndarray
    collar: str
    light: np.ndarray  # (3,) unit vector to the key light
    light_colour: np.ndarray
    fill: np.ndarray
    ambient: np.ndarray
    background: (
        np.ndarray
    )  # (8, 7): centre x, y, radius, rgb, softness; first two rows are a gradient's two ends


def draw(rng):
    """Draws one person in one scene."""
    age = rng.beta(1.2, 1.8)
    tone = rng.beta(1.2, 1.4)
    skin = _skin(rng, tone)
    masculine = rng.random() < 0.5
    hair = _hair(rng, tone, age, masculine)
    ambient, light_colour, fill = _light(rng)
    made_up = 0.0 if masculine else rng.choice([0.0, 0.4, 1.0])
    beard = masculine * rng.choice([0.0, 0.25, 0.45, 1.0], p=[0.5, 0.2, 0.15, 0.15])
    direction = np.array([rng.uniform(-0.9, 0.9), rng.uniform(0.1, 0.9), 1.0])
    return Appearance(
        shape=np.clip(rng.normal(0, 1.15, IDENTITY_SIZE), -2.6, 2.6),
        skin=skin,
        lips=_lips(rng, skin, made_up),
        blush=rng.uniform(0.3, 1.0),
        freckles=float(rng.random() < 0.2) * rng.uniform(0.3, 1.0) * (tone < 0.6),
        age=age,
        seed=rng.uniform(0, 50),
        brow_colour=hair["hair_colour"] * 0.7 + 0.02 * skin,
        brow_thickness=rng.uniform(0.26, 0.5) + 0.1 * masculine,
        brow_height=rng.normal(0, 0.12),
        brow_arch=rng.uniform(-0.1, 0.25),
        brow_density=rng.uniform(0.6, 0.95),
        iris=linear(IRIS_COLOURS[rng.choice(5, p=IRIS_CHANCES["light" if tone < 0.5 else "dark"])]),
        pupil=rng.uniform(0.2, 0.3),
        lash=rng.uniform(0.25, 0.5) + 0.35 * made_up,
        eyeliner=rng.uniform(0.3, 0.6) + 0.4 * made_up,
        beard=beard,
        moustache=beard * rng.choice([0.0, 1.0], p=[0.15, 0.85]) + masculine * 0.6 * (rng.random() < 0.08),
        clothes=linear(CLOTHES_COLOURS[rng.choice(len(CLOTHES_COLOURS))]) * rng.uniform(0.75, 1.1),
        collar=str(rng.choice(["crew", "vee", "shirt", "turtleneck"], p=[0.3, 0.2, 0.35, 0.15])),
        light=direction / np.linalg.norm(direction),
        light_colour=light_colour,
        fill=fill,
        ambient=ambient,
        background=_background(rng),
        **hair,
    )


def _skin(rng, tone):
    position = tone * (len(SKIN_TONES) - 1)
    colour = np.array([np.interp(position, range(len(SKIN_TONES)), SKIN_TONES[:, c]) for c in range(3)])
    return linear(np.clip(colour * rng.uniform(0.95, 1.04) + rng.normal(0, 3, 3), 0, 255))


def _lips(rng, skin, made_up):
    natural = skin * np.array([0.88, 0.48, 0.5]) * rng.uniform(0.85, 1.1)
    lipstick = linear(LIPSTICKS[rng.integers(4)])
    strength = made_up * rng.uniform(0.4, 0.9)
    return natural * (1 - strength) + lipstick * strength


def _hair(rng, tone, age, masculine):
    """Style, colour and cut; grey comes with age."""
    chances = np.array([*HAIR_CHANCES["light" if tone < 0.5 else "dark"], max(0.0, age - 0.55) * 2.0])
    colour = HAIR_COLOURS[rng.choice(7, p=chances / chances.sum())] * rng.uniform(0.85, 1.15)
    styles = STYLE_CHANCES["masculine" if masculine else "feminine"]
    return dict(
        hair_style=HAIR_STYLES[rng.choice(10, p=styles)],
        hair_colour=linear(np.clip(colour, 8, 240)),
        hairline=rng.uniform(3.2, 4.6) + masculine * age * rng.uniform(0, 1.2),
        hair_volume=rng.uniform(0.6, 1.4),
        parting=rng.choice([-1.0, 0.0, 1.0]) * rng.uniform(0.6, 1.0),
        hair_length=rng.uniform(0, 1),
    )


def _light(rng):
    """Ambient, key and fill colours: warm indoors, neutral, or cool outdoors."""
    warmth = rng.uniform(-1, 1)
    tint = np.array([1 + 0.1 * warmth, 1.0, 1 - 0.14 * warmth])
    strength = rng.uniform(0.8, 1.15)
    ambient = np.array([0.30, 0.31, 0.33]) * (2 - tint) * rng.uniform(0.75, 1.2)
    return ambient, tint * strength, (2 - tint) * rng.uniform(0.06, 0.25)


def _background(rng):
    """A gradient and six blurred blobs of low saturation, indoor or outdoor tones."""
    palette = np.array(SCENES[rng.integers(len(SCENES))], float)
    rows = []
    for number in range(8):
        colour = linear(np.clip(palette[rng.integers(6)] * rng.uniform(0.8, 1.12), 0, 255))
        if number < 2:
            rows.append([0, 0, 0, *colour, 0])
        else:
            softness = rng.uniform(0.35, 1.0)
            place = rng.uniform(-1.3, 1.3), rng.uniform(-1.1, 1.3), rng.uniform(0.15, 0.7)
            rows.append([*place, *colour, softness])
    return np.array(rows)
