"""Draws a Person frame by frame with OpenGL on EGL (no display, no GPU needed: Mesa's llvmpipe serves).

What does not change within a clip is drawn once: the skin is painted flat into one texture and the background
into another, so that a frame only looks them up and lights them.
"""

import dataclasses

import numpy as np
from jaxtyping import Float, UInt8

from vasa_jax.data.synthetic import anatomy, eyes, gl
from vasa_jax.data.synthetic import person as persons


@dataclasses.dataclass(frozen=True)
class View:
    """Where the head is in one frame: rotation (3, 3); head and shoulders (3,): shift x, y and scale."""

    rotation: np.ndarray
    head: np.ndarray
    body: np.ndarray


class Renderer:
    """One image size, one person at a time: `set_person`, then `frame` as often as wanted.

    Args:
      model: the HeadModel.
      size: side of the images in pixels.
      supersample: raster pixels per image pixel along each side.
      texture: height in pixels of the skin canvas (its width is twice that); by default it follows the size.

    Raises:
      UserError: there is no EGL.
    """

    def __init__(self, model, size, supersample=2, texture=None):
        self.model, self.size, self.supersample = model, size, supersample
        self.gl = gl.create_context()
        self.programs = gl.programs(self.gl)
        self._make_targets(size * supersample, texture or int(np.clip(2.5 * size, 256, 1536)))
        self._make_head_buffers()
        self.person = None

    def _make_targets(self, raster, texture):
        context = self.gl
        square = (raster, raster)
        self.target = context.framebuffer([context.texture(square, 3)], context.depth_renderbuffer(square))
        self.scene, self.paint = context.texture(square, 3), context.texture((2 * texture, texture), 4)
        self.scene_target = context.framebuffer([self.scene])
        self.paint_target = context.framebuffer([self.paint])
        self.streaks = context.texture((256, 256), 1, gl.streaks().tobytes())
        for mipmapped in (self.paint, self.streaks):
            mipmapped.build_mipmaps()

    def _make_head_buffers(self):
        context, model = self.gl, self.model
        rest = model.vertices[model.source]
        self.moving = np.empty((len(rest), 6), np.float32)
        self.moving_buffer = context.buffer(reserve=self.moving.nbytes, dynamic=True)
        self.marks_buffer = context.buffer(reserve=len(rest) * 16)
        fixed, uv = (
            context.buffer(np.concatenate([rest, extra], 1).astype("f4").tobytes())
            for extra in (persons.vertex_extras(model), model.uv)
        )
        index = {name: context.buffer(part.tobytes()) for name, part in model.parts.items()}
        posed = [(self.moving_buffer, ("position", "normal")), (fixed, ("rest", "extra"))]
        flat = [(uv, ("rest", "uv")), (self.marks_buffer, ("marks",))]
        self.meshes = {
            name: gl.vertex_array(context, self.programs[name], posed, index[name])
            for name in ("skin", "eyes", "mouth", "lashes")
        }
        self.meshes["paint"] = gl.vertex_array(context, self.programs["paint"], flat, index["skin"])
        for name in ("background", "copy"):
            self.meshes[name] = context.vertex_array(self.programs[name], [])

    def set_person(self, person):
        """Paints the skin and the background and uploads hair and clothes."""
        self.person, looks = person, person.looks
        gl.write_uniforms(self.programs, _uniforms(self.model, person))
        self.marks_buffer.write(persons.paint_marks(self.model, looks)[self.model.source].tobytes())
        self.gl.disable(self.gl.DEPTH_TEST)
        self.scene_target.use()
        self.meshes["background"].render(vertices=3)
        self.paint_target.use()
        self.paint_target.clear(*np.sqrt(looks.skin), 0.3)
        self.meshes["paint"].render()
        self.paint.build_mipmaps()
        for name in ("hair", "clothes"):
            if name in self.meshes:
                self.meshes.pop(name).release()
        self._upload_clothes(*person.clothes)
        if person.hair is not None:
            self._upload_hair(person.hair)

    def _upload_clothes(self, vertices, normals, triangles):
        self._upload(
            "clothes", vertices, normals, vertices, np.zeros((len(vertices), 4), np.float32), triangles
        )

    def _upload_hair(self, mesh):
        # Hair below the jaw follows the neck, as the skin does, so that it rests on the shoulders.
        weight = np.clip((mesh.vertices[:, 1:2] + 17.0) / 9.0, 0.0, 1.0)
        extra = np.concatenate([weight, mesh.tangents], 1)
        self._upload("hair", mesh.vertices, mesh.normals, mesh.strand, extra, mesh.triangles)

    def _upload(self, name, vertices, normals, rest, extra, triangles):
        data = np.concatenate([vertices, normals, rest, extra], 1).astype("f4")
        buffers = [(self.gl.buffer(data.tobytes()), ("position", "normal", "rest", "extra"))]
        index = self.gl.buffer(triangles.astype("i4").tobytes())
        self.meshes[name] = gl.vertex_array(self.gl, self.programs[name], buffers, index)

    def frame(
        self,
        vertices: Float[np.ndarray, "vertices 3"],
        normals: Float[np.ndarray, "vertices 3"],
        view: View,
        eye: Float[np.ndarray, "2"],
        lips_apart: float,
    ) -> UInt8[np.ndarray, "size size 3"]:
        """Draws one frame.

        Args:
          vertices, normals: the head before the pose, cm.
          view: where the head is.
          eye: yaw and pitch of the eyes in the head's frame, radians.
          lips_apart: 0..1, how much light enters the mouth.
        """
        self._set_pose(view, eye, lips_apart)
        np.take(vertices, self.model.source, 0, out=self.moving[:, :3])
        np.take(normals, self.model.source, 0, out=self.moving[:, 3:])
        self.moving_buffer.write(self.moving)
        self.target.use()
        self.gl.enable(self.gl.DEPTH_TEST)
        self.target.clear()
        self.scene.use(0)
        self.meshes["copy"].render(vertices=3)
        self.paint.use(0)
        for name in ("clothes", "skin", "eyes", "mouth"):
            self.meshes[name].render()
        self._draw_transparent()
        return self._read()

    def _draw_transparent(self):
        self.gl.enable(self.gl.BLEND)
        self.target.depth_mask = False  # lashes hide nothing
        self.meshes["lashes"].render()
        self.target.depth_mask = True
        if "hair" in self.meshes:
            self.streaks.use(0)
            self.meshes["hair"].render()
        self.gl.disable(self.gl.BLEND)

    def _set_pose(self, view, eye, lips_apart):
        ahead = 0.72 * eyes.direction(eye)
        corneas = (self.person.eyes.centres + ahead - anatomy.PIVOT) @ view.rotation.T + anatomy.PIVOT
        values = {
            "rotation": view.rotation.T,  # OpenGL reads columns
            "head": view.head,
            "body": view.body,
            "open": lips_apart,
            "cornea_left": corneas[0],
            "cornea_right": corneas[1],
        }
        gl.write_uniforms(self.programs, values)

    def _read(self):
        """The raster, averaged over the squares of supersampling."""
        n, s = self.size, self.supersample
        raster = np.frombuffer(self.target.read(components=3), np.uint8).reshape(n * s, n * s, 3)[::-1]
        total = raster.reshape(n, s, n, s, 3).astype(np.uint16).sum((1, 3))
        return ((total + s * s // 2) // (s * s)).astype(np.uint8)


def _uniforms(model, person):
    """What the shaders need to know of a person; fields of Appearance keep their names."""
    looks, rest = person.looks, model.vertices[model.landmarks]
    brows = [persons.stroke(_brow(rest[part], looks), 7) for part in anatomy.BROWS]
    lids = [persons.outline(rest[part], 12) for part in anatomy.EYE_CONTOURS]
    return {
        **{name: value for name, value in dataclasses.asdict(looks).items() if not isinstance(value, str)},
        "outer_lip": persons.outline(rest[anatomy.OUTER_LIP, :2], 24),
        "brows": np.concatenate(brows),
        "lids": np.concatenate(lids),
        "hair": looks.hair_colour,
        "scalp": {"bald": 0.0, "buzz": 0.72}.get(looks.hair_style, 1.0),
        "scene": looks.background,
        "curls": float(looks.hair_style == "curls"),
        "camera": [anatomy.ZOOM, anatomy.CAMERA_DISTANCE, anatomy.OFFSET[1]],
        "pivot": anatomy.PIVOT,
        "eye_rest": anatomy.EYE_CENTRES[0],
        "centre_left": person.eyes.centres[0],
        "centre_right": person.eyes.centres[1],
    }


def _brow(points, looks):
    """The brow's line: raised, and arched at two thirds from the nose."""
    points = points.copy()
    outward = np.abs(points[:, 0])
    bend = np.exp(-(((outward - 4.2) / 1.0) ** 2))
    points[:, 1] += looks.brow_height + looks.brow_arch * bend - 0.1
    return points
