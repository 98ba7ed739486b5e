import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.data import clips, pipeline
from vasa_jax.pixels import from_uint8
from vasa_jax.training import face
from vasa_jax.training.face_terms import Judges
from vasa_jax.training.stage import Company

KEY = jax.random.key(0)
QUIET = face.Noise(colour=0.0, placement=0.0, pose=0.0, latent=0.0, estimated_pose=0.0)


@pytest.fixture(scope="module")
def params(toy):
    return toy.init(KEY)


@pytest.fixture(scope="module")
def batch(clip_set):
    source = clips.open_clips(clip_set, "train")
    drawn = next(iter(pipeline.batches(source, pipeline.FacePairs(3, 1.0), pipeline.Reading(2))))
    return jax.tree.map(jnp.asarray, drawn)


def face_loss(toy, noise=QUIET, **weights):
    return face.FaceLoss(toy.model, face.Weights(**weights), noise, jnp.ones(57))


def test_the_target_is_the_driver_and_never_the_source(toy, params, batch):
    loss = face_loss(toy)
    terms = jax.jit(loss)(params, batch, KEY)[1]
    other = {**batch, "source": 255 - batch["source"]}

    class Perfect:
        """Draws whatever driver it was shown: with quiet noise that is the target itself."""

        def apply(self, variables, *args, method):
            if method == "decode":
                return from_uint8(face.flat(jnp.asarray(batch["driver"])))
            return toy.model.apply(variables, *args, method=method)

    perfect = face.FaceLoss(Perfect(), face.Weights(), QUIET, jnp.ones(57))
    for given in (batch, other):
        found = jax.jit(perfect)(params, given, KEY)[1]
        assert max(found["l1"], found["gradient"], found["multiscale"]) < 1e-6
    assert terms["l1"] > 0.1


def test_every_part_learns(toy, params, batch):
    gradient = jax.jit(jax.grad(face_loss(toy), has_aux=True))(params, batch, KEY)[0]
    assert all(jnp.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))


def test_images_teach_the_pose_encoder_nothing(toy, params, batch):
    """Only labels do: with no label weight, the columns that give the pose stay as they are."""
    noise = face.Noise(colour=0.0, placement=0.0, pose=0.0, latent=0.0, estimated_pose=1.0)
    loss = face_loss(toy, noise, pose=0.0, expression=0.0, dynamics=0.0)
    gradient = jax.jit(jax.grad(loss, has_aux=True))(params, batch, KEY)[0]["look"]["kernel"]
    assert jnp.abs(gradient[:, :7]).max() == 0
    assert jnp.abs(gradient[:, 7:]).max() > 0


def decoded_pose(toy, params, batch, share):
    """The poses that a step decodes with, for a share of estimated ones."""

    class Spy:
        def apply(self, variables, *args, method):
            if method == "decode":
                self.pose = args[1].pose.vector
            return toy.model.apply(variables, *args, method=method)

    def step(params):
        spy = Spy()
        noise = face.Noise(colour=0.0, placement=1.0, pose=0.0, latent=0.0, estimated_pose=share)
        face.FaceLoss(spy, face.Weights(), noise, jnp.ones(57))(params, batch, KEY)
        return spy.pose

    return jax.jit(step)(params)


def test_decoding_uses_the_label_pose_or_the_estimate(toy, params, batch):
    labels = face.flat(batch["driver_pose"])
    np.testing.assert_allclose(decoded_pose(toy, params, batch, 0.0), labels, atol=1e-5)
    assert jnp.abs(decoded_pose(toy, params, batch, 1.0) - labels).max() > 0.05


def test_perceptual_loss_is_used_where_it_is_given(toy, params, batch):
    company = Company(judges=Judges(perceptual=jax.tree_util.Partial(lambda x: (x,))))
    loss = face_loss(toy, perceptual=1.0)
    assert jax.jit(loss)(params, batch, KEY, company)[1]["perceptual"] > 0
    assert "perceptual" not in jax.eval_shape(face_loss(toy), params, batch, KEY)[1]


def test_encoders_alone_leave_the_decoder_alone(toy, params, clip_set):
    source = clips.open_clips(clip_set, "train")
    drawn = next(iter(pipeline.batches(source, pipeline.Singles(2), pipeline.Reading(2))))
    batch = jax.tree.map(jnp.asarray, drawn)
    loss = face.EncoderLoss(toy.model, face.Weights(), face.Noise(), jnp.ones(57))
    gradient = jax.jit(jax.grad(loss, has_aux=True))(params, batch, KEY)[0]
    assert jnp.abs(gradient["look"]["kernel"]).max() > 0 and jnp.abs(gradient["read"]["kernel"]).max() > 0
    assert not jnp.abs(gradient["draw"]["kernel"]).any()
