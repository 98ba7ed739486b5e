"""The step with every loss on: what reaches whom, and what each mistake of open attempts would show."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import CRITIC, SIZE, toy_judges

from vasa_jax.data import clips, pipeline
from vasa_jax.training import face, face_terms
from vasa_jax.training.optimiser import Optimiser
from vasa_jax.training.precision import EXACT, Precision
from vasa_jax.training.stage import Company, Phase
from vasa_jax.training.state import first_state
from vasa_jax.training.step import gradients, make_step

KEY = jax.random.key(0)
QUIET = face.Noise(colour=0.0, placement=0.0, pose=0.0, latent=0.0, estimated_pose=0.0)
OFF = dict.fromkeys(
    "l1 multiscale gradient perceptual gaze adversarial feature_matching cycle consistency cross_identity canonical "
    "pose expression dynamics".split(),
    0.0,
)
JUDGES = toy_judges()


@pytest.fixture(scope="module")
def params(toy):
    return toy.init(KEY)


@pytest.fixture(scope="module")
def critic_params():
    return CRITIC.init(jax.random.key(1), jnp.zeros((1, SIZE, SIZE, 3)))["params"]


@pytest.fixture(scope="module")
def batch(clip_set):
    source = clips.open_clips(clip_set, "train")
    drawn = next(iter(pipeline.batches(source, pipeline.FacePairs(2, 1.0), pipeline.Reading(4))))
    noise = np.random.default_rng(0)
    drawn = {k: noise.integers(0, 255, v.shape, np.uint8) if v.dtype == np.uint8 else v for k, v in drawn.items()}
    return jax.tree.map(jnp.asarray, drawn)


def loss_with(toy, precision=EXACT, **weights):
    noise = face.Noise(estimated_pose=0.5)
    return face.FaceLoss(toy.model, face.Weights(**{**OFF, **weights}), noise, jnp.ones(57), CRITIC, precision)


def both_gradients(toy, params, critic_params, batch, **weights):
    def loss(params, critic):
        return loss_with(toy, **weights)(params, batch, KEY, Company(critic, JUDGES))

    return jax.jit(jax.grad(loss, (0, 1), has_aux=True))(params, critic_params)


def size(tree):
    return max(float(jnp.abs(x).max()) for x in jax.tree.leaves(tree))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["adversarial", "feature_matching"])
def test_the_game_teaches_the_face_model(toy, params, critic_params, batch, name):
    """A term that is detached from the drawn image would leave the decoder without gradient."""
    (gradient, _), terms = both_gradients(toy, params, critic_params, batch, **{name: 1.0})
    assert size(gradient["draw"]) > 0
    assert {"critic", "critic_real", "critic_fake"} <= terms.keys()


@pytest.mark.slow
def test_true_and_drawn_images_are_judged_each_for_itself(toy, params, critic_params, batch):
    """The critic sees both at once: its loss is the hinge of looking at one after the other, its gradient as well."""
    weights = face.Weights(**{**OFF, "adversarial": 1.0})
    drawing, _ = face.FaceLoss(toy.model, weights, QUIET, jnp.ones(57), CRITIC).draw(params, batch, KEY)

    def apart(critic):
        real, fake = (CRITIC.apply({"params": critic}, x[:, 0])[0][0] for x in (drawing.target, drawing.image))
        return jnp.mean(jax.nn.relu(1 - real)) + jnp.mean(jax.nn.relu(1 + fake)), (jnp.mean(real), jnp.mean(fake))

    def at_once(critic):
        found = face_terms.adversarial(CRITIC, critic, drawing)
        return found["critic"], (found["critic_real"], found["critic_fake"])

    found, expected = (jax.jit(jax.value_and_grad(loss, has_aux=True))(critic_params) for loss in (at_once, apart))
    assert size(expected[1]) > 0
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), found, expected)


@pytest.mark.slow
def test_the_critic_learns_from_its_own_loss_alone(toy, params, critic_params, batch):
    """Whatever the face model's terms weigh, the critic's gradient is the hinge's."""
    _, critic_light = both_gradients(toy, params, critic_params, batch, adversarial=0.1)[0]
    _, critic_heavy = both_gradients(toy, params, critic_params, batch, adversarial=50.0, feature_matching=9.0)[0]
    assert size(critic_light) > 0
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), critic_light, critic_heavy)


