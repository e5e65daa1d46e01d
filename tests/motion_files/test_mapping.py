"""One mapping for all skeletons: what it finds, what it bridges, what it refuses."""

import numpy as np
import pytest
from dancer import dancer

from robodance.errors import ConfigError, DataError
from robodance.motion_files.mapping import NEEDED_JOINTS, map_points
from robodance.motion_files.points import NamedPoints
from robodance.motion_files.read import map_motion, read_motion, read_points
from robodance.motion_files.skeleton_file import UP_AXES, load_skeleton, shipped_skeletons
from robodance.skeleton import INDEX, JOINT_NAMES

RATE_HZ = 50.0
ROUNDING_M = 1e-9
TO_AXES = {  # where the file's x, y and z lie for a dancer seen by us with z up
    "z": lambda p: p,
    "-z": lambda p: p * [1, -1, -1],
    "y": lambda p: np.stack([p[..., 0], p[..., 2], -p[..., 1]], -1),
    "-y": lambda p: np.stack([p[..., 0], -p[..., 2], p[..., 1]], -1),
    "x": lambda p: np.stack([p[..., 2], p[..., 1], -p[..., 0]], -1),
    "-x": lambda p: np.stack([-p[..., 2], p[..., 1], p[..., 0]], -1),
}
UNITS = {"m": 1.0, "cm": 100.0, "mm": 1000.0, "inch": 1 / 0.0254}


def points(joints, rate_hz=RATE_HZ, labels=JOINT_NAMES):
    return NamedPoints(tuple(labels), joints, rate_hz)


def without_joints(joints, *names):
    kept = [k for k, name in enumerate(JOINT_NAMES) if name not in names]
    return points(joints[:, kept], labels=[JOINT_NAMES[k] for k in kept])


@pytest.mark.parametrize("name", shipped_skeletons())
def test_every_shipped_skeleton_is_whole(name):
    skeleton = load_skeleton(name)
    assert skeleton.about


@pytest.mark.parametrize("up", UP_AXES)
@pytest.mark.parametrize("unit", UNITS)
def test_units_and_axes_are_found_out(up, unit):
    """The same dance in any unit and with any axis up; turned, never reflected."""
    joints = dancer(3.0, RATE_HZ)
    usual = map_motion(points(joints), load_skeleton("ours"), name="a").joint_positions_m
    shown = TO_AXES[up](joints) * UNITS[unit]
    found = map_motion(points(shown), load_skeleton("ours"), name="a").joint_positions_m
    bones = found - found[:, [2]], usual - usual[:, [2]]
    heading = [np.arctan2(b[0, 3, 1], b[0, 3, 0]) for b in bones]
    turn = heading[1] - heading[0]  # which way is north is nobody's business
    spin = np.array([
        [np.cos(turn), -np.sin(turn), 0.0],
        [np.sin(turn), np.cos(turn), 0.0],
        [0.0, 0.0, 1.0],
    ])
    np.testing.assert_allclose(bones[0] @ spin.T, bones[1], atol=ROUNDING_M)


def test_a_dancer_of_no_known_unit_is_scaled_and_it_is_said():
    joints = dancer(2.0, RATE_HZ)
    dance = map_motion(points(joints * 7.77), load_skeleton("ours"), name="a")
    assert any("size" in remark for remark in dance.metadata["remarks"])
    assert 1.2 < np.median(dance.joint_positions_m[:, 0, 2]) < 2.2


def test_left_handed_axes_are_turned_over():
    joints = dancer(2.0, RATE_HZ)
    straight = map_motion(points(joints), load_skeleton("ours"), name="a")
    turned = map_motion(points(joints * [1, -1, 1]), load_skeleton("ours"), name="a")
    np.testing.assert_allclose(
        turned.joint_positions_m, straight.joint_positions_m, atol=ROUNDING_M
    )
    assert any("left-handed" in remark for remark in turned.metadata["remarks"])
    assert not any("left-handed" in remark for remark in straight.metadata["remarks"])


