"""The motion transformer in PyTorch, built from its Flax parameters, and its guided sampling as a plain loop."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.layers_torch import Dense, LayerNorm, Params, numbered, parameter, self_attention
from vasa_jax.motion.transformer import DISTANCE_UNIT, GAZE_UNIT

Conditions = dict[str, Tensor]  # fields of vasa_jax.types.Conditions


class SmallMLP(nn.Module):
    def __init__(self, params: Params):
        super().__init__()
        self.first, self.last = Dense(params["Dense_0"]), Dense(params["Dense_1"])

    def forward(self, x: Tensor) -> Tensor:
        return self.last(F.silu(self.first(x)))


class Layer(nn.Module):
    def __init__(self, params: Params):
        super().__init__()
        joined = params["query_key_value"]
        _, _, self.heads, size = joined["kernel"].shape
        width = self.heads * size
        flat = {"kernel": np.reshape(joined["kernel"], (width, -1)), "bias": np.reshape(joined["bias"], -1)}
        self.joined, self.attended = Dense(flat), Dense(params["attended"])
        self.before_attention, self.before_feedforward = (LayerNorm(p) for p in numbered(params, "LayerNorm"))
        self.first, self.last = Dense(params["Dense_0"]), Dense(params["Dense_1"])

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attended(self_attention(self.joined(self.before_attention(x)), self.heads))
        h = F.gelu(self.first(self.before_feedforward(x)), approximate="tanh")
        return x + self.last(h)


class MotionTorch(nn.Module):
    """The same as vasa_jax.motion.MotionTransformer with these parameters.

    Args:
      params: Flax parameters, nested, NumPy.
      window: W.
    """

    def __init__(self, params: Params, window: int):
        super().__init__()
        self.window, self.told = window, "told_first" in params
        self.audio, self.motion, self.previous = (Dense(params[n]) for n in ("audio", "motion", "previous_motion"))
        self.controls = nn.ModuleDict({name: SmallMLP(params[name]) for name in ("gaze", "distance", "emotion")})
        self.nulls = nn.ParameterDict({n: parameter(p["null"]) for n, p in params.items() if n.endswith("_or")})
        self.step = SmallMLP(params["step"])
        if self.told:
            self.told_first, self.told_last = Dense(params["told_first"]), Dense(params["told_last"])
        self.positions, self.types = parameter(params["positions"]["table"]), parameter(params["types"])
        self.layers = nn.ModuleList(Layer(p) for p in numbered(params, "layer"))
        self.last_norm, self.head = LayerNorm(params["last_norm"]), Dense(params["head"])
        half = len(params["types"][0]) // 2
        frequencies = np.exp(-np.log(10_000.0) * np.arange(half) / max(half - 1, 1))
        self.register_buffer("frequencies", torch.tensor(frequencies, dtype=torch.float32))

    def forward(self, noised: Tensor, step: Tensor, c: Conditions, scales: Tensor | None = None) -> Tensor:
        groups = [
            self._audio(c) + self.positions,
            self._control("gaze", c["gaze"] / GAZE_UNIT, c),
            self._control("distance", (c["distance"] - 1) / DISTANCE_UNIT, c),
            self._control("emotion", c["emotion"], c),
            self._step(step, scales),
            self._motion(noised, c) + self.positions,
        ]
        x = torch.cat([group + kind for group, kind in zip(groups, self.types, strict=True)], 1)
        for layer in self.layers:
            x = layer(x)
        return self.head(self.last_norm(x[:, -self.window :]))

    def _audio(self, c: Conditions) -> Tensor:
        frames = torch.arange(self.window, device=c["audio"].device)
        heard = c["has_audio"][:, None] & (frames < c["audio_length"][:, None])
        previous = self._or_null("previous_audio", self.audio(c["previous_audio"]), c["has_previous"][:, None])
        return torch.cat([previous, self._or_null("audio", self.audio(c["audio"]), heard)], 1)

    def _motion(self, noised: Tensor, c: Conditions) -> Tensor:
        tokens = self.previous(c["previous_motion"])
        previous = self._or_null("previous_motion", tokens, c["has_previous"][:, None])
        return torch.cat([previous, self.motion(noised)], 1)

    def _control(self, name: str, value: Tensor, c: Conditions) -> Tensor:
        return self._or_null(name, self.controls[name](value[:, None]), c[f"has_{name}"][:, None])

    def _step(self, step: Tensor, scales: Tensor | None) -> Tensor:
        angles = step[:, None].float() * self.frequencies
        token = self.step(torch.cat([angles.sin(), angles.cos()], -1)[:, None])
        return token + self.told_last(F.silu(self.told_first(scales[:, None]))) if self.told else token

    def _or_null(self, name: str, tokens: Tensor, present: Tensor) -> Tensor:
        return torch.where(present[..., None], tokens, self.nulls[f"{name}_or"])


def sample(
    network: Callable, noise: Tensor, conditions: Conditions, guidance: Mapping[str, float], times: Any, shares: Any
) -> Tensor:
    """One window by DDIM with eta 0, the branches of guidance batched, or told where `network.told` holds.

    Args:
      times, shares: (S,) diffusion steps and (S + 1,) alpha_bar of them and of the end, as vasa_jax.motion.solvers.
    """
    told, names = getattr(network, "told", False), sorted(guidance)
    x, batch = noise, len(noise)
    scales = noise.new_tensor([guidance[name] for name in names]).expand(batch, -1)
    if not told:
        branches = [conditions, *(_without(conditions, name) for name in names)]
        conditions = {name: torch.cat([branch[name] for branch in branches]) for name in conditions}
    for time, share, after in zip(times, shares[:-1], shares[1:], strict=True):
        if told:
            clean = network(x, x.new_full((batch,), float(time)), conditions, scales)
        else:
            step = x.new_full(((1 + len(names)) * batch,), float(time))
            full, *nulls = network(x.repeat(1 + len(names), 1, 1), step, conditions).chunk(1 + len(names))
            clean = (1 + sum(guidance.values())) * full
            for name, null in zip(names, nulls, strict=True):
                clean = clean - guidance[name] * null
        x = after**0.5 * clean + ((1 - after) / (1 - share)) ** 0.5 * (x - share**0.5 * clean)
    return x


def _without(conditions: Conditions, name: str) -> Conditions:
    return {**conditions, f"has_{name}": torch.zeros_like(conditions[f"has_{name}"])}
