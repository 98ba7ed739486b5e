"""Makes one clip: who is seen and what they do, from the seed and the clip's place in the data set alone."""

import dataclasses
import functools
import io

import numpy as np
import PIL.Image
from jaxtyping import Float, UInt8

from vasa_jax.data.clips import SPLITS
from vasa_jax.data.synthetic import anatomy, eyes, head_model, performance, range_of_motion
from vasa_jax.data.synthetic import person as persons
from vasa_jax.data.synthetic import speech_sources as speech
from vasa_jax.data.synthetic.renderer import Renderer, View
from vasa_jax.types import SAMPLES_PER_FRAME

CHUNK = 32  # frames whose expressions are computed at once


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the bytes of a data set depend on. Sizes in pixels; numbers of identities and clips by split."""

    assets: str
    size: int = 128
    supersample: int = 2
    seed: int = 0
    identities: int = 500
    range_frames: int = 24
    talk: int = 500
    validation: int = 24
    test: int = 24
    max_seconds: float = 8.0

    def people(self, split: str) -> int:
        """Identities of a split."""
        return {"train": self.identities, "validation": self.validation, "test": self.test}[split]

    def talks(self, split: str) -> int:
        """Talk clips of a split."""
        return {"train": self.talk, "validation": self.validation, "test": self.test}[split]


@dataclasses.dataclass(frozen=True)
class Plan:
    """One clip to be made: its split, kind ("talk" or "range"), number, its person's number, its speech."""

    split: str
    kind: str
    number: int
    identity: int
    utterance: speech.Utterance | None

    @property
    def name(self):
        return f"{self.split}_{self.kind}_{self.number:06d}"


def plans(settings: Settings, split: str) -> list[Plan]:
    """All clips of a split: one range clip a person, then the talk clips, whose persons take turns."""
    people = settings.people(split)
    ranges = [Plan(split, "range", k, k, None) for k in range(people)] if settings.range_frames else []
    known = speech.utterances(settings.assets, split, settings.max_seconds)
    order = generator(settings, split, 3, 0).permutation(len(known))
    talks = []
    for k in range(settings.talks(split)):
        if split == "train" and k >= len(known):
            utterance = speech.flite_utterance(settings.assets, k, generator(settings, split, 4, k))
        else:
            utterance = known[order[k % len(known)]]
        talks.append(Plan(split, "talk", k, k % people, utterance))
    return ranges + talks


def generator(settings: Settings, split: str, purpose: int, number: int) -> np.random.Generator:
    """A random generator of its own for every use, so that the order of work changes nothing.

    Purposes: 0 person, 1 range clip, 2 talk clip, 3 order of the speech, 4 text for flite.
    """
    return np.random.default_rng([settings.seed, SPLITS.index(split), purpose, number])


def draw_person(model, settings: Settings, split: str, identity: int) -> persons.Person:
    """The person with this number in this split."""
    return persons.draw(model, generator(settings, split, 0, identity))


@functools.lru_cache(maxsize=1)
def _renderer(assets, size, supersample):
    return Renderer(head_model.load(assets), size, supersample)


def make(settings: Settings, plan: Plan) -> dict:
    """Renders a clip: a dict with the fields of the record, frames as JPEG bytes."""
    renderer, person, acts, audio, phones = stage(settings, plan)
    images, landmarks = zip(*draw(renderer, person, acts), strict=True)
    return {
        **about(plan, audio, phones),
        "frames": [encode(image) for image in images],
        "landmarks": np.stack(landmarks).astype(np.float32),
        **labels(acts, person.lips),
    }


def stage(settings: Settings, plan: Plan) -> tuple[Renderer, persons.Person, performance.Performance, np.ndarray, list]:
    """What `draw` needs for a clip, the renderer with the person in it, and what is heard: audio and phones."""
    model = head_model.load(settings.assets)
    renderer = _renderer(settings.assets, settings.size, settings.supersample)
    person = draw_person(model, settings, plan.split, plan.identity)
    acts, audio, phones = perform(model, settings, plan, person.lips)
    renderer.set_person(person)
    return renderer, person, acts, audio, phones


