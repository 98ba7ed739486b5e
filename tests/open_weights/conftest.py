"""Published files of small networks, and what they convert to, made once."""

import pytest
from published_files import SMALL_NETWORKS, publish
from toys import clip_set

from vasa_jax.open_weights.convert import convert

__all__ = ["clip_set"]


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """The folders of small published files; not to be written to."""
    return publish(tmp_path_factory.mktemp("published"), SMALL_NETWORKS)


@pytest.fixture(scope="session")
def weights(published, tmp_path_factory):
    """The released checkpoint of the small published files."""
    out = tmp_path_factory.mktemp("converted")
    convert(published["liveportrait"], published["joyvasa"], published["hubert"], out, networks=SMALL_NETWORKS)
    return out
