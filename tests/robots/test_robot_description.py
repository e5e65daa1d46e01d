"""Both NAOs are what the documents say they are."""

import dataclasses

import numpy as np
import pytest
import yaml

from robodance.errors import ConfigError
from robodance.resources import config_path, data_path, urdf_path
from robodance.robots.kinematics import forward_kinematics
from robodance.robots.model import load_robot

ROBOTS = sorted(path.stem for path in (data_path("configs") / "robots").glob("*.yaml"))
NAOS = {"nao_v5": 5.305, "nao_v6": 5.359}  # kg: link tables, with B-Human's head for the V6
GRAM = 5e-4  # the figures are rounded to a gram


def cross(first, second):
    """The third component of plane vectors' cross product."""
    return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]


@pytest.fixture(params=ROBOTS)
def robot(request):
    return load_robot(request.param)


@pytest.fixture
def table():
    return yaml.safe_load(urdf_path("nao/table.yaml").read_text())


@pytest.mark.parametrize(("name", "mass_kg"), NAOS.items())
def test_the_robot_weighs_what_the_documents_say(name, mass_kg):
    assert load_robot(name).mass_kg == pytest.approx(mass_kg, abs=GRAM)


def test_every_inertia_is_one_that_a_body_can_have(robot):
    for link in robot.links:
        tensor = link.inertia_kg_m2
        np.testing.assert_array_equal(tensor, tensor.T)
        smallest, middle, largest = np.linalg.eigvalsh(tensor)
        assert smallest > 0.0, link.name
        assert smallest + middle > largest, link.name  # triangle inequality of moments


def test_joints_are_naoqis_in_naoqis_order(robot):
    assert len(robot.joint_names) == 26
    assert robot.joint_names[:2] == ("HeadYaw", "HeadPitch")
    assert robot.joint_names[robot.index("RHipYawPitch")] == "RHipYawPitch"
    turning = [name for name in robot.joint_names if name not in robot.hands]
    assert [joint.name for joint in robot.joints] == turning
    assert len(robot.links) == 25
    assert robot.mirrored_joints == {"RHipYawPitch": "LHipYawPitch"}
    for joint in robot.joints:
        assert np.linalg.norm(joint.axis) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("version", ["v5", "v6"])
def test_velocity_limits_are_the_slowest_documented(version, table):
    robot = load_robot(f"nao_{version}")
    for name, joint in table["joints"].items():
        slowest = min(joint["velocity"]["ros"], joint["velocity"][version])
        assert robot.velocity_limits_rad_s[robot.index(name)] == pytest.approx(slowest)
        assert robot.effort_limits_nm[robot.index(name)] == pytest.approx(joint["effort"])


def test_the_two_versions_differ_where_the_documents_do():
    v5, v6 = load_robot("nao_v5"), load_robot("nao_v6")
    np.testing.assert_array_equal(v5.position_limits_rad, v6.position_limits_rad)
    assert {a.name for a, b in zip(v5.links, v6.links, strict=True) if a.mass_kg != b.mass_kg} == {
        "Head"
    }
    slower = v6.velocity_limits_rad_s < v5.velocity_limits_rad_s
    assert {v6.joint_names[i] for i in np.flatnonzero(slower)} == {
        "LShoulderPitch",
        "RShoulderPitch",
    }
    assert v6.nominal_torques_nm[v6.index("LShoulderPitch")] == pytest.approx(0.391)
    assert v5.nominal_torques_nm[v5.index("LShoulderPitch")] == pytest.approx(0.831)


def test_left_and_right_have_their_own_limits(robot):
    limits = dict(zip(robot.joint_names, robot.position_limits_rad, strict=True))
    assert tuple(limits["LKneePitch"]) == (-0.092346, 2.112528)
    assert tuple(limits["RKneePitch"]) == (-0.103083, 2.120198)
    assert tuple(limits["LAnklePitch"]) == (-1.189516, 0.922747)
    assert tuple(limits["RAnklePitch"]) == (-1.186448, 0.932056)


def test_coupled_limits_are_the_documented_tables(robot):
    tables = {limit.joint: limit for limit in robot.coupled_limits}
    head = tables["HeadPitch"]
    assert head.driver == "HeadYaw"
    assert np.interp(1.527, head.driver_rad, head.upper_rad) == pytest.approx(0.200, abs=1e-3)
    assert np.interp(1.527, head.driver_rad, head.lower_rad) == pytest.approx(-0.330, abs=1e-3)
    left, right = tables["LAnkleRoll"], tables["RAnkleRoll"]
    np.testing.assert_array_equal(left.lower_rad, -right.upper_rad)
    np.testing.assert_array_equal(left.upper_rad, -right.lower_rad)
    for limit in tables.values():
        assert (limit.lower_rad <= limit.upper_rad).all()


def test_postures_obey_all_limits(robot):
    assert set(robot.postures) >= {"Stand", "StandInit", "StandZero", "Crouch", "Sit", "SitRelax"}
    rounding = 1e-4  # rad; the coupled tables are met by postures rounded to four decimals
    for name, posture in robot.postures.items():
        assert (posture >= robot.position_limits_rad[:, 0]).all(), name
        assert (posture <= robot.position_limits_rad[:, 1]).all(), name
        for limit in robot.coupled_limits:
            driver = posture[robot.index(limit.driver)]
            angle = posture[robot.index(limit.joint)]
            assert angle >= np.interp(driver, limit.driver_rad, limit.lower_rad) - rounding, name
            assert angle <= np.interp(driver, limit.driver_rad, limit.upper_rad) + rounding, name


