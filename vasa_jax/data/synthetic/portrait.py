"""Single pictures: a neutral frontal portrait with a margin around the head, and a sheet of many heads.

python -m vasa_jax.data.synthetic.portrait --assets ../shared/assets --out docs/images/synthetic_heads.jpg
python -m vasa_jax.data.synthetic.portrait --assets ../shared/assets --out p.png --identity 3 --size 512
"""

import argparse
import sys

import numpy as np
import PIL.Image
from jaxtyping import UInt8

from vasa_jax.data.synthetic import clip, head_model, performance, range_of_motion
from vasa_jax.data.synthetic import person as persons
from vasa_jax.data.synthetic.renderer import Renderer
from vasa_jax.errors import UserError


def portrait(
    settings: clip.Settings,
    split: str,
    identity: int,
    size: int = 512,
    scale: float = 0.62,
    drop: float = -0.06,
) -> UInt8[np.ndarray, "size size 3"]:
    """A neutral frontal portrait of a person of the data set.

    Args:
      scale: 1 as in the clips (the face fills the picture); smaller leaves a margin around the head.
      drop: shift of the head in image units, y up.
    """
    model = head_model.load(settings.assets)
    person = clip.draw_person(model, settings, split, identity)
    renderer = Renderer(model, size, settings.supersample)
    renderer.set_person(person)
    acts = performance.still(1, len(model.expression_names))
    for place in (acts.place, acts.body):
        place[0] = (0.0, drop, scale)
    return next(clip.draw(renderer, person, acts))[0]


def sheet(settings: clip.Settings, rows: int = 4, columns: int = 8) -> UInt8[np.ndarray, "height width 3"]:
    """Different people, every second one in another pose and expression."""
    model = head_model.load(settings.assets)
    renderer = Renderer(model, settings.size, settings.supersample)
    pictures = []
    for number in range(rows * columns):
        rng = np.random.default_rng([settings.seed, 99, number])
        person = persons.draw(model, rng)
        renderer.set_person(person)
        acts = range_of_motion.perform(model, person.lips, 2, rng)
        pictures.append([image for image, _ in clip.draw(renderer, person, acts)][number % 2])
    grid = np.stack(pictures).reshape(rows, columns, settings.size, settings.size, 3)
    return grid.transpose(0, 2, 1, 3, 4).reshape(rows * settings.size, columns * settings.size, 3)


def main(arguments=None):
    """Writes a portrait if an identity is named, else a sheet of 32 heads."""
    parser = argparse.ArgumentParser("python -m vasa_jax.data.synthetic.portrait", description=main.__doc__)
    parser.add_argument("--assets", default="../shared/assets", help="folder with ict_facekit/")
    parser.add_argument("--out", required=True, help="picture to write")
    parser.add_argument("--identity", type=int, help="number of a person of the split")
    parser.add_argument("--split", default="test", choices=clip.SPLITS)
    parser.add_argument("--size", type=int, default=128, help="side of a head's picture in pixels")
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args(arguments)
    settings = clip.Settings(flags.assets, size=flags.size, seed=flags.seed)
    if flags.identity is None:
        picture = sheet(settings)
    else:
        picture = portrait(settings, flags.split, flags.identity, flags.size)
    PIL.Image.fromarray(picture).save(flags.out, quality=92)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