@pytest.mark.parametrize("name", ["perceptual", "gaze", "cycle", "consistency", "cross_identity", "canonical"])
def test_each_loss_reaches_the_face_model_and_only_then_is_computed(toy, params, critic_params, batch, name):
    (gradient, critic), terms = both_gradients(toy, params, critic_params, batch, **{name: 1.0})
    assert size(gradient) > 0 and size(critic) == 0
    assert terms[name] > 0 and np.isfinite(float(terms[name]))
    others = {"gaze", "cycle", "consistency", "cross_identity", "canonical", "adversarial", "critic"} - {name}
    assert not others & terms.keys()


@pytest.mark.slow
def test_consistency_compares_drawings_that_differ_in_appearance_alone(toy, params, batch):
    """With an appearance that does not depend on the frame, the two drawings are one."""

    class Forgetful:
        def apply(self, variables, *args, method):
            if method == "appearance":
                image, motion = args
                args = jnp.ones_like(image), jax.tree.map(jnp.ones_like, motion)
            return toy.model.apply(variables, *args, method=method)

    quiet = face.Noise(latent=0.0)
    weights = face.Weights(**{**OFF, "consistency": 1.0, "canonical": 1.0})
    terms = face.FaceLoss(Forgetful(), weights, quiet, jnp.ones(57))(params, batch, KEY)[1]
    assert terms["consistency"] == pytest.approx(0, abs=1e-6) and terms["canonical"] == pytest.approx(0, abs=1e-6)


def test_cross_identity_compares_with_the_source_and_not_with_the_stranger(toy, params, batch):
    """A model that draws its source whatever the motion loses nothing; one that draws the motion's owner does."""

    def drawn(image_of):
        class Drawer:
            def apply(self, variables, *args, method):
                if method == "appearance":
                    return toy.model.apply(variables, *args, method=method).replace(source=(args[0], args[0]))
                if method == "decode":
                    return image_of(args[0].source[0])
                return toy.model.apply(variables, *args, method=method)

        weights = face.Weights(**{**OFF, "cross_identity": 1.0})
        loss = face.FaceLoss(Drawer(), weights, face.Noise(), jnp.ones(57))
        return loss(params, batch, KEY, Company(None, JUDGES))[1]["cross_identity"]

    assert drawn(lambda source: source) == pytest.approx(0, abs=1e-5)
    rows = 3  # of a person: two drivers and the crossed one
    assert drawn(lambda source: jnp.roll(source, rows, 0)) > 0.05


def test_a_foreground_mask_hides_the_background(toy, params, critic_params, batch):
    left = jnp.zeros((*batch["driver"].shape[:-1], 1)).at[..., : SIZE // 2, :].set(1.0)
    masked = {**batch, "driver_foreground": left}
    changed = {**masked, "driver": batch["driver"].at[:, :, :, SIZE // 2 :].set(0)}
    weights = face.Weights(**{**OFF, "l1": 1.0, "perceptual": 1.0})

    class Blank:
        def apply(self, variables, *args, method):
            found = toy.model.apply(variables, *args, method=method)
            return jnp.zeros_like(found) if method == "decode" else found

    loss = face.FaceLoss(Blank(), weights, QUIET, jnp.ones(57))
    seen, other = (loss(params, x, KEY, Company(None, JUDGES))[1] for x in (masked, changed))
    assert seen["l1"] == pytest.approx(float(other["l1"])) and seen["perceptual"] == pytest.approx(other["perceptual"])
    assert loss(params, batch, KEY, Company(None, JUDGES))[1]["l1"] > seen["l1"]


def phase_of(toy, accumulate=1, **weights):
    rule = Optimiser(learning_rate=1e-2, warmup=1)
    return Phase("face", 1.0, None, loss_with(toy, **weights), rule, rule, JUDGES, accumulate)


@pytest.mark.slow
def test_accumulated_gradients_are_those_of_the_whole_batch(toy, params, critic_params, batch):
    """With losses that are means over the batch, and no noise that depends on the element's place in it."""

    def gradient(accumulate):
        phase = phase_of(toy, accumulate, l1=1.0, adversarial=1.0)
        phase = dataclasses.replace(phase, loss=dataclasses.replace(phase.loss, noise=QUIET))
        return jax.jit(lambda p, c, b: gradients(phase, p, c, b, KEY, JUDGES)[0])(params, critic_params, batch)

    whole, parts = gradient(1), gradient(2)
    assert size(whole) > 0
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7), whole, parts)


@pytest.mark.slow
def test_a_step_moves_both_networks_and_a_quiet_phase_spares_the_critic(toy, batch):
    rule = Optimiser(learning_rate=1e-2, warmup=1).transformation()
    init = lambda key: CRITIC.init(key, jnp.zeros((1, SIZE, SIZE, 3)))["params"]  # noqa: E731
    before = first_state(toy.init, rule, (init, rule))(KEY)
    playing = phase_of(toy, l1=1.0, adversarial=1.0)
    quiet = dataclasses.replace(playing, loss=loss_with(toy, l1=1.0), critic_optimiser=None)
    after, metrics = jax.jit(make_step(playing))(before, batch, KEY, jnp.float32(0), JUDGES)
    assert size(jax.tree.map(jnp.subtract, after.critic.params, before.critic.params)) > 0
    assert size(jax.tree.map(jnp.subtract, after.params, before.params)) > 0
    assert metrics["critic_gradient_norm"] > 0
    after, _ = jax.jit(make_step(quiet))(before, batch, KEY, jnp.float32(0), JUDGES)
    jax.tree.map(np.testing.assert_array_equal, after.critic, before.critic)


@pytest.mark.slow
def test_kept_blocks_change_the_memory_and_not_the_gradient(small_face):
    """Rematerialisation by name, on the real networks."""
    model, params, batch = small_face

    def gradient(keep):
        weights = face.Weights(**{**OFF, "l1": 1.0})
        loss = face.FaceLoss(model, weights, face.Noise(), jnp.ones(57), precision=Precision(keep=keep))
        return jax.jit(jax.grad(loss, has_aux=True)).lower(params, batch, KEY).compile()

    whole, less = gradient("all"), gradient("blocks")
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-3, atol=1e-6),
        whole(params, batch, KEY)[0], less(params, batch, KEY)[0],
    )  # fmt: skip
    flops = [program.cost_analysis()["flops"] for program in (whole, less)]
    assert flops[1] > 1.1 * flops[0], "something is computed again"


