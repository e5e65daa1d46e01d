"""The page's robot is the film's: the same surfaces, once each, and primitives elsewhere."""

from dataclasses import replace

import numpy as np
import pytest
from test_preview import unpacked

from robodance.performance.preview.figure import STEP_M, robot_figure
from robodance.performance.shell import SHAPES_FILE, shell


@pytest.fixture(scope="module")
def figure(nao):
    return robot_figure(nao)


def points_of(mesh):
    return np.cumsum(unpacked(mesh["points"]).reshape(-1, 3), axis=0) * mesh["step"]


def test_every_surface_of_the_film_is_there(figure, nao):
    wanted = shell(nao.urdf.with_name(SHAPES_FILE))
    found = {(mesh["link"], mesh["colour"]): mesh for mesh in figure["meshes"]}
    assert set(wanted) == set(found)
    for key, mesh in found.items():
        if "mirrors" in mesh:
            assert mesh["mirrors"] == "L" + key[0][1:]
        else:
            np.testing.assert_allclose(points_of(mesh), wanted[key].points, atol=0.51 * STEP_M)
            faces = np.cumsum(unpacked(mesh["faces"])).reshape(-1, 3)
            np.testing.assert_array_equal(faces, wanted[key].faces)
    assert sum("mirrors" in mesh for mesh in found.values()) > 15  # left and right come once


def test_every_link_hangs_on_one_before_it(figure, nao):
    seen = set()
    for link in figure["links"]:
        assert link["parent"] is None or link["parent"] in seen
        seen.add(link["name"])
    assert {mesh["link"] for mesh in figure["meshes"]} <= seen
    assert sum("column" in link for link in figure["links"]) == len(nao.joints)


def test_a_robot_without_a_shell_shows_its_primitives(nao, tmp_path):
    """Every corner of a box, and all of a cylinder and a sphere, where the URDF puts them."""
    bare = tmp_path / "bare.urdf"
    bare.write_text(
        """<robot name="bare"><material name="red"><color rgba="1 0 0 1"/></material>
        <link name="torso">
          <visual><origin xyz="0 0 0.1" rpy="0 0 1.5707963"/><material name="red"/>
            <geometry><box size="0.2 0.1 0.4"/></geometry></visual>
          <visual><geometry><cylinder radius="0.05" length="0.3"/></geometry></visual>
          <visual><origin xyz="0 0 1"/><geometry><sphere radius="0.07"/></geometry></visual>
        </link></robot>"""
    )
    robot = replace(nao, urdf=bare, joints=(), links=nao.links[:1])
    figure = robot_figure(robot)
    box, others = figure["meshes"]
    assert (box["colour"], others["colour"]) == ("red", "")
    assert figure["colours"]["red"] == [1.0, 0.0, 0.0]
    np.testing.assert_allclose(points_of(box).min(axis=0), [-0.05, -0.1, -0.1], atol=STEP_M)
    np.testing.assert_allclose(points_of(box).max(axis=0), [0.05, 0.1, 0.3], atol=STEP_M)
    np.testing.assert_allclose(points_of(others).min(axis=0), [-0.07, -0.07, -0.15], atol=3e-3)
    assert points_of(others)[:, 2].max() == pytest.approx(1.07, abs=STEP_M)
    corners = points_of(box)[np.cumsum(unpacked(box["faces"])).reshape(-1, 3)]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outwards = np.einsum("fi,fi->f", normals, corners.mean(axis=1) - [0.0, 0.0, 0.1])
    assert (outwards > 0.0).all()
