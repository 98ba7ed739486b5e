"""Weight standardisation done once: it depends on the weights alone, so no frame need pay for it.

`fold` puts standardised kernels in the place of kernel and gain; networks that are traced within `as_folded` take the
kernels of such parameters as they are.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import flax.linen as nn

from vasa_jax.layers import Conv, standardise_weights


def fold(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with every kernel that has a gain standardised, times the gain, which is gone."""
    if params.keys() == {"kernel", "bias", "gain"}:
        kernel = standardise_weights(params["kernel"]) * params["gain"]
        return {"kernel": kernel, "bias": params["bias"]}
    return {name: fold(part) if isinstance(part, Mapping) else part for name, part in params.items()}


def as_folded() -> AbstractContextManager[None]:
    """Within, a convolution whose parameters hold no gain takes its kernel as it is."""
    return nn.intercept_methods(_convolve)


def _convolve(call: Callable, args: tuple[Any, ...], kwargs: dict[str, Any], context: Any) -> Any:
    module = context.module
    if not isinstance(module, Conv) or context.method_name != "__call__" or module.has_variable("params", "gain"):
        return call(*args, **kwargs)
    return module.convolved(*args, *(module.get_variable("params", name) for name in ("kernel", "bias")))