@pytest.mark.slow
def test_bfloat16_computes_in_it_and_keeps_parameters_and_coordinates(small_face):
    model, params, batch = small_face

    def types(params, images):
        appearance, motion = model.apply({"params": params}, images, method="encode")
        image = model.apply({"params": params}, appearance, motion, method="decode")
        return appearance.volume, appearance.identity, motion.vector, image

    images = Precision("bfloat16").image(batch["source"])
    found = [x.dtype for x in jax.eval_shape(types, params, images)]
    assert found == [jnp.bfloat16, jnp.bfloat16, jnp.float32, jnp.float32]
    weights = face.Weights(**{**OFF, "l1": 1.0})
    found = {}
    for compute in ("float32", "bfloat16"):
        loss = face.FaceLoss(model, weights, face.Noise(), jnp.ones(57), precision=Precision(compute))
        gradient, terms = jax.jit(jax.grad(loss, has_aux=True))(params, batch, KEY)
        assert all(x.dtype == jnp.float32 for x in jax.tree.leaves(gradient))
        found[compute] = float(terms["l1"])
    assert found["bfloat16"] == pytest.approx(found["float32"], rel=0.05)


@pytest.fixture(scope="module")
def small_face(batch):
    from toys import FACE

    from vasa_jax.face import build_face

    model, image = build_face(FACE), jnp.zeros((1, SIZE, SIZE, 3))
    params = jax.jit(lambda key: model.init(key, image, image)["params"])(KEY)
    return model, params, batch


def test_strangers_are_the_next_other_people():
    people = jnp.array([7, 7, 3, 7, 3, 3, 9], jnp.uint32)
    np.testing.assert_array_equal(face_terms.strangers(people), [2, 2, 3, 4, 6, 6, 0])
    np.testing.assert_array_equal(face_terms.strangers(jnp.arange(4)), [1, 2, 3, 0])
    np.testing.assert_array_equal(face_terms.strangers(jnp.zeros(3, jnp.uint32)), [1, 2, 0])


def test_a_person_beside_himself_is_not_taken_for_a_stranger(toy, params, batch):
    """Of two people with two clips each, all are drawn in the motion of the other one's."""
    pairs = {**batch, "identity": jnp.array([1, 1, 2, 2], jnp.uint32)}
    weights = face.Weights(**{**OFF, "cross_identity": 1.0})
    loss = face.FaceLoss(toy.model, weights, QUIET, jnp.ones(57))
    drawing, _ = loss.draw(params, pairs, KEY)
    appearance, first = (jax.tree.map(lambda x: x[:, 0], x) for x in (drawing.appearance, drawing.motion))
    expected = toy.model.apply(
        {"params": params}, appearance, jax.tree.map(lambda x: x[jnp.array([2, 2, 0, 0])], first), method="decode"
    )
    np.testing.assert_allclose(drawing.crossed, expected, atol=1e-5)
