"""Which rule tells who is seen, by the flags of the command."""

import pytest

from vasa_jax.data.prepare import parse, rule_of

VIDEO = "dev/mp4/id00012/21Uxsk56VDQ/00001.mp4"
GIVEN = ["--videos=v", "--out=o"]


@pytest.mark.parametrize(
    ("flags", "identity"),
    [
        ([], "dev"),
        (["--layout=voxceleb2"], "id00012"),
        (["--layout=voxceleb2", "--identity_folder"], "dev"),
        (["--layout=voxceleb2", r"--identity_pattern=/([\w-]{11})/"], "21Uxsk56VDQ"),
    ],
)
def test_what_is_asked_for_goes_before_the_layout(flags, identity):
    assert rule_of(parse(GIVEN + flags)[0])(VIDEO) == identity


def test_faces_tell_people_apart_within_a_layout():
    assert rule_of(parse([*GIVEN, "--layout=celebvhq", "--identity_faces=network"])[0]) is None
