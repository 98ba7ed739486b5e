"""Known sets, as their folders look: clips are told from what lies beside them, and people from each other."""

import pytest

from vasa_jax.data.videos.layouts import LAYOUTS
from vasa_jax.errors import UserError

TREES = {
    "voxceleb2": {
        "dev/mp4/id00012/21Uxsk56VDQ/00001.mp4": "id00012",
        "test/mp4/id00017/01dfn2spqyE/00012.mp4": "id00017",
        "id00017/_-dfn2spqyE/00001.mp4": "id00017",
        "dev/extras/trailer.mp4": "",
    },
    "hdtf": {
        "clips/WDA_BarackObama_000_0.mp4": "WDA_BarackObama",
        "clips/WDA_BarackObama_001_12.mp4": "WDA_BarackObama",
        "Radio11_0.mp4": "Radio11",
        "RD_Radio1_000.mp4": "RD_Radio1",
        "videos/WholeInterview.mp4": "",
        "000_1.mp4": "",
    },
    "celebvhq": {
        "35666/M2Ohb0FAaJU_1.mp4": "M2Ohb0FAaJU",
        "_0tf2n3rlJU_0.mp4": "_0tf2n3rlJU",
        "raw/M2Ohb0FAaJU.mp4": "",
    },
    "vfhq": {
        "Clip+79vu9mgSorY+P0+C0.mp4": "79vu9mgSorY+P0",
        "train/Clip+79vu9mgSorY+P1+C12.mp4": "79vu9mgSorY+P1",
        "Clip+_HebIzK_LP4+P2+C1+F16589-16715.mp4": "_HebIzK_LP4+P2",
        "79vu9mgSorY.mp4": "",
    },
    "talkinghead1kh": {
        "train/cropped_clips/--Y9imYnfBw_0000_S0_E271_L504_T63_R792_B351.mp4": "--Y9imYnfBw",
        "train/cropped_clips/1lSejjfNHpw_0075_S0_E1080_L495_T38_R1283_B826.mp4": "1lSejjfNHpw",
        "train/1min_clips/1lSejjfNHpw_0075.mp4": "",
        "train/raw_videos/1lSejjfNHpw.mp4": "",
    },
    "folder": {"ann/a.mp4": "ann", "ann/more/b.mov": "ann", "bob/a.mp4": "bob", "stray.mp4": ""},
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_clips_and_people_are_told_by_their_paths(name):
    tree, layout = TREES[name], LAYOUTS[name]
    assert {video: layout.identity(video) for video in tree} == tree
    assert layout.clips(list(tree)) == [video for video, identity in tree.items() if identity]


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_example_is_one(name):
    layout = LAYOUTS[name]
    assert layout.clips([layout.example]) == [layout.example]


def test_a_folder_of_another_layout_is_told():
    with pytest.raises(UserError, match=r"no video lies as those of this --layout do, such as dev/mp4/id00012/"):
        LAYOUTS["voxceleb2"].clips(["a/b.mp4"])
