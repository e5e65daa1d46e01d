"""A robot's arms alone as other libraries know them, from the same URDF and capsules."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np


def pinocchio_arms(aims, clear):
    """Return the arms for pinocchio, with frames at the places, and the shapes to keep apart."""
    import coal
    import pinocchio as pin

    robot = aims.robot
    model = pin.buildModelFromXML(_arms_alone(aims))
    shapes = pin.GeometryModel()
    for capsule in robot.capsules:
        frame = model.frames[model.getFrameId(capsule.link)]
        along = capsule.end_m - capsule.start_m
        length = float(np.linalg.norm(along))
        up = np.array([0.0, 0.0, 1.0])
        turn = pin.Quaternion.FromTwoVectors(up, along + up * 1e-9)
        middle = (capsule.start_m + capsule.end_m) / 2.0
        placement = frame.placement * pin.SE3(turn.matrix(), middle)
        shape = coal.Capsule(capsule.radius_m, max(length, 1e-6))
        shapes.addGeometryObject(
            pin.GeometryObject(capsule.name, frame.parentJoint, placement, shape)
        )
    for a, b in aims.pairs:
        if shapes.geometryObjects[a].parentJoint != shapes.geometryObjects[b].parentJoint:
            shapes.addCollisionPair(pin.CollisionPair(a, b))
    for place in aims.places:
        link, offset = robot.landmarks[place]
        frame = model.frames[model.getFrameId(link)]
        at = frame.placement * pin.SE3(np.eye(3), np.array(offset))
        model.addFrame(pin.Frame(place, frame.parentJoint, 0, at, pin.FrameType.OP_FRAME))
    return model, shapes if clear else None


def mujoco_arms(aims):
    """Return the arms for MuJoCo, with sites at the places, and the pairs that may touch."""
    import mujoco

    robot = aims.robot
    spec = mujoco.MjSpec.from_string(_arms_alone(aims))
    for place in aims.places:
        link, offset = robot.landmarks[place]
        spec.body(link).add_site(name=place, pos=np.asarray(offset))
    for capsule in robot.capsules:
        ball = np.linalg.norm(capsule.end_m - capsule.start_m) < 1e-6
        home = spec.body(capsule.link) or spec.worldbody
        kind = mujoco.mjtGeom.mjGEOM_SPHERE if ball else mujoco.mjtGeom.mjGEOM_CAPSULE
        geom = home.add_geom(name=capsule.name, type=kind, size=[capsule.radius_m, 0.0, 0.0])
        geom.mass = 0.0
        if ball:
            geom.pos = capsule.start_m
        else:
            geom.fromto = np.concatenate([capsule.start_m, capsule.end_m])
    names = [capsule.name for capsule in robot.capsules]
    pairs = [([names[a]], [names[b]]) for a, b in aims.pairs]
    return spec.compile(), pairs


def _arms_alone(aims):
    """Return the robot's URDF without shapes, all joints but the arms' fixed in the stand."""
    from scipy.spatial.transform import Rotation

    angles = dict(zip(aims.robot.joint_names, aims.stand, strict=True))
    root = ET.parse(aims.robot.urdf).getroot()
    for link in root.findall("link"):
        for kind in ("visual", "collision"):
            for shape in link.findall(kind):
                link.remove(shape)
    for joint in root.findall("joint"):
        name = joint.get("name")
        if name in aims.names:
            continue
        axis = joint.find("axis")
        if joint.get("type") != "fixed" and axis is not None:
            along = np.array([float(x) for x in axis.get("xyz").split()])
            turn = Rotation.from_rotvec(angles.get(name, 0.0) * along / np.linalg.norm(along))
            joint.find("origin").set("rpy", " ".join(f"{x:.17g}" for x in turn.as_euler("xyz")))
        joint.set("name", f"fixed_{name}")
        joint.set("type", "fixed")
        for part in ("axis", "limit", "mimic", "dynamics"):
            for element in joint.findall(part):
                joint.remove(element)
    ET.SubElement(ET.SubElement(root, "mujoco"), "compiler", fusestatic="false")
    return ET.tostring(root, encoding="unicode")
