"""Kinematics, dynamics and balance agree with PyBullet, with pinocchio and with differences."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from robodance.errors import ConfigError
from robodance.robots.dynamics import GRAVITY_M_S2, BaseMotion, inverse_dynamics
from robodance.robots.kinematics import center_of_mass, forward_kinematics, jacobian
from robodance.robots.model import load_robot
from robodance.robots.stability import (
    gravity_in_torso,
    stability_margin,
    standing_torques,
    standing_torso_pose,
    support_polygon,
    to_world,
    zero_moment_point,
)

SAMPLES = 12
EXACT = 1e-9
PYBULLET = 1e-6  # it goes by way of each link's inertial frame; measured 2e-7


@pytest.fixture(scope="module", params=["nao_v6", "nao_v5"])
def robot(request):
    return load_robot(request.param)


def motion(robot, rng):
    """Random angles, speeds and accelerations; the two hip-yaw-pitch names move as one."""
    low, high = np.array(robot.position_limits_rad).T
    joints = len(robot.joint_names)
    result = [
        rng.uniform(low, high, (SAMPLES, joints)),
        rng.normal(size=(SAMPLES, joints)),
        5.0 * rng.normal(size=(SAMPLES, joints)),
    ]
    for values in result:
        for follower, leader in robot.mirrored_joints.items():
            values[:, robot.index(follower)] = values[:, robot.index(leader)]
    return result


def torso_poses(rng):
    turn = Rotation.from_euler("xyz", 0.2 * rng.normal(size=(SAMPLES, 3)))
    return np.column_stack([rng.normal(size=(SAMPLES, 3)), turn.as_quat()])


def test_a_jacobian_is_the_derivative_of_a_point(robot, rng):
    positions, _, _ = motion(robot, rng)
    for link, offset in (("LHand", (0.05, 0.01, -0.02)), ("RFoot", (0.03, 0.0, -0.04))):
        exact = jacobian(robot, forward_kinematics(robot, positions), link, offset)
        for j in range(len(robot.joint_names)):
            step = np.zeros(len(robot.joint_names))
            step[j] = 1e-6
            ahead, behind = (
                forward_kinematics(robot, positions + s * step).points(link, offset)
                for s in (1.0, -1.0)
            )
            np.testing.assert_allclose(exact[:, :, j], (ahead - behind) / 2e-6, atol=1e-8)


def test_a_part_of_the_body_is_where_it_is_in_the_whole_body(robot, rng):
    positions, _, _ = motion(robot, rng)
    whole = forward_kinematics(robot, positions)
    part = forward_kinematics(robot, positions, ["RHand"])
    assert len(part.links) < len(whole.links)
    origin = (0.0, 0.0, 0.0)
    np.testing.assert_array_equal(part.points("RHand", origin), whole.points("RHand", origin))


def test_links_are_where_pybullet_has_them(robot, rng):
    bullet = pytest.importorskip("pybullet")
    positions, _, _ = motion(robot, rng)
    poses = forward_kinematics(robot, positions)
    client = bullet.connect(bullet.DIRECT)
    try:
        flags = bullet.URDF_USE_INERTIA_FROM_FILE
        body = bullet.loadURDF(
            str(robot.urdf), useFixedBase=True, flags=flags, physicsClientId=client
        )
        info = [
            bullet.getJointInfo(body, i, physicsClientId=client)
            for i in range(bullet.getNumJoints(body, physicsClientId=client))
        ]
        origin, turn = base_frame(bullet, body, client)
        for t in range(SAMPLES):
            for row in info:
                name = row[1].decode()
                if name in robot.joint_names and row[2] == bullet.JOINT_REVOLUTE:
                    angle = positions[t, robot.index(name)]
                    bullet.resetJointState(body, row[0], angle, physicsClientId=client)
            for row in info:
                link = row[12].decode()
                if link not in poses.links:
                    continue
                state = bullet.getLinkState(
                    body, row[0], computeForwardKinematics=True, physicsClientId=client
                )
                place = turn.inv().apply(np.array(state[4]) - origin)
                mine = poses.positions_m[t, poses.index(link)]
                np.testing.assert_allclose(mine, place, atol=PYBULLET)
                rotation = (turn.inv() * Rotation.from_quat(state[5])).as_matrix()
                mine = poses.rotations[t, poses.index(link)]
                np.testing.assert_allclose(mine, rotation, atol=PYBULLET)
    finally:
        bullet.disconnect(client)


def base_frame(bullet, body, client):
    """PyBullet's base pose is that of the centre of mass; return the link frame's."""
    place, quaternion = bullet.getBasePositionAndOrientation(body, physicsClientId=client)
    local = bullet.getDynamicsInfo(body, -1, physicsClientId=client)
    turn = Rotation.from_quat(quaternion) * Rotation.from_quat(local[4]).inv()
    return np.array(place) - turn.apply(local[3]), turn


class Pinocchio:
    """The same robot in pinocchio, with a free torso."""

    def __init__(self, robot):
        self.pin = pytest.importorskip("pinocchio")
        self.model = self.pin.buildModelFromUrdf(str(robot.urdf), self.pin.JointModelFreeFlyer())
        self.data = self.model.createData()
        self.robot = robot
        self.names = [name for name in self.model.names if name in robot.joint_names]

    def state(self, positions, velocities, accelerations, torso_pose):
        q = self.pin.neutral(self.model)
        v, a = np.zeros(self.model.nv), np.zeros(self.model.nv)
        q[:7] = torso_pose
        for name in self.names:
            joint = self.model.joints[self.model.getJointId(name)]
            column = self.robot.index(name)
            q[joint.idx_q] = positions[column]
            v[joint.idx_v], a[joint.idx_v] = velocities[column], accelerations[column]
        return q, v, a

    def frame(self, link):
        return self.model.getFrameId(link, self.pin.BODY)


def test_links_centre_of_mass_and_jacobians_are_pinocchios(robot, rng):
    other = Pinocchio(robot)
    pin = other.pin
    positions, velocities, accelerations = motion(robot, rng)
    torso = torso_poses(rng)
    poses = forward_kinematics(robot, positions)
    com = to_world(torso, center_of_mass(robot, poses))
    slopes = jacobian(robot, poses, "LHand")
    for t in range(SAMPLES):
        q, _, _ = other.state(positions[t], velocities[t], accelerations[t], torso[t])
        pin.computeJointJacobians(other.model, other.data, q)
        pin.updateFramePlacements(other.model, other.data)
        base = other.data.oMf[other.frame(robot.base_link)]
        for i, link in enumerate(poses.links):
            place = base.actInv(other.data.oMf[other.frame(link)])
            np.testing.assert_allclose(poses.positions_m[t, i], place.translation, atol=EXACT)
            np.testing.assert_allclose(poses.rotations[t, i], place.rotation, atol=EXACT)
        theirs = pin.centerOfMass(other.model, other.data, q)
        np.testing.assert_allclose(com[t], theirs, atol=EXACT)
        world = pin.getFrameJacobian(
            other.model, other.data, other.frame("LHand"), pin.LOCAL_WORLD_ALIGNED
        )
        for name in other.names:
            column = other.model.joints[other.model.getJointId(name)].idx_v
            mine = base.rotation @ slopes[t, :, robot.index(name)]
            np.testing.assert_allclose(mine, world[:3, column], atol=EXACT)


def test_zmp_and_torques_are_pinocchios(robot, rng):
    other = Pinocchio(robot)
    pin = other.pin
    positions, velocities, accelerations = motion(robot, rng)
    torso = torso_poses(rng)
    base = BaseMotion.at_rest(gravity_in_torso(torso))
    forces = inverse_dynamics(robot, positions, velocities, accelerations, base)
    zmp = zero_moment_point(robot, positions, velocities, accelerations, torso)
    for t in range(SAMPLES):
        q, v, a = other.state(positions[t], velocities[t], accelerations[t], torso[t])
        tau = pin.rnea(other.model, other.data, q, v, a)
        for name in other.names:
            column = other.model.joints[other.model.getJointId(name)].idx_v
            mine = forces.torques_nm[t, robot.index(name)]
            np.testing.assert_allclose(mine, tau[column], atol=EXACT)
        place = pin.SE3(Rotation.from_quat(torso[t, 3:]).as_matrix(), torso[t, :3])
        wrench = place.act(pin.Force(tau[:6]))
        theirs = np.array([-wrench.angular[1], wrench.angular[0]]) / wrench.linear[2]
        np.testing.assert_allclose(zmp[t], theirs, atol=EXACT)


def test_a_moving_torso_counts(robot, rng):
    other = Pinocchio(robot)
    positions, velocities, accelerations = motion(robot, rng)
    torso = torso_poses(rng)
    spin, turn, push = rng.normal(size=(3, SAMPLES, 3))
    base = BaseMotion(gravity_in_torso(torso), spin, turn, push)
    forces = inverse_dynamics(robot, positions, velocities, accelerations, base)
    for t in range(SAMPLES):
        q, v, a = other.state(positions[t], velocities[t], accelerations[t], torso[t])
        v[3:6], a[3:6], a[:3] = spin[t], turn[t], push[t]  # the base's own frame, v = 0
        tau = other.pin.rnea(other.model, other.data, q, v, a)
        np.testing.assert_allclose(forces.force_n[t], tau[:3], atol=EXACT)
        np.testing.assert_allclose(forces.moment_nm[t], tau[3:6], atol=EXACT)


def test_the_floor_carries_the_robots_weight(robot, rng):
    positions, _, _ = motion(robot, rng)
    torso = torso_poses(rng)
    still = np.zeros_like(positions)
    base = BaseMotion.at_rest(gravity_in_torso(torso))
    forces = inverse_dynamics(robot, positions, still, still, base)
    up = Rotation.from_quat(torso[:, 3:]).apply(forces.force_n)
    np.testing.assert_allclose(up[:, :2], 0.0, atol=EXACT)
    np.testing.assert_allclose(up[:, 2], robot.mass_kg * GRAVITY_M_S2)
    # At rest the ZMP is the projection of the centre of mass.
    zmp = zero_moment_point(robot, positions, still, still, torso)
    com = to_world(torso, center_of_mass(robot, forces.poses))
    np.testing.assert_allclose(zmp, com[:, :2], atol=EXACT)


def test_standing_postures_stand_flat_and_balanced(robot):
    for name in robot.standing_postures:
        posture = robot.posture(name)
        pose = standing_torso_pose(robot, posture)
        poses = forward_kinematics(robot, posture[None])
        for side in ("left", "right"):
            outline = robot.soles_m[side]
            for x, y in outline:
                sole = poses.points(robot.feet[side], (x, y, -robot.sole_height_m))
                # Crouch is documented with feet rolled by 1.5 degrees each.
                assert abs(to_world(pose[None], sole)[0, 2]) < 0.004
        polygon = support_polygon(robot, posture, pose)
        com = to_world(pose[None], center_of_mass(robot, poses))[:, :2]
        assert stability_margin(com, polygon)[0] > 0.03


def test_a_posture_that_does_not_stand_is_refused(robot):
    tiptoe = np.array(robot.posture("StandInit"))
    tiptoe[robot.index("LAnklePitch")] += 0.3
    with pytest.raises(ConfigError, match="does not stand on flat feet"):
        standing_torso_pose(robot, tiptoe)


def test_one_foot_carries_less_than_two(robot):
    posture = robot.posture("StandInit")
    pose = standing_torso_pose(robot, posture)
    both, left, right = (support_polygon(robot, posture, pose, s) for s in (0, 1, 2))
    assert left[:, 1].mean() > 0.0 > right[:, 1].mean()
    middle = np.zeros((1, 2))
    assert stability_margin(middle, both)[0] > 0.0
    assert stability_margin(middle, left)[0] < 0.0


def test_the_margin_is_the_distance_to_the_nearest_edge():
    square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    points = np.array([[0.5, 0.5], [0.1, 0.5], [1.2, 0.5], [0.5, 1.0]])
    np.testing.assert_allclose(stability_margin(points, square), [0.5, 0.1, -0.2, 0.0], atol=1e-12)


def test_torques_of_a_stand_need_no_help_from_the_torso(robot):
    """Legs and floor balance the body: virtual work of every joint's motion vanishes."""
    posture = robot.posture("StandInit")[None]
    pose = standing_torso_pose(robot, posture[0])[None]
    still = np.zeros_like(posture)
    base = BaseMotion.at_rest(gravity_in_torso(pose))
    forces = inverse_dynamics(robot, posture, still, still, base)
    torques = standing_torques(robot, forces, pose, posture)
    names = robot.joint_names
    legs = [j for j, n in enumerate(names) if n[1:4] in {"Hip", "Kne", "Ank"}]
    # Above the torso nothing changes, and a symmetric stand loads both legs alike.
    others = [j for j in range(len(names)) if j not in legs]
    np.testing.assert_array_equal(torques[:, others], forces.torques_nm[:, others])
    left, right = (torques[0, robot.index(f"{s}KneePitch")] for s in "LR")
    assert left == pytest.approx(right, abs=0.02)  # Nm; links are not exact mirrors
    # The floor is under the ankle's axis by the lever of the ZMP: check it by hand.
    zmp = zero_moment_point(robot, posture, still, still, pose)[0]
    ankle = forces.poses.points("LFoot", (0.0, 0.0, 0.0))
    lever = zmp[0] - to_world(pose, ankle)[0, 0]
    expected = lever * robot.mass_kg * GRAVITY_M_S2 / 2.0
    feet = [link for link in robot.links if link.name in {"LFoot", "LAnkle"}]
    own = sum(link.mass_kg for link in feet) * GRAVITY_M_S2 * 0.03  # Nm, at most
    assert torques[0, robot.index("LAnklePitch")] == pytest.approx(expected, abs=own)
