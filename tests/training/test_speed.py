import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vasa_jax.training import chips, speed, watch
from vasa_jax.training.speed import StepCost


@pytest.mark.parametrize(
    "kind, name",
    [
        ("TPU v4", "TPU v4"),
        ("TPU v5 lite", "TPU v5e"),
        ("TPU v5e", "TPU v5e"),
        ("TPU v5", "TPU v5p"),
        ("TPU v5p", "TPU v5p"),
        ("TPU v6 lite", "TPU v6e"),
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA H200", "H200"),
        ("NVIDIA A100-SXM4-80GB", "A100"),
    ],
)
def test_devices_are_known_by_the_names_that_jax_gives_them(kind, name):
    assert chips.chip_of(kind).name == name


def test_no_peak_is_made_up():
    assert chips.chip_of("cpu") is None and chips.chip_of("NVIDIA GeForce RTX 4090") is None


def test_flops_are_those_of_the_compiled_program():
    left, right = jnp.zeros((32, 64)), jnp.zeros((64, 16))
    program = jax.jit(jnp.matmul).lower(left, right).compile()
    assert speed.flops_of(program) == pytest.approx(2 * 32 * 64 * 16, rel=0.01)
    batch = {"driver": np.zeros((4, 3, 8, 8, 3), np.uint8), "source": np.zeros((4, 8, 8, 3), np.uint8)}
    cost = speed.cost_of(program, batch, jax.devices()[0], repeats=2)
    assert cost == StepCost(12, 2 * speed.flops_of(program), None)


@pytest.mark.parametrize("says", [None, {}, {"flops": -1.0}, {"flops": 0.0}])
def test_a_compiler_that_does_not_say_is_believed(says):
    class Program:
        def cost_analysis(self):
            return says

    assert speed.flops_of(Program()) is None and StepCost().curves(2.0) == {}


def test_only_pictures_count_as_images():
    assert speed.images_in({"audio": np.zeros((8, 100, 4, 4), np.float32), "mask": np.zeros((8, 9, 9), np.uint8)}) == 0


def test_utilisation_by_hand():
    cost = StepCost(images=24, flops=989e12 / 8, peak=989e12)
    assert cost.curves(2.0) == {"images_per_second": 48.0, "flops_per_second": 989e12 / 4, "mfu": 0.25}
    assert "mfu" not in StepCost(24, 1e9, None).curves(2.0)


def test_speeds_are_curves_beside_the_losses(tmp_path, monkeypatch):
    written = {}

    class Writer:
        def __init__(self, folder):
            """Keeps what is written in `written`."""

        def add_scalar(self, key, value, step):
            written.setdefault(step, {})[key] = value

        def close(self):
            """Nothing is open."""

    monkeypatch.setattr(watch, "Events", Writer)
    watching = watch.Watch(tmp_path, 0.0)
    watching.begin(StepCost(images=10, flops=1e6, peak=1e9))
    for step in (20, 40):
        watching.step("face", step, 0.1, {"loss": 1.0})
    watching.close()
    assert written[20].keys() == {"face/loss"}, "one moment has no rate"
    rate = written[40]["face/steps_per_second"]
    assert written[40]["face/images_per_second"] == pytest.approx(10 * rate)
    assert written[40]["face/mfu"] == pytest.approx(1e-3 * rate)
