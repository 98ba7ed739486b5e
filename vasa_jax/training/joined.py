"""The small arrays of a tree as one vector, for an optimiser, which treats every number alike.

A network of a hundred layers has a thousand arrays, three quarters of them biases and gains. Each costs a program some
fifty operations of AdamW and of the average, which a compiler takes minutes over; as one vector they cost as much as
one of them.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vasa_jax.training import mesh as meshes

Joined = list[Array]


def join(tree: Any) -> Joined:
    """The large arrays of a tree of float32 arrays in its order, and behind them all small ones, laid end to end.

    What is small lies whole on every device (see `mesh.partition`), so that this moves nothing between them.
    """
    leaves = jax.tree.leaves(tree)
    small = [leaf.reshape(-1) for leaf in leaves if _is_small(leaf)]
    return [leaf for leaf in leaves if not _is_small(leaf)] + ([jnp.concatenate(small)] if small else [])


def split(joined: Joined, like: Any) -> Any:
    """The inverse of `join`.

    Args:
      like: a tree of arrays of the structure and the shapes that were joined.
    """
    leaves, structure = jax.tree.flatten(like)
    large, start, found = iter(joined), 0, []
    for leaf in leaves:
        if _is_small(leaf):
            found.append(joined[-1][start : start + leaf.size].reshape(leaf.shape))
            start += leaf.size
        else:
            found.append(next(large))
    return structure.unflatten(found)


def within(change: Callable[[Any], Any], tree: Any, like: Any) -> Any:
    """`change` of each part of a tree that is built as `like` is, such as the moments in an optimiser's state; what
    else is in it stays."""
    structure = jax.tree.structure(like)

    def is_alike(part: Any) -> bool:
        return jax.tree.structure(part) == structure

    return jax.tree.map(lambda part: change(part) if is_alike(part) else part, tree, is_leaf=is_alike)


def _is_small(leaf: Any) -> bool:
    return math.prod(leaf.shape) < meshes.SMALLEST_SHARDED