def about(plan: Plan, audio: np.ndarray, phones: list) -> dict:
    """What a record says of a clip beside its frames and what they show."""
    return {
        "clip": plan.name,
        "identity": f"{plan.split}_{plan.identity:05d}",
        "speaker": plan.utterance.voice if plan.utterance else "",
        "kind": plan.kind,
        "text": plan.utterance.text if plan.utterance else "",
        "audio": audio,
        "phones": {
            "label": [phone[0] for phone in phones],
            "start": [np.float32(phone[1]) for phone in phones],
            "end": [np.float32(phone[2]) for phone in phones],
        },
    }


def perform(model, settings: Settings, plan: Plan, lips):
    """What happens in a clip: the Performance of a person with these lips, the audio, the phones."""
    if plan.kind == "talk":
        audio, phones = speech.speak(plan.utterance, settings.max_seconds)
        rng = generator(settings, plan.split, 2, plan.number)
        return performance.talk(model, lips, audio, phones, rng), audio, phones
    silence = np.zeros(settings.range_frames * SAMPLES_PER_FRAME, np.float32)
    rng = generator(settings, plan.split, 1, plan.number)
    return range_of_motion.perform(model, lips, settings.range_frames, rng), silence, []


def draw(renderer, person, acts):
    """Yields (image (S, S, 3) uint8, landmarks (68, 2)) for each frame of a Performance."""
    model = renderer.model
    normals = person.normals.copy()
    opening = person.lips.opening(acts.expression)
    for t in range(len(acts.expression)):
        if t % CHUNK == 0:
            moved = person.vertices + model.expression(acts.expression[t : t + CHUNK])
        vertices = moved[t % CHUNK]
        model.face_polygons.update(normals, vertices)
        person.eyes.turn(vertices, normals, person.vertices, person.normals, acts.eye[t])
        view = View(eyes.rotation(*acts.rotation[t]), acts.place[t], acts.body[t])
        light = float(np.clip(opening[t] / 0.12, 0, 1))
        image = renderer.frame(vertices, normals, view, acts.eye[t], light)
        yield image, project(vertices[model.landmarks], view)


def project(points: Float[np.ndarray, "points 3"], view: View) -> Float[np.ndarray, "points 2"]:
    """Points of the face, where the neck does not bend, to the image, x right, y up, as in the shader."""
    p = (points - anatomy.PIVOT) @ view.rotation.T + anatomy.PIVOT + anatomy.OFFSET
    return anatomy.ZOOM * p[:, :2] * view.head[2] / (anatomy.CAMERA_DISTANCE - p[:, 2:]) + view.head[:2]


def pose_labels(acts: performance.Performance) -> Float[np.ndarray, "time 7"]:
    """Yaw, pitch, roll, tx, ty, tz, scale: image = scale * R @ canonical + translation.

    The head turns about PIVOT, the label about the image's centre: the translation takes up the difference.
    """
    pivot = anatomy.UNITS_PER_CM * (anatomy.PIVOT + anatomy.OFFSET)
    turned = np.stack([eyes.rotation(*angles) @ pivot for angles in acts.rotation])
    shift = acts.place[:, 2:] * (pivot - turned)[:, :2] + acts.place[:, :2]
    return np.concatenate([acts.rotation, shift, np.zeros_like(shift[:, :1]), acts.place[:, 2:]], 1)


def labels(acts, lips):
    """The labels of a Performance as float32 arrays, as the record has them."""
    exact = {
        "pose": pose_labels(acts),
        "gaze": acts.gaze,
        "expression": acts.expression,
        "distance": 1.0 / acts.place[:, 2],
        "emotion": acts.emotion,
        "lip_opening": np.maximum(lips.opening(acts.expression), 0.0),
    }
    return {name: value.astype(np.float32) for name, value in exact.items()}


def encode(image: UInt8[np.ndarray, "size size 3"]) -> bytes:
    """JPEG of an image, quality 95, full colour resolution."""
    stream = io.BytesIO()
    PIL.Image.fromarray(image).save(stream, "JPEG", quality=95, subsampling=0)
    return stream.getvalue()
