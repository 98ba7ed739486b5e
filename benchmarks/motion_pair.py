"""The motion transformer in JAX and in PyTorch with the same weights, and the works that both are timed at."""

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch

from benchmarks.motion_torch import MotionTorch, sample
from vasa_jax.models import init_motion
from vasa_jax.motion import GUIDANCE, MotionTransformer, Sampling, build_motion, cosine_schedule, make_sampler
from vasa_jax.motion.conditions import null_conditions
from vasa_jax.motion.solvers import visited
from vasa_jax.types import FPS

TOLD = ("audio", "gaze")  # to a few-step student
SEGMENT = 4  # windows of a call, as infer.py samples


@dataclasses.dataclass
class Work:
    """One row: motion of so many seconds, by JAX, by PyTorch, and by PyTorch compiled."""

    name: str
    seconds: float
    jax: Callable[[], None]
    torch: Callable[[], None]
    compiled: Callable[[], None]


class Pair:
    """Both networks on one device, and a student of the same size, with random weights of which none is zero.

    Args:
      config: fields of MotionTransformer.
    """

    def __init__(self, config: Mapping[str, Any]):
        torch.set_num_threads(os.cpu_count() or 1)
        self.device = "cuda" if jax.default_backend() == "gpu" else "cpu"
        self.models = {"teacher": build_motion(config), "student": build_motion({**config, "told": TOLD})}
        self.params = {name: example_params(model) for name, model in self.models.items()}
        window = self.models["teacher"].window
        self.twins = {n: MotionTorch(p, window).to(self.device).eval() for n, p in self.params.items()}

    def difference(self) -> float:
        """The largest between the two networks' outputs, of teacher and student, on random inputs."""
        return max(self._difference(name) for name in self.models)

    def works(self, steps: tuple[int, ...], few: int, seconds: float) -> Iterator[Work]:
        """One window at each number of steps and by the student in `few`; then `seconds` of audio, likewise."""
        window = self.models["teacher"].window
        for windows in (1, -(-round(seconds * FPS) // window)):
            for count in steps if windows == 1 else steps[:1]:
                yield self._work("teacher", count, windows)
            yield self._work("student", few, windows)

    def _difference(self, name: str) -> float:
        model, batch = self.models[name], 3
        noised, conditions = example_inputs(model, batch)
        step, scales = jnp.array([999, 500, 19]), jnp.full((batch, len(model.told)), 0.7)
        ours = jax.jit(model.apply)({"params": self.params[name]}, noised, step, conditions, scales=scales)
        x, t, s = self._to_torch((noised, step, scales))
        with torch.no_grad():
            theirs = self.twins[name](x, t, self._fields(conditions), s)
        return float(np.abs(np.asarray(ours) - theirs.cpu().numpy()).max())

    def _work(self, name: str, steps: int, windows: int) -> Work:
        branches = f"{steps} steps, " + ("one branch" if name == "student" else f"{1 + len(GUIDANCE)} branches")
        seconds = windows * self.models[name].window / FPS
        what = "one window" if windows == 1 else f"{seconds:.0f} s"
        ways = self._jax_way(name, steps, windows), *self._torch_ways(name, steps, windows)
        return Work(f"{what}: {branches}" + (", student" if name == "student" else ""), seconds, *ways)

    def _jax_way(self, name: str, steps: int, windows: int) -> Callable[[], None]:
        """Segment after segment, as inference does it."""
        model, segment = self.models[name], min(windows, SEGMENT)
        sampler = make_sampler(model, sampling=Sampling(steps), windows=segment)
        _, given = example_inputs(model, 1)
        frames = segment * model.window
        audio = np.tile(given.audio, (1, segment, 1))
        controls = [np.asarray(x) for x in (given.gaze, given.distance, given.emotion)]
        params = {"params": jax.device_put(self.params[name])}

        def run() -> None:
            state = None
            for start in range(0, windows, segment):
                valid = np.array([min(frames, (windows - start) * model.window)])
                motion, state = sampler(params, audio, valid, *controls, jax.random.key(0), state=state)
            jax.block_until_ready(motion)

        return run

    def _torch_ways(self, name: str, steps: int, windows: int) -> list[Callable[[], None]]:
        """Window after window, eager and compiled, without gradients."""
        model = self.models[name]
        noise, given = example_inputs(model, 1)
        noise, given = *self._to_torch([noise]), self._fields(given)
        schedule, times = cosine_schedule(), visited(steps)
        shares = [*np.asarray(schedule.alpha_bar[times]).tolist(), 1.0]

        def way(network: Callable) -> Callable[[], None]:
            def run() -> None:
                c = dict(given)
                with torch.no_grad():
                    for _ in range(windows):
                        motion = sample(network, noise, c, GUIDANCE, np.asarray(times), shares)
                        c["previous_motion"] = motion[:, -model.history :]
                        c["previous_audio"] = c["audio"][:, -model.history :]
                if self.device == "cuda":
                    torch.cuda.synchronize()

            return run

        compiled = torch.compile(self.twins[name])
        compiled.told = self.twins[name].told
        return [way(self.twins[name]), way(compiled)]

    def _fields(self, conditions: Any) -> dict[str, torch.Tensor]:
        names = [field.name for field in dataclasses.fields(conditions)]
        return dict(zip(names, self._to_torch(getattr(conditions, name) for name in names), strict=True))

    def _to_torch(self, arrays: Any) -> list[torch.Tensor]:
        return [torch.from_numpy(np.array(x)).to(self.device) for x in arrays]


def example_inputs(model: MotionTransformer, batch: int) -> tuple[np.ndarray, Any]:
    """Noise, and conditions that are all present."""
    generator = np.random.default_rng(1)
    nothing = null_conditions(batch, model.window, model.history, model.motion_size, model.feature_size)

    def fill(leaf: Any) -> np.ndarray:
        if leaf.dtype == bool:
            return np.ones(leaf.shape, bool)
        floats = leaf.dtype == np.float32
        return generator.normal(size=leaf.shape).astype(np.float32) if floats else np.asarray(leaf)

    noise = generator.normal(size=(batch, model.window, model.motion_size)).astype(np.float32)
    return noise, jax.tree.map(fill, nothing)


def example_params(model: MotionTransformer, seed: int = 0) -> Any:
    """Weights of the model's shapes, drawn here: what training begins with has zeros, with which a mistake can hide."""
    generator = np.random.default_rng(seed)

    def draw(path: tuple, shape: jax.ShapeDtypeStruct) -> np.ndarray:
        noise, name = generator.standard_normal(shape.shape, np.float32), path[-1].key
        if name == "kernel":
            return noise / np.sqrt(np.float32(shape.shape[0]))
        return 0.1 * noise + (name == "scale") if name in ("bias", "scale") else 0.5 * noise

    shapes = jax.eval_shape(lambda: init_motion(model, jax.random.key(0)))
    return jax.tree_util.tree_map_with_path(draw, shapes)