def test_a_gap_is_bridged_near_the_truth_and_is_not_believed():
    joints = dancer(4.0, RATE_HZ)
    torn = joints.copy()
    wrist = INDEX["left_wrist"]
    torn[60:72, wrist] = np.nan
    dance = map_motion(points(torn), load_skeleton("ours"), name="a")
    whole = map_motion(points(joints), load_skeleton("ours"), name="a")
    off = np.linalg.norm(dance.joint_positions_m - whole.joint_positions_m, axis=2)
    assert off[60:72, wrist].max() < 0.05  # metres; a quarter of a second of a waving hand
    assert (dance.confidence[60:72, wrist] == 0.0).all()
    rest = np.ones(dance.confidence.shape, dtype=bool)
    rest[60:72, wrist] = False
    assert (dance.confidence[rest] == 1.0).all()
    assert off[rest].max() < ROUNDING_M


@pytest.mark.parametrize("rate_hz", [25.0, 50.0, 120.0])
def test_a_misread_point_is_bridged_and_a_fast_hand_is_not(rate_hz):
    joints = dancer(4.0, rate_hz)
    hand = INDEX["right_hand"]
    times = np.arange(len(joints)) / rate_hz
    joints[:, hand] += 0.3 * np.sin(2 * np.pi * 2.5 * times)[:, None] * [0, 0, 1]  # up to 5 m/s
    skeleton = load_skeleton("ours")
    clean = map_motion(points(joints, rate_hz), skeleton, name="a")
    assert (clean.confidence == 1.0).all()
    spoilt = joints.copy()
    spoilt[40, hand] += 1.0
    found = map_motion(points(spoilt, rate_hz), skeleton, name="a")
    assert found.confidence[40, hand] == 0.0
    assert (found.confidence == 0.0).sum() <= 5
    off = np.linalg.norm(found.joint_positions_m - clean.joint_positions_m, axis=2)
    assert off[40, hand] < 0.4  # of the metre


def test_a_teleporting_dancer_is_bridged_and_it_is_said():
    joints = dancer(4.0, RATE_HZ)
    joints[100:] += [3.0, 0.0, 0.0]
    dance = map_motion(points(joints), load_skeleton("ours"), name="a")
    assert (dance.confidence[99:101] == 0.0).all()
    assert (dance.confidence[:90] == 1.0).all()
    assert any("leaps faster" in remark for remark in dance.metadata["remarks"])


@pytest.mark.parametrize("name", [n for n in JOINT_NAMES if n not in NEEDED_JOINTS])
def test_a_missing_joint_gets_a_place_that_is_not_believed(name):
    joints = dancer(2.0, RATE_HZ)
    dance = map_motion(without_joints(joints, name), load_skeleton("ours"), name="a")
    whole = map_motion(points(joints), load_skeleton("ours"), name="a")
    k = INDEX[name]
    assert (dance.confidence[:, k] == 0.0).all()
    assert (np.delete(dance.confidence, k, axis=1) == 1.0).all()
    off = np.linalg.norm(dance.joint_positions_m[:, k] - whole.joint_positions_m[:, k], axis=1)
    assert np.median(off) < 0.45  # metres: on the right limb, a leg's swing away at most
    assert any(name in remark for remark in dance.metadata["remarks"])


@pytest.mark.parametrize("name", NEEDED_JOINTS)
def test_without_a_needed_joint_nobody_can_dance(name):
    with pytest.raises(DataError, match=rf"a\.npy: .*{name}"):
        map_motion(without_joints(dancer(1.0, RATE_HZ), name), load_skeleton("ours"), name="a.npy")


def test_a_joint_lost_nearly_always_is_refused():
    joints = dancer(4.0, RATE_HZ)
    joints[20:, INDEX["left_elbow"]] = np.nan
    with pytest.raises(DataError, match=r"left_elbow is lost in 90 %"):
        map_motion(points(joints), load_skeleton("ours"), name="a")


