"""The face model in JAX and in PyTorch with the same weights, and the works that both are timed at."""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch

from benchmarks.face_torch import Appearance, FaceTorch, Motion
from vasa_jax.face import FaceModel, build_face

RATE, DECAY = 1e-4, 1e-2  # of AdamW
FRAMES = 8  # decoded at once
DTYPES = {"float32": (jnp.float32, torch.float32), "bfloat16": (jnp.bfloat16, torch.bfloat16)}


class Program:
    """A JAX function as a way to be timed: compiles in its first call; with `carries` a result is the next first
    argument."""

    def __init__(self, function: Callable, *args: Any, carries: bool = False):
        self.jitted = jax.jit(function, donate_argnums=0 if carries else ())
        self.args, self.carries, self.operations = args, carries, 0.0

    def __call__(self) -> None:
        if not self.operations:
            lowered = self.jitted.lower(*self.args)
            self.compiled = lowered.compile()
            # a compiled program does not count what is inside a library's call, a lowered one what it has yet to fuse
            self.operations = max(program.cost_analysis()["flops"] for program in (lowered, self.compiled))
        result = jax.block_until_ready(self.compiled(*self.args))
        if self.carries:
            self.args = (result, *self.args[1:])


@dataclasses.dataclass
class Work:
    """One row: what is done to how many images, by JAX, by PyTorch, and by PyTorch compiled."""

    name: str
    images: int
    jax: Program
    torch: Callable[[], None]
    compiled: Callable[[], None]


class Pair:
    """Both networks on one device, with some images. In bfloat16 both keep float32 parameters."""

    def __init__(self, config: Mapping[str, Any], batch: int, dtype: str):
        size = config["image_size"]
        self.batch, (self.dtype, self.torch_dtype) = batch, DTYPES[dtype]
        self.device = "cuda" if jax.default_backend() == "gpu" else "cpu"
        torch.set_num_threads(os.cpu_count() or 1)
        self.images = example_images(max(batch, FRAMES), size)
        self.model = build_face(config)
        self.params = example_params(self.model)
        self.twin = FaceTorch(jax.tree.map(np.asarray, self.params), config).to(self.device)
        if self.device == "cuda":
            self.twin = self.twin.to(memory_format=torch.channels_last)

    def difference(self, count: int = 2) -> float:
        """The largest between the two networks' images, in float32."""
        source = self.images[:count]
        ours = jax.jit(self.model.apply)({"params": self.params}, source, source[::-1])
        with torch.no_grad():
            theirs = self.twin(to_torch(source, self.device), to_torch(source[::-1], self.device))
        return float(np.abs(np.asarray(ours) - theirs.permute(0, 2, 3, 1).cpu().numpy()).max())

    def works(self) -> Iterator[Work]:
        yield self._encode()
        for frames in (FRAMES, 1):
            yield self._decode(frames)
        yield self._train()

    def _encode(self) -> Work:
        image = self.images[:1]
        program = Program(lambda p, x: self._apply(p, x, method="encode"), self.params, image.astype(self.dtype))
        return Work("encode a portrait", 1, program, *self._torch_ways(self.twin.encode, to_torch(image, self.device)))

    def _decode(self, frames: int) -> Work:
        images = self.images[:frames].astype(self.dtype)
        appearance, motion = jax.jit(lambda p, x: self._apply(p, x, method="encode"))(self.params, images)
        program = Program(lambda p, *a: self._apply(p, *a, method="decode"), self.params, appearance, motion)
        with torch.no_grad(), self._precision():
            theirs: tuple[Appearance, Motion] = self.twin.encode(to_torch(self.images[:frames], self.device))
        return Work(f"decode, batch {frames}", frames, program, *self._torch_ways(self.twin.decode, *theirs))

    def _train(self) -> Work:
        """Gradient of the L1 error of the driver frame, and AdamW."""
        source, driver = self.images[: self.batch], self.images[: self.batch][::-1]
        rule = optax.adamw(RATE, weight_decay=DECAY)

        def loss(params, source, driver):
            return jnp.abs(self._apply(params, source, driver) - driver).mean()

        def step(state, source, driver):
            params, moments = state
            updates, moments = rule.update(jax.grad(loss)(params, source, driver), moments, params)
            return optax.apply_updates(params, updates), moments

        state = jax.tree.map(jnp.copy, (self.params, rule.init(self.params)))
        program = Program(step, state, source.astype(self.dtype), driver.astype(self.dtype), carries=True)
        images = (to_torch(source, self.device), to_torch(driver, self.device))
        optimiser = torch.optim.AdamW(self.twin.parameters(), RATE, weight_decay=DECAY, fused=True)

        def torch_step(network: Callable) -> Callable[[], None]:
            def run() -> None:
                optimiser.zero_grad()
                with self._precision():
                    error = (network(*images) - images[1]).abs().mean()
                error.backward()
                optimiser.step()
                wait(self.device)

            return run

        name = f"training step, batch {self.batch}"
        return Work(name, self.batch, program, torch_step(self.twin), torch_step(torch.compile(self.twin)))

    def _apply(self, params: Any, *args: Any, **options: Any) -> Any:
        return self.model.apply({"params": params}, *args, **options)

    def _torch_ways(self, function: Callable, *args: Any) -> list[Callable[[], None]]:
        """Eager and compiled, without gradients."""

        def way(function: Callable) -> Callable[[], None]:
            def run() -> None:
                with torch.no_grad(), self._precision():
                    function(*args)
                wait(self.device)

            return run

        return [way(function), way(torch.compile(function))]

    def _precision(self) -> contextlib.AbstractContextManager:
        enabled = self.torch_dtype is not torch.float32
        return torch.autocast(self.device, self.torch_dtype, enabled) if enabled else contextlib.nullcontext()


def example_images(count: int, size: int) -> jax.Array:
    """Smooth ones: where neighbouring pixels have nothing in common, warps blow up the last digit of a coordinate."""
    coarse = jax.random.uniform(jax.random.key(0), (count, 16, 16, 3), minval=-1.0)
    return jax.image.resize(coarse, (count, size, size, 3), "linear")


def example_params(model: FaceModel, seed: int = 0) -> Any:
    """Weights of the model's shapes: kernels that keep the size of what passes, and no bias or scale left as it begins,
    so that two networks cannot agree by leaving one out. Drawn here, since compiling `init` takes minutes."""
    generator = np.random.default_rng(seed)

    def draw(path: tuple, shape: jax.ShapeDtypeStruct) -> np.ndarray:
        noise, name = generator.standard_normal(shape.shape, np.float32), path[-1].key
        if name == "kernel":
            return noise / np.sqrt(np.prod(shape.shape[:-1], dtype=np.float32))
        return 0.05 * noise + (name in ("scale", "gain"))

    image = jax.ShapeDtypeStruct((1, model.image_size, model.image_size, 3), jnp.float32)
    shapes = jax.eval_shape(model.init, jax.random.key(0), image, image)["params"]
    return jax.tree_util.tree_map_with_path(draw, shapes)


def to_torch(images: jax.Array, device: str) -> torch.Tensor:
    return torch.from_numpy(np.array(images)).movedim(-1, 1).contiguous().to(device)


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
