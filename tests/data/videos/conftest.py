import films
import numpy as np
import pytest

from vasa_jax.data.videos.one_video import Dropped, Readers, Video
from vasa_jax.data.videos.settings import Settings


@pytest.fixture(scope="session")
def talks(assets):
    """Records of two people who speak, with exact labels."""
    pytest.importorskip("moderngl")
    try:
        return [films.render(assets, number) for number in (1, 2)]
    except Exception as error:  # of the many ways in which a machine has no OpenGL
        pytest.skip(f"cannot render: {error}")


@pytest.fixture(scope="session")
def faces(talks) -> list[np.ndarray]:
    """Their pictures, (T, F, F, 3) uint8."""
    return [films.pictures(talk) for talk in talks]


@pytest.fixture(scope="session")
def settings(assets) -> Settings:
    pytest.importorskip("ai_edge_litert")
    return Settings(str(assets / "mediapipe"), size=128, shortest=1.0)


@pytest.fixture(scope="session")
def readers(settings) -> Readers:
    return Readers.open(settings)


@pytest.fixture(scope="session")
def sort(settings, readers):
    """Sorts a video into records of clips and refusals."""

    def sort(path, **changes):
        import dataclasses

        changed = dataclasses.replace(settings, **changes)
        found = list(Video(path, path.name, changed, readers).sort())
        refused = [one.refusal for one in found if isinstance(one, Dropped)]
        return [one for one in found if not isinstance(one, Dropped)], refused

    return sort
