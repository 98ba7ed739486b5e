import numpy as np
import pytest

from vasa_jax import pretrained
from vasa_jax.checkpoint import load
from vasa_jax.errors import UserError
from vasa_jax.inference import animator as animators
from vasa_jax.training.film import Film, filmed
from vasa_jax.training.stage import Report
from vasa_jax.training.watch import Watch


@pytest.fixture(scope="module")
def released():
    return load(pretrained.path())


def test_a_motion_set_of_another_face_is_refused(released):
    config, other = released.config, dict(released.config["statistics"])
    other["mean"] = [*other["mean"][:-1], 9.0]
    with pytest.raises(UserError, match=r"config\.film: the motion set was not encoded with the face of"):
        Film(str(pretrained.path()), "motion", config["motion"], other)


@pytest.mark.slow
def test_what_is_learned_is_seen_and_written(released, tmp_path, monkeypatch):
    seen = []
    build = animators.Animator.__init__
    monkeypatch.setattr(
        animators.Animator, "__init__", lambda self, given: (seen.append(given.params["motion"]), build(self, given))[1]
    )
    film = Film(str(pretrained.path()), "motion", released.config["motion"], released.config["statistics"])
    report = filmed(lambda params: Report({"loss": 1.0}), film)(released.params["motion"])
    assert seen[0] is released.params["motion"] and report.scalars == {"loss": 1.0}
    assert report.pictures["film"].shape == (128, 8 * 128, 3)
    Watch(tmp_path, 0.0).report(5, report)
    assert (tmp_path / "film.mp4").stat().st_size > 10_000 and (tmp_path / "film.png").exists()


def test_without_a_film_the_report_stays_as_it_is():
    def report(params):
        return Report()

    assert filmed(report, None) is report
    assert not np.any(report(None).videos)
