"""Where things are on the ICT-FaceKit head: vertex ranges, landmarks, eyes, and the camera that looks at it.

Positions are in centimetres in the model's own frame: x right, y up, z out of the face towards the camera.
Left and right in the names of shapes (`_L`, `_R`) are the person's own: `_L` lies at positive x, image right.
"""

import numpy as np
from jaxtyping import Float

FACE = slice(0, 9409)
HEAD_AND_NECK = slice(9409, 11248)
MOUTH_SOCKET = slice(11248, 13294)
EYE_SOCKETS = slice(13294, 14062)
GUMS_AND_TONGUE = slice(14062, 17039)
TEETH = slice(17039, 21451)
LEFT_EYE = slice(21451, 22221)  # the outer shell; the iris disc behind the cornea is not drawn
RIGHT_EYE = slice(23021, 23791)
LASHES = slice(25351, 26719)
DRAWN = (FACE, HEAD_AND_NECK, MOUTH_SOCKET, EYE_SOCKETS, GUMS_AND_TONGUE, TEETH, LEFT_EYE, RIGHT_EYE, LASHES)

# The 68 iBUG landmarks as vertices: jaw 17, brows 10, nose 9, eyes 12, outer lip 12, inner lip 8.
# fmt: off
LANDMARKS = np.array([
    1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443,
    268, 493, 1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509,
    978, 4527, 4942, 4857, 1140, 2075, 1147, 4269, 3360,
    1507, 1542, 1537, 1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732,
    5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841,
    5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966,
])
# fmt: on
BROWS = (slice(17, 22), slice(22, 27))
EYE_CONTOURS = (slice(36, 42), slice(42, 48))
OUTER_LIP = slice(48, 60)
INNER_LIP_PAIRS = ((61, 67), (62, 66), (63, 65))

# A sphere fitted to each eyeball of the mean head. The eyeLook* shapes move lids only; `eyes` turns them.
EYE_CENTRES = np.array([[3.136, 3.607, 8.018], [-3.136, 3.607, 8.018]], np.float32)

# The camera has perspective, so that near things look larger; at REFERENCE_DEPTH, the mean depth of a face,
# the weak perspective of the pose label agrees with it.
CAMERA_DISTANCE = 85.0
ZOOM = 7.2
OFFSET = np.array([0.0, 0.2, 0.0])
REFERENCE_DEPTH = 6.0
PIVOT = np.array([0.0, -6.0, -1.5], np.float32)  # the head turns about the top of the neck
UNITS_PER_CM = ZOOM / (CAMERA_DISTANCE - REFERENCE_DEPTH)


def neck_weight(vertices: Float[np.ndarray, "vertices 3"]) -> Float[np.ndarray, "vertices"]:
    """How much each vertex follows the head's pose: 1 on the skull and jaw, 0 at the shoulders.

    The boundary is slanted, from under the chin down to the nape, so that the whole jaw moves rigidly.
    """
    height = vertices[:, 1] + 0.38 * vertices[:, 2]
    weight = np.clip((height + 13.0) / 6.2, 0.0, 1.0)
    return (weight * weight * (3 - 2 * weight)).astype(np.float32)
