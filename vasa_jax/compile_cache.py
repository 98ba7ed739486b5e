"""Compiled programs are kept on disk, so that only the first run on a machine waits for the compiler."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """`vasa_jax` in the user's cache folder: $XDG_CACHE_HOME, or ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "vasa_jax"


def enable_compile_cache() -> Path | None:
    """Turn JAX's persistent cache on for this process, for programs of any size.

    Does nothing where the user has chosen a cache already (JAX_COMPILATION_CACHE_DIR or jax.config), or where
    the folder cannot be made: the programs are then compiled anew each time.

    Returns:
      The folder, None where nothing was changed.
    """
    import jax

    if jax.config.jax_compilation_cache_dir:
        return None
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # no rights, or no home at all
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return folder
