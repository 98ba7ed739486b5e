"""A step compiled for a pod that is not here, and the reading of its bill."""

import dataclasses
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec
from toy_for_four_tpus import PER_CHIP, toy_config
from toys import SIZE

from vasa_jax.errors import UserError
from vasa_jax.judges import arcface
from vasa_jax.training import aot, bill, judge_layouts
from vasa_jax.training import mesh as meshes
from vasa_jax.training.chips import Chip
from vasa_jax.training.collectives import Traffic

HERE = Path(__file__).resolve().parent
CHIP = Chip("Chip", flops_bf16=100e12, hbm_bytes=10e9, hbm_bandwidth=1e12, ici_bandwidth=200e9)


def config(name="face_tiny"):
    return importlib.import_module(f"configs.{name}").get_config()


def make_bill(**numbers):
    given = {"arguments": 3e9, "results": 1e6, "temporaries": 4e9, "code": 9e6, "flops": 5e12, "moved": 2e10}
    kept = {"parameters": 1e9}
    sent = {"all-reduce": Traffic(3, 1e9), "all-gather": Traffic(1, 1e9)}
    return bill.Bill(CHIP, chips=4, people=2, kept=kept, traffic=sent, **(given | numbers))


def test_the_bill_adds_up():
    found = make_bill()
    assert found.peak == 7.01e9 and found.share == pytest.approx(0.701)
    assert found.times == pytest.approx({"arithmetic": 0.05, "memory": 0.02, "links": 0.01})
    assert found.seconds == pytest.approx(0.06), "memory traffic goes on beside the arithmetic, collectives after it"
    assert make_bill(moved=1e11).seconds == pytest.approx(0.11), "where memory is the slower, it counts"


def test_the_bill_can_be_read():
    lines = str(make_bill()).splitlines()
    assert lines[0] == "4 x Chip, 2 people a chip; each chip and step:"
    rows = {line[:32].strip(): line[32:].strip() for line in lines[1:]}
    assert rows["peak"] == "7.01 of 10 GB, 70%"
    assert rows["all-reduce, 3"] == "1.000 GB sent"
    assert rows["operations"] == "5.00 TFLOP"
    assert rows["people a second, all chips"] == "133"
    assert rows["a step at these peaks"].startswith("60.0 ms")
    guess = dataclasses.replace(make_bill(), stand_in="v5p:2x2x2")
    assert str(guess).startswith("Estimate, from the program for v5p:2x2x2: 4 x Chip, ")


def test_what_a_chip_keeps_is_its_own_part():
    mesh = meshes.make_mesh(1, jax.devices()[:1])
    tree = {"a": jax.ShapeDtypeStruct((6, 4), jnp.float32), "b": jnp.zeros(3, jnp.bfloat16)}
    places = jax.tree.map(lambda _: NamedSharding(mesh, PartitionSpec()), tree)
    assert aot.bytes_on_chip(tree, places) == 6 * 4 * 4 + 3 * 2
    assert aot.bytes_on_chip({}, {}) == 0


def test_judges_without_weights_compute_what_the_real_ones_do():
    judges = judge_layouts.judges()
    images, marks = jax.ShapeDtypeStruct((2, 64, 64, 3), jnp.float32), jax.ShapeDtypeStruct((2, 68, 2), jnp.float32)

    def look(judges, images, marks):
        chips = judges.identity.chips(images, marks)
        return judges.perceptual(images)[-1], judges.identity(chips), judges.gaze(images, marks).angles

    shapes = [x.shape for x in jax.eval_shape(look, judges, images, marks)]
    assert shapes == [(2, 4, 4, 512), (2, 512), (2, 2)]


@pytest.mark.parametrize("depth, millions", [(18, 24.0), (50, 43.6), (100, 65.2)])
def test_the_layout_of_arcface_has_its_published_size(depth, millions):
    """insightface counts these with batch norms, which the folded form has fewer numbers for."""
    found = sum(np.prod(leaf.shape) for leaf in jax.tree.leaves(judge_layouts.iresnet(depth))) / 1e6
    assert found == pytest.approx(millions, rel=2e-3)
    assert len(judge_layouts.iresnet(depth).blocks) == sum(arcface.DEPTHS[depth])


@pytest.mark.parametrize(
    "name, asked, says",
    [
        ("motion_tiny", {}, r"stage face; config\.stage is 'motion'"),
        ("face_tiny", {"topology": "v5x:2x2"}, r"no TPU topology 'v5x:2x2' \(.*\); such as v5e:16x16"),
        ("face_tiny", {"topology": "v5e:3x5"}, "no TPU topology 'v5e:3x5'"),
        ("face_tiny", {"part": 9}, r"--aot_part=9: the config has the parts 0 to 1"),
        ("face_tiny", {"topology": "v5e:2x4"}, "4 people cannot be split over 8 chips; set --aot_batch_per_chip"),
    ],
)
def test_mistakes_are_the_users_to_mend(name, asked, says):
    if name != "motion_tiny":
        pytest.importorskip("libtpu")
    with pytest.raises(UserError, match=says) as caught:
        aot.face_bill(config(name), **{"topology": "v5e:2x2", **asked})
    assert "\n" not in str(caught.value)


def test_a_missing_compiler_is_named(monkeypatch):
    monkeypatch.setattr(aot.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install libtpu"):
        aot.pod("v5e:2x2")


def test_parts_of_a_batch_must_fit_each_chip():
    small = toy_config()
    small.accumulate = 2
    with pytest.raises(UserError, match="12 people cannot be split over 4 chips in 2 parts"):
        aot.whole_step(small, None, 3, 4)


@pytest.mark.slow
def test_a_toy_is_compiled_for_four_tpus():
    pytest.importorskip("libtpu")
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE.parents[1])]),
    }
    done = subprocess.run(
        [sys.executable, HERE / "toy_for_four_tpus.py"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    planned, found = map(json.loads, done.stdout.splitlines()[-2:])
    assert (found["chip"]["name"], found["chips"], found["people"]) == ("TPU v5e", 4, PER_CHIP)
    kept, traffic = found["kept"], found["traffic"]
    assert kept["batch"] == PER_CHIP * (2 * SIZE * SIZE * 3 + 2 * 4 * (7 + 57 + 2 * 68) + 4)
    assert 0 < kept["their average"] == kept["parameters"]
    assert kept["optimiser state"] == pytest.approx(2 * kept["parameters"], rel=1e-3)
    assert found["flops"] > 0 and found["moved"] > 0 and 0 < found["peak"] < found["chip"]["hbm_bytes"]
    assert traffic["all-reduce"]["sent"] > 0, "gradients are summed over the chips"
    assert set(traffic) <= {"all-reduce", "reduce-scatter", "all-gather"}, "networks and batches are not split further"
    split = kept["parameters"] + kept["critic and its optimiser"]
    assert 0 < traffic["all-gather"]["sent"] <= split, "parameters that fsdp splits are gathered, and no images"
    assert planned["code"] is None and found["code"] > 0
    for name in ("kept", "arguments", "results", "traffic", "flops"):
        assert planned[name] == found[name], name
    assert planned["temporaries"] == pytest.approx(found["temporaries"], rel=0.05)
    assert 0 < planned["moved"] <= found["moved"], "counted without padding"
