"""A film's robot wears smooth closed shapes that fit the URDF's primitives."""

import time
import xml.etree.ElementTree as ElementTree
from collections import Counter

import numpy as np
import pybullet
import pytest

from robodance.errors import ConfigError
from robodance.performance.camera import Camera, changing_window
from robodance.performance.shell import SHAPES_FILE, dressed, shell
from robodance.resources import urdf_path
from robodance.robots.kinematics import forward_kinematics
from robodance.robots.stability import to_world

LIKE_M = 0.008  # a few spheres and cylinders cannot follow a shell closer than this


@pytest.fixture(scope="module")
def meshes():
    return shell(urdf_path(f"nao/{SHAPES_FILE}"))


def link_points(meshes, name):
    return np.vstack([mesh.points for (link, _), mesh in meshes.items() if link == name])


def urdf_root(robot):
    return ElementTree.parse(robot.urdf).getroot()


def primitives_box(link):
    """Smallest and largest x, y, z of a link's primitives; boxes are not turned."""
    low, high = [], []
    for visual in link.findall("visual"):
        origin, shape = visual.find("origin"), visual.find("geometry")[0]
        at = np.array(origin.get("xyz").split(), float)
        if shape.tag == "box":
            reach = np.array(shape.get("size").split(), float) / 2
        else:
            reach = np.full(3, float(shape.get("radius")))
        if shape.tag == "cylinder":
            turn = pybullet.getQuaternionFromEuler([float(x) for x in origin.get("rpy").split()])
            axis = np.array(pybullet.getMatrixFromQuaternion(turn)).reshape(3, 3)[:, 2]
            across = np.sqrt(np.maximum(1.0 - axis**2, 0.0))
            reach = np.abs(axis) * float(shape.get("length")) / 2 + reach * across
        low.append(at - reach)
        high.append(at + reach)
    return np.min(low, axis=0), np.max(high, axis=0)


def test_every_link_has_a_shell(nao, meshes):
    assert {link for link, _ in meshes} == {e.get("name") for e in urdf_root(nao).findall("link")}


def test_shells_are_closed_and_seen_from_outside(meshes):
    for name, mesh in meshes.items():
        edges = Counter()
        for i in range(3):
            edges.update(
                zip(mesh.faces[:, i].tolist(), mesh.faces[:, (i + 1) % 3].tolist(), strict=True)
            )
        assert set(edges.values()) == {1}, name  # each edge once in each direction:
        assert all((b, a) in edges for a, b in edges), name  # two triangles meet there
        p, q, r = (mesh.points[mesh.faces[:, i]] for i in range(3))
        assert np.einsum("fi,fi->", p, np.cross(q, r)) > 0.0, name  # six times the volume
        areas = np.linalg.norm(np.cross(q - p, r - p), axis=1) / 2
        seen = np.unique(mesh.faces[areas > 1e-10])  # m^2; caps over a tip have no area
        np.testing.assert_allclose(np.linalg.norm(mesh.normals[seen], axis=1), 1.0, atol=1e-9)


def test_left_and_right_mirror_each_other(meshes):
    for (link, colour), mesh in meshes.items():
        if link.startswith("L"):
            other = meshes["R" + link[1:], colour]
            np.testing.assert_array_equal(other.points, mesh.points * [1, -1, 1])


def test_shell_and_primitives_are_as_tall_as_the_robot(nao, meshes):
    links = {link.get("name"): link for link in urdf_root(nao).findall("link")}
    foot_to_head = 0.33309 - 0.04519 + 0.1265  # m, between the links' origins, legs stretched
    for top, bottom in (
        (link_points(meshes, "Head")[:, 2].max(), link_points(meshes, "LFoot")[:, 2].min()),
        (primitives_box(links["Head"])[1][2], primitives_box(links["LFoot"])[0][2]),
    ):
        assert foot_to_head + top - bottom == pytest.approx(0.574, abs=0.005)  # documented
        assert bottom == pytest.approx(-nao.sole_height_m, abs=1e-4)


def test_the_primitives_are_as_large_as_the_shell(nao, meshes):
    for link in urdf_root(nao).findall("link"):
        points = link_points(meshes, link.get("name"))
        low, high = primitives_box(link)
        np.testing.assert_allclose(low, points.min(axis=0), atol=LIKE_M, err_msg=link.get("name"))
        np.testing.assert_allclose(high, points.max(axis=0), atol=LIKE_M, err_msg=link.get("name"))


def test_the_part_of_the_picture_that_is_drawn_holds_the_whole_shell(nao, meshes, rng):
    camera = Camera((0.0, 0.0), 1280, 720)
    low, high = nao.position_limits_rad.T
    pose = np.array([[0.0, 0.0, 0.32, 0.0, 0.0, 0.0, 1.0]])
    for positions in rng.uniform(low, high, (20, 1, len(low))):
        left, top, width, height = changing_window(camera, nao, positions, pose)
        poses = forward_kinematics(nao, positions)
        for joint in nao.joints:
            for point in link_points(meshes, joint.child)[::7]:
                world = to_world(pose, poses.points(joint.child, point))
                (x, y) = camera.pixels(world)[0][0]
                assert left <= x <= left + width, joint.child
                assert top <= y <= top + height, joint.child


def test_dressing_leaves_nothing_behind_and_takes_little_time(nao):
    began = time.process_time()
    with dressed(nao.urdf) as file:
        used = time.process_time() - began
        root = ElementTree.parse(file).getroot()
        names = [mesh.get("filename") for mesh in root.iter("mesh")]
        assert names
        assert all((file.parent / name).is_file() for name in names)
        assert not list(root.iter("collision"))
    assert not file.parent.exists()
    assert nao.urdf.exists()
    assert used < 1.0  # s; about 0.15 s


def test_a_robot_without_shapes_is_drawn_as_its_urdf_says(nao, tmp_path):
    bare = tmp_path / "bare.urdf"
    bare.write_bytes(nao.urdf.read_bytes())
    with dressed(bare) as file:
        assert file == bare


@pytest.mark.parametrize(
    ("shapes", "complaint"),
    [
        ("Tail: [{colour: white, disc: [0.1, 0.1]}]", "no link 'Tail'"),
        ("Head: [{colour: pink, disc: [0.1, 0.1]}]", "no <material> 'pink'"),
        ("Head: [{colour: white, cone: [0.1, 0.1]}]", "is none of loft, outline"),
    ],
)
def test_a_wrong_table_of_shapes_is_explained(nao, tmp_path, shapes, complaint):
    robot = tmp_path / "robot.urdf"
    robot.write_bytes(nao.urdf.read_bytes())
    (tmp_path / SHAPES_FILE).write_text("links:\n  " + shapes)
    with pytest.raises(ConfigError, match=complaint), dressed(robot):
        pass
