"""OpenGL without a window: the context, programs from the shaders folder, vertex arrays."""

import functools
import importlib.resources
import os

import numpy as np

from vasa_jax.errors import UserError

VERSION = "#version 330\n"
WIDTHS = {"position": 3, "normal": 3, "rest": 3, "uv": 2, "marks": 4, "extra": 4}


@functools.cache
def create_context():
    """The OpenGL 3.3 context on EGL: one a process, since a second would take over the calls of the first.

    Raises:
      UserError: EGL or a driver for it is missing.
    """
    os.environ.setdefault("LIBGL_ALWAYS_SOFTWARE", "1")  # the same pictures on every machine
    try:
        import moderngl

        return moderngl.create_context(standalone=True, backend="egl", require=330)
    except Exception as error:  # moderngl raises bare Exceptions
        packages = "the Python package moderngl and the Debian packages libegl1 and libgl1-mesa-dri"
        raise UserError(f"no OpenGL on EGL ({error}): install {packages}") from error


def shader(name: str) -> str:
    """The text of a file in the shaders folder."""
    return (importlib.resources.files("vasa_jax.data.synthetic") / "shaders" / name).read_text()


def programs(context):
    """All programs by name; the parts a fragment shader needs are put before it."""
    noise, light = shader("noise.glsl"), shader("light.glsl")
    sources = {
        "paint": ("paint.vert", "paint.frag", noise),
        "background": ("screen.vert", "background.frag", noise),
        "copy": ("screen.vert", "copy.frag", ""),
        "skin": ("pose.vert", "skin.frag", light),
        "eyes": ("pose.vert", "eye.frag", noise + light),
        "mouth": ("pose.vert", "mouth.frag", noise + light),
        "lashes": ("pose.vert", "lash.frag", ""),
        "hair": ("pose.vert", "hair.frag", light),
        "clothes": ("pose.vert", "cloth.frag", noise + light),
    }
    return {
        name: context.program(
            vertex_shader=VERSION + shader(vertex), fragment_shader=VERSION + parts + shader(fragment)
        )
        for name, (vertex, fragment, parts) in sources.items()
    }


def vertex_array(context, program, buffers, index):
    """A vertex array from [(buffer, attribute names)]; attributes the program does not use become padding."""
    content = []
    for buffer, attributes in buffers:
        used = [name for name in attributes if name in program]
        layout = [f"{WIDTHS[name]}f" if name in program else f"{4 * WIDTHS[name]}x" for name in attributes]
        if used:
            content.append((buffer, " ".join(layout), *used))
    return context.vertex_array(program, content, index)


def write_uniforms(all_programs, values):
    """Sets uniforms by name in all programs that have them: floats, vectors, matrices by columns, arrays."""
    for program in all_programs.values():
        for name, value in values.items():
            if name in program:
                program[name].write(np.ascontiguousarray(value, "f4").tobytes())


def streaks():
    """(256, 256) uint8 texture of strands: varies fast across (columns), slowly along (rows); it repeats."""
    rng = np.random.default_rng(0)
    total = np.zeros((256, 256))
    for across, along, strength in ((16, 2, 0.2), (64, 4, 0.4), (128, 8, 0.4)):
        grid = rng.random((along, across))
        row, column = np.arange(256) * along / 256, np.arange(256) * across / 256
        total += strength * _bilinear(grid, row, column)
    total = (total - total.min()) / (total.max() - total.min())
    return np.round(255 * total).astype(np.uint8)


def _bilinear(grid, row, column):
    """Periodic bilinear sampling of a grid at all pairs of rows and columns."""
    r, c = row.astype(int), column.astype(int)
    fr, fc = (row - r)[:, None], (column - c)[None]
    grid = np.pad(grid, ((0, 1), (0, 1)), mode="wrap")
    a, b, d, e = (
        grid[np.ix_(r, c)],
        grid[np.ix_(r, c + 1)],
        grid[np.ix_(r + 1, c)],
        grid[np.ix_(r + 1, c + 1)],
    )
    return (a * (1 - fc) + b * fc) * (1 - fr) + (d * (1 - fc) + e * fc) * fr
