"""The URDFs are what the script writes, and PyBullet reads them as we do."""

import importlib.util
import xml.etree.ElementTree as ElementTree

import numpy as np
import pybullet
import pytest

from robodance.resources import urdf_path
from robodance.robots.model import load_robot


def cross(first, second):
    """The third component of plane vectors' cross product."""
    return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]


def script(name):
    spec = importlib.util.spec_from_file_location(name, urdf_path(f"nao/{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=["v5", "v6"])
def version(request):
    return request.param


@pytest.fixture
def world():
    client = pybullet.connect(pybullet.DIRECT)
    yield client
    pybullet.disconnect(client)


def test_urdfs_are_what_the_script_writes(version):
    written = urdf_path(f"nao/nao_{version}.urdf").read_text()
    assert written == script("make_urdf").urdf_text(version)


def test_a_urdf_is_made_of_primitives_alone(version):
    root = ElementTree.parse(urdf_path(f"nao/nao_{version}.urdf")).getroot()
    assert not list(root.iter("mesh"))
    materials = {material.get("name") for material in root.findall("material")}
    for link in root.findall("link"):
        visuals = link.findall("visual")
        assert visuals, link.get("name")
        for visual in visuals:
            assert visual.find("geometry")[0].tag in {"box", "cylinder", "sphere"}
            assert visual.find("material").get("name") in materials


def test_collision_shapes_are_the_models_capsules(version):
    robot = load_robot(f"nao_{version}")
    root = ElementTree.parse(robot.urdf).getroot()
    for link in robot.links:
        if link.name in robot.feet.values():
            continue
        element = next(e for e in root.findall("link") if e.get("name") == link.name)
        found = set()
        for collision in element.findall("collision"):
            sphere = collision.find("geometry/sphere")
            if sphere is not None:
                at = [float(x) for x in collision.find("origin").get("xyz").split()]
                found.add((*at, float(sphere.get("radius"))))
        capsules = [c for c in robot.capsules if c.link == link.name]
        wanted = {(*end, c.radius_m) for c in capsules for end in (c.start_m, c.end_m)}
        assert found == wanted, link.name


def test_contact_boxes_lie_inside_the_sole_and_fill_most_of_it(version):
    robot = load_robot(f"nao_{version}")
    root = ElementTree.parse(robot.urdf).getroot()
    for side, foot in robot.feet.items():
        element = next(e for e in root.findall("link") if e.get("name") == foot)
        corners = []
        for collision in element.findall("collision"):
            x, y, z = (float(v) for v in collision.find("origin").get("xyz").split())
            size = [float(v) for v in collision.find("geometry/box").get("size").split()]
            assert z - size[2] / 2 == pytest.approx(-robot.sole_height_m)
            corners += [
                (x + i * size[0] / 2, y + k * size[1] / 2) for i in (-1, 1) for k in (-1, 1)
            ]
        polygon = robot.soles_m[side]
        edges = np.roll(polygon, -1, axis=0) - polygon
        for corner in corners:
            assert (cross(edges, np.array(corner) - polygon) >= -1e-9).all()
        extent = np.ptp(np.array(corners), axis=0) / np.ptp(polygon, axis=0)
        assert (extent > 0.85).all()  # the supporting hull is almost as long and as wide


def test_pybullet_reads_the_same_robot(version, world):
    robot = load_robot(f"nao_{version}")
    body = pybullet.loadURDF(
        str(robot.urdf), flags=pybullet.URDF_USE_INERTIA_FROM_FILE, physicsClientId=world
    )
    joints = range(pybullet.getNumJoints(body, physicsClientId=world))
    info = {pybullet.getJointInfo(body, i, world)[1].decode(): i for i in joints}
    masses = [pybullet.getDynamicsInfo(body, i, world)[0] for i in (-1, *joints)]
    assert sum(masses) == pytest.approx(robot.mass_kg, abs=1e-9)
    for joint in robot.joints:
        column = robot.index(joint.name)
        found = pybullet.getJointInfo(body, info[joint.name], world)
        assert found[2] == pybullet.JOINT_REVOLUTE
        assert found[8:10] == pytest.approx(tuple(robot.position_limits_rad[column]))
        assert found[10:12] == pytest.approx((
            robot.effort_limits_nm[column],
            robot.velocity_limits_rad_s[column],
        ))
        moments = pybullet.getDynamicsInfo(body, info[joint.name], world)[2]
        link = next(link for link in robot.links if link.name == joint.child)
        if joint.child not in ("LHand", "RHand"):  # those two are split
            ours = np.linalg.eigvalsh(link.inertia_kg_m2)
            np.testing.assert_allclose(sorted(moments), ours, rtol=1e-4, atol=1e-9)


def test_only_the_two_hands_are_fixed(version):
    root = ElementTree.parse(urdf_path(f"nao/nao_{version}.urdf")).getroot()
    kinds = {j.get("name"): j.get("type") for j in root.findall("joint")}
    assert {name for name, kind in kinds.items() if kind == "fixed"} == {"LHand", "RHand"}
    assert sum(kind == "revolute" for kind in kinds.values()) == 24
