"""The URDFs and meshes are what the scripts write, and PyBullet reads them as we do."""

import importlib.util
import re
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


def test_meshes_are_what_the_script_writes():
    maker = script("make_meshes")
    made = {name: maker.obj_text(mesh) for name, mesh in maker.meshes()}
    files = {path.stem: path.read_text() for path in urdf_path("nao/meshes").glob("*.obj")}
    assert files.keys() == made.keys()
    for name, text in made.items():
        theirs, ours = (re.findall(r"-?\d+\.?\d*", t) for t in (files[name], text))
        assert len(theirs) == len(ours), name
        difference = np.abs(np.array(theirs, float) - np.array(ours, float)).max()
        assert difference <= 0.0101, name  # one unit of the normals' last digit


def test_meshes_are_seen_from_outside_and_mirror_each_other():
    made = dict(script("make_meshes").meshes())
    for name, (points, _, faces) in made.items():
        p, q, r = (points[faces[:, i]] for i in range(3))
        assert np.einsum("fi,fi->", p, np.cross(q, r)) > 0.0, name  # six times the volume
    for name, (points, _, _) in made.items():
        if name.startswith("L"):
            np.testing.assert_allclose(made["R" + name[1:]][0], points * [1, -1, 1], atol=1e-12)


def test_the_robot_looks_as_tall_as_it_is():
    made = dict(script("make_meshes").meshes())
    top = 0.1265 + max(made[f"Head_{c}"][0][:, 2].max() for c in ("white", "grey"))
    bottom = -0.33309 + 0.04519 + made["LFoot_dark"][0][:, 2].min()
    assert top - bottom == pytest.approx(0.574, abs=0.005)  # m; documented height


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
