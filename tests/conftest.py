"""Every annotated shape in vasa_jax is checked while the tests run."""

import os
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

os.environ.setdefault("JAX_PLATFORMS", "cpu")
install_import_hook("vasa_jax", "beartype.beartype")

ASSETS = Path(os.environ.get("VASA_ASSETS", Path(__file__).resolve().parents[1] / "../shared/assets")).resolve()


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of third-party head model, speech and networks; tests that need it are skipped without it."""
    if not ASSETS.is_dir():
        pytest.skip(f"no assets at {ASSETS}; set VASA_ASSETS")
    return ASSETS