def test_palms_follow_thumb_and_fingers():
    """Arms hang, thumbs forward: the palms face the thighs. Thumbs out: they face forward."""
    joints = np.tile(dancer(1.0, RATE_HZ)[:1], (3, 1, 1))
    at = {name: joints[:, k].copy() for name, k in INDEX.items()}
    for thumb, left_palm in (([1, 0, 0], [0, -1, 0]), ([0, 1, 0], [1, 0, 0])):
        worn = dict(at)
        for side, letter, sign in (("left", "L", 1), ("right", "R", -1)):
            way = 0.03 * np.array(thumb) * [1, sign, 1]
            worn |= {
                f"{letter}WRA": at[f"{side}_wrist"] + way,
                f"{letter}WRB": at[f"{side}_wrist"] - way,
                f"{letter}FIN": at[f"{side}_wrist"] + [0, 0, -0.1],
                f"{letter}SHO": at[f"{side}_shoulder"],
                f"{letter}ELB": at[f"{side}_elbow"],
                f"{letter}FWT": at[f"{side}_hip"] + [0.1, 0, 0],
                f"{letter}BWT": at[f"{side}_hip"] - [0.1, 0, 0],
            }
        trunk = at["waist"] + [0, 0, 0.4]
        worn |= {"C7": trunk - [0.1, 0, 0], "T10": trunk - [0.1, 0, 0.2]}
        worn |= {"CLAV": trunk - [-0.1, 0, 0], "STRN": trunk - [-0.1, 0, 0.2]}
        source = NamedPoints(tuple(worn), np.stack(list(worn.values()), axis=1), RATE_HZ)
        mapped = map_points(source, load_skeleton("vicon-markers"))
        np.testing.assert_allclose(mapped.palms[:, 1], [left_palm] * 3, atol=ROUNDING_M)
        mirrored = np.array(left_palm) * [1, -1, 1]
        np.testing.assert_allclose(mapped.palms[:, 0], [mirrored] * 3, atol=ROUNDING_M)
        assert (mapped.palm_confidence == 1.0).all()


def test_a_skeleton_of_ones_own(tmp_path):
    """Offsets along directions, means, other names, alternatives: one YAML file."""
    joints = dancer(2.0, RATE_HZ)
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        """
about: mine
unit: cm
up: z
points: [neck, A, B, sL, sR, eL, eR, wL, wR, hL, hR]
names: {left_hip: [nothing, hl], right_hip: [hR]}
directions:
  across: {from: sR, to: sL}
joints:
  waist: [hL, hR]
  head_left: {of: neck, along: {across: 0.05}, confidence: 0.5}
  head_right: {first: [missing, {of: neck, along: {across: -0.05}}]}
  <side>_shoulder: {of: shoulder_<s>, along: {across: 0.0}}
  left_elbow: eL
  right_elbow: eR
  left_wrist: wL
  right_wrist: wR
""".replace("{of: shoulder_<s>, along: {across: 0.0}}", "s<s>"),
        encoding="utf-8",
    )
    order = ["head_left", "waist", "waist"] + [
        f"{side}_{part}"
        for part in ("shoulder", "elbow", "wrist", "hip")
        for side in ("left", "right")
    ]
    np.save(tmp_path / "a.npy", 100.0 * joints[:, [INDEX[name] for name in order]])
    dance = read_motion(tmp_path / "a.npy", skeleton=mine, frame_rate_hz=RATE_HZ)
    found = dance.joint_positions_m
    for name in NEEDED_JOINTS:
        bone = found[:, INDEX[name]] - found[:, INDEX["left_hip"]]
        true = joints[:, INDEX[name]] - joints[:, INDEX["left_hip"]]
        np.testing.assert_allclose(bone, true, atol=ROUNDING_M)
    head = found[:, INDEX["head_left"]] - found[:, INDEX["head_right"]]
    np.testing.assert_allclose(np.linalg.norm(head, axis=1), 0.10, atol=ROUNDING_M)
    assert (dance.confidence[:, INDEX["head_left"]] == 0.5).all()
    assert dance.metadata["skeleton"] == "mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("joint: {}", "unknown key 'joint'; did you mean 'joints'"),
        ("unit: ell", "unit: expected m"),
        ("up: w", "up: expected"),
        ("joints: {nose: A}", "unknown joint 'nose'"),
        ("joints: {waist: {of: A, along: {up: far}}}", "expected metres"),
        ("joints: {waist: {of: A, ofset_m: 1}}", "did you mean 'offset_m'"),
        ("joints: {waist: {along: {}}}", "'of' is missing"),
        ("joints: {waist: {first: A}}", "list of alternatives"),
        ("joints: {waist: {of: A, along: {up: 1}}}", "no direction 'up'"),
        ("directions: {a: {opposite: b}, b: {opposite: a}}", "need each other: a, b"),
        ("joints: {waist: {of: A, offset_m: [1, 2]}}", "three numbers"),
        ("directions: {up: {from: A}}", "expected one of from and to"),
        ("palms: {middle: up}", "left and right"),
        ("joints: {waist: <side>_hip}", "only stands under"),
        ("points: 3", "names"),
        ("[1, 2]", "key: value"),
    ],
)
def test_a_wrong_skeleton_file_says_what_is_wrong(tmp_path, text, message):
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as caught:
        load_skeleton(tmp_path / "mine.yaml")
    assert "mine.yaml" in str(caught.value)