def test_standing_postures_stand_on_both_soles(robot):
    step_m, turn_rad = 0.0025, 0.06  # the documented Crouch: 1.9 mm, each foot rolled 1.5 deg
    for name in robot.standing_postures:
        poses = forward_kinematics(robot, robot.posture(name)[None])
        feet = {side: poses.index(foot) for side, foot in robot.feet.items()}
        rotations = [poses.rotations[0, feet[side]] for side in ("left", "right")]
        up = rotations[0][:, 2]
        assert np.arccos(min(1.0, up @ rotations[1][:, 2])) < turn_rad, name
        between = poses.positions_m[0, feet["left"]] - poses.positions_m[0, feet["right"]]
        assert abs(up @ between) < step_m, name


def test_torso_is_333_mm_above_the_sole_when_the_legs_are_straight(robot):
    poses = forward_kinematics(robot, robot.posture("StandZero")[None])
    for foot in robot.feet.values():
        sole = poses.points(foot, [0.0, 0.0, -robot.sole_height_m])[0]
        assert sole[2] == pytest.approx(-0.33309, abs=1e-9)


def test_hands_on_fixed_joints_leave_the_wrist_body_as_documented(robot, table):
    for name in ("LHand", "RHand"):
        link = next(link for link in robot.links if link.name == name)
        documented = table["links"][name]
        assert link.mass_kg == pytest.approx(documented["mass"], abs=1e-9)
        np.testing.assert_allclose(link.com_m, documented["com"], atol=1e-9)
        upper = link.inertia_kg_m2[np.triu_indices(3)]  # xx xy xz yy yz zz
        np.testing.assert_allclose(upper, documented["inertia"], atol=1e-12)


def test_soles_are_convex_and_hold_all_measured_points(robot):
    raw = yaml.safe_load(config_path("robots/nao_v6.yaml").read_text())["soles_m"]
    for side, polygon in robot.soles_m.items():
        edges = np.roll(polygon, -1, axis=0) - polygon
        turns = cross(edges, np.roll(edges, -1, axis=0))
        assert (turns > 0.0).all()  # counter-clockwise and convex
        for point in np.array(raw[side]):
            assert (cross(edges, point - polygon) >= -1e-12).all()
    mirrored = robot.soles_m["left"] * [1, -1]
    assert {tuple(p) for p in mirrored} == {tuple(p) for p in robot.soles_m["right"]}


def test_landmarks_match_the_dancers_joints(robot):
    from robodance.skeleton import JOINT_NAMES

    assert set(JOINT_NAMES) <= set(robot.landmarks)
    links = {link.name for link in robot.links}
    assert all(link in links for link, _ in robot.landmarks.values())


def test_models_cannot_be_changed(robot):
    with pytest.raises(dataclasses.FrozenInstanceError, match="mass_kg"):
        robot.links[0].mass_kg = 1.0
    with pytest.raises(ValueError, match="read-only"):
        robot.position_limits_rad[0, 0] = 9.0


def test_misspelt_names_get_a_close_match(robot):
    with pytest.raises(ConfigError, match="did you mean 'nao_v6'"):
        load_robot("nao_v66")
    with pytest.raises(ConfigError, match="did you mean 'LShoulderPitch'"):
        robot.index("LSholderPitch")
    with pytest.raises(ConfigError, match="did you mean 'StandInit'"):
        robot.posture("StandInt")


BASED = f"based_on: {config_path('robots/nao_v6.yaml')}\nurdf: {urdf_path('nao/nao_v6.urdf')}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour: red\n", "unknown key 'colour'"),
        ("postures: {Odd: [0, 1]}\n", "posture 'Odd' has 2 angles, expected 26"),
        (f"postures: {{Wild: {[9.0] * 26}}}\n", "posture 'Wild' is outside the position limits"),
        ("capsules: {tail: {link: Tail, from: [0, 0, 0], radius: 0.1}}\n", "unknown name 'Tail'"),
        ("collision_pairs: {head: [left_arm]}\n", "unknown name 'left_arm'"),
        ("base_link: trunk\n", "there is no link 'trunk'"),
        ("urdf: missing.urdf\n", "cannot be read"),
        (
            "coupled_limits: [{joint: HeadPitch, driver: HeadYaw, rows: [[1, 0, 1], [0, 0, 1]]}]\n",
            "rising driver",
        ),
    ],
)
def test_wrong_descriptions_are_refused_with_what_to_mend(tmp_path, text, message):
    file = tmp_path / "mine.yaml"
    file.write_text(BASED.replace("urdf:", "#", 1) + text if "urdf" in text else BASED + text)
    with pytest.raises(ConfigError, match=message):
        load_robot(file)


def test_a_robot_file_of_ones_own_is_loaded_by_path(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(BASED + "name: mine\n")
    assert load_robot(file).name == "mine"
    assert load_robot(str(file)).mass_kg == load_robot("nao_v6").mass_kg
