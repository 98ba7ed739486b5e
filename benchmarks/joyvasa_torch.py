"""JoyVASA's generator in PyTorch, built from its Flax parameters: what `motion_torch.sample` asks of a network."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.layers_torch import Dense, LayerNorm, Params, numbered, parameter, self_attention
from benchmarks.motion_torch import Conditions
from vasa_jax.motion.diffusion import STEPS
from vasa_jax.open_weights.joyvasa.denoiser import EPSILON, waves


class Layer(nn.Module):
    """Attention to the audio is to one token, whose value it gives: query and key are left out here as well."""

    def __init__(self, params: Params, heads: int):
        super().__init__()
        own, heard = params["self_attention"], params["audio_attention"]
        names = ("query", "key", "value")
        parts = [np.concatenate([own[name][part] for name in names], -1) for part in ("kernel", "bias")]
        self.heads, self.joined = heads, Dense(dict(zip(("kernel", "bias"), parts, strict=True)))
        self.attended, self.value, self.heard = Dense(own["out"]), Dense(heard["value"]), Dense(heard["out"])
        self.widen, self.narrow = Dense(params["widen"]), Dense(params["narrow"])
        norms = (params[f"{name}_norm"] for name in ("self", "audio", "feedforward"))
        self.norms = nn.ModuleList(LayerNorm(p, EPSILON) for p in norms)

    def forward(self, x: Tensor, audio: Tensor) -> Tensor:
        x = self.norms[0](x + self.attended(self_attention(self.joined(x), self.heads)))
        x = self.norms[1](x + self.heard(self.value(audio)))
        return self.norms[2](x + self.narrow(F.gelu(self.widen(x))))


class JoyVasaTorch(nn.Module):
    """The same as vasa_jax.open_weights.joyvasa.JoyMotion with these parameters.

    Args:
      params: Flax parameters, nested, NumPy.
      window: W.
      heads, steps: see `JoyMotion`.
    """

    def __init__(self, params: Params, window: int, heads: int, steps: int):
        super().__init__()
        net = params["denoiser"]
        self.window = window
        self.starts = nn.ParameterDict({n: parameter(params[n]) for n in ("start_motion", "start_audio", "null_audio")})
        names = ("motion", "step_in", "step_out", "head_in", "head_out")
        self.dense = nn.ModuleDict({name: Dense(net[name]) for name in names})
        self.layers = nn.ModuleList(Layer(p, heads) for p in numbered(net, "layer"))
        frames, width = window + len(params["start_motion"]), net["motion"]["kernel"].shape[1]
        tables = {"positions": np.arange(frames), "times": steps * np.arange(1, STEPS + 1) / STEPS}
        for name, places in tables.items():
            self.register_buffer(name, torch.from_numpy(np.array(waves(places, width))))

    def forward(self, noised: Tensor, step: Tensor, c: Conditions) -> Tensor:
        began, heard = (c[name][:, None, None] for name in ("has_previous", "has_audio"))
        previous = torch.where(began, c["previous_motion"], self.starts["start_motion"])
        before = torch.where(began, c["previous_audio"], self.starts["start_audio"])
        audio = torch.cat([before, torch.where(heard, c["audio"], self.starts["null_audio"])], 1)
        x = self.dense["motion"](torch.cat([previous, noised], 1)) + self.positions
        x = x + self.dense["step_out"](F.gelu(self.dense["step_in"](self.times[step.long()])))[:, None]
        for layer in self.layers:
            x = layer(x, audio)
        return self.dense["head_out"](F.gelu(self.dense["head_in"](x)))[:, -self.window :]