def test_an_unknown_skeleton_names_the_known_ones():
    with pytest.raises(ConfigError, match=r"bvh.*g1.*mdms"):
        load_skeleton("kinect")


def test_bodies_of_a_g1_are_read_with_their_orientation(data_folder):
    """Second method: scipy's rotations put heads, heels and toes where the mapping does."""
    from scipy.spatial.transform import Rotation

    path = data_folder / "g1_moves" / "J_Dance2_Salsa.npz"
    source, skeleton = read_points(path)
    found = map_points(source, skeleton).joint_positions_m
    with np.load(path) as content:
        places, turns = content["body_pos_w"], content["body_quat_w"]
    for name, body, offset in (
        ("head_left", 15, (0.0, 0.07, 0.45)),
        ("left_toe", 6, (0.12, 0.0, -0.03)),
        ("right_heel", 12, (-0.05, 0.0, -0.03)),
    ):
        turn = Rotation.from_quat(turns[:, body], scalar_first=True)
        truth = places[:, body] + turn.apply(offset)
        np.testing.assert_allclose(found[:, INDEX[name]], truth, atol=1e-6)  # float32 file


def test_all_published_dances_are_read(data_folder):
    files = [
        *sorted((data_folder / "g1_moves").glob("*.npz"))[:3],
        *sorted((data_folder / "choreonet" / "raw_c3d").glob("*.c3d"))[:6],
        *sorted((data_folder / "mdms").glob("*/skeletons.json"))[:3],
    ]
    for file in files:
        dance = read_motion(file)
        joints = dance.joint_positions_m
        assert len(joints) > 200, file
        assert 1.0 < np.median(joints[:, 0, 2]) < 1.9, file
        feet = joints[:, [INDEX[f"{s}_{p}"] for s in ("left", "right") for p in ("heel", "toe")]]
        assert -0.1 < np.percentile(feet[..., 2].min(axis=1), 5) < 0.1, file
        toes = joints[:, INDEX["right_toe"]] - joints[:, INDEX["right_ankle"]]
        across = joints[:, INDEX["left_hip"]] - joints[:, INDEX["right_hip"]]
        assert (np.cross(across, [0, 0, 1.0]) * toes).sum(axis=1).mean() > 0.0, file
