"""ROS 2 bags with one ``trajectory_msgs/JointTrajectory``, through rosbags (no ROS needed)."""

from __future__ import annotations

import shutil
import struct
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from robodance.errors import DataError, MissingDependency, OutputError
from robodance.motion_files.joint_keys import (
    JointKeys,
    checked,
    choose_clip,
    from_trajectory,
)
from robodance.values import FloatArray, JointTrajectory

__all__ = ["is_bag", "read_rosbag", "write_rosbag"]

MESSAGE = "trajectory_msgs/msg/JointTrajectory"
TOPIC = "/joint_trajectory"
BAG_VERSION = 9
NANO = 1_000_000_000
BROKEN = (  # how the library's parts fail on damaged bags
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    MemoryError,
    RuntimeError,
    struct.error,
)


def is_bag(path: Path) -> bool:
    """Return whether a path is the folder of a ROS 2 bag."""
    return path.is_dir() and (path / "metadata.yaml").is_file()


def write_rosbag(path: Path, motion: JointTrajectory, velocities_rad_s: FloatArray) -> None:
    """Write a bag: a folder with ``metadata.yaml`` and an MCAP file of one message.

    Args:
        path: The folder, which must not exist.
        motion: The motion; its first sample is at ``time_from_start`` 0.
        velocities_rad_s: Shape (T, J), at its samples.

    Raises:
        OutputError: The folder exists, or cannot be written.
        MissingDependency: rosbags is not installed.
    """
    rosbag2, typesys, _ = _libraries()
    if path.exists():
        raise OutputError(f"{path}: exists already; remove it, or choose another name with -o")
    store = typesys.get_typestore(typesys.Stores.ROS2_HUMBLE)
    message = _message(store, motion, velocities_rad_s)
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part"))
        with rosbag2.Writer(
            part / path.name, version=BAG_VERSION, storage_plugin=rosbag2.StoragePlugin.MCAP
        ) as writer:
            connection = writer.add_connection(TOPIC, MESSAGE, typestore=store)
            writer.write(connection, 0, store.serialize_cdr(message, MESSAGE))
        (part / path.name).rename(path)
    except (OSError, rosbag2.WriterError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(
            f"{path}: cannot be written ({reason}); choose another with -o"
        ) from error
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


def _message(store: Any, motion: JointTrajectory, velocities: FloatArray) -> Any:
    types = store.types
    time, header = types["builtin_interfaces/msg/Time"], types["std_msgs/msg/Header"]
    duration, point = (
        types["builtin_interfaces/msg/Duration"],
        types["trajectory_msgs/msg/JointTrajectoryPoint"],
    )
    nanoseconds = np.round((motion.times_s - motion.times_s[0]) * NANO).astype(np.int64)
    points = [
        point(
            positions=np.array(motion.positions_rad[k]),
            velocities=np.array(velocities[k]),
            accelerations=np.zeros(0),
            effort=np.zeros(0),
            time_from_start=duration(sec=int(moment // NANO), nanosec=int(moment % NANO)),
        )
        for k, moment in enumerate(nanoseconds)
    ]
    return types[MESSAGE](
        header=header(stamp=time(sec=0, nanosec=0), frame_id=""),
        joint_names=list(motion.joint_names),
        points=points,
    )


def read_rosbag(path: Path, clip: str | None = None) -> JointKeys:
    """Read the joint trajectory of a ROS 2 bag.

    Args:
        path: The bag's folder.
        clip: Which trajectory, where the bag holds several: a number from 1.

    Raises:
        DataError: The bag cannot be read or holds no joint trajectory.
        MissingDependency: rosbags is not installed.
    """
    rosbag2, typesys, serde = _libraries()
    store = typesys.get_typestore(typesys.Stores.ROS2_HUMBLE)
    clips = []
    try:
        with rosbag2.Reader(path) as reader:
            wanted = [c for c in reader.connections if c.msgtype == MESSAGE]
            messages = reader.messages(connections=wanted) if wanted else ()
            for _, _, raw in messages:
                message = store.deserialize_cdr(raw, MESSAGE)
                clips.append(("", from_trajectory(path.name, _motion(path, message))))
    except DataError:
        raise
    except (rosbag2.ReaderError, serde.SerdeError, *BROKEN) as error:
        raise DataError(f"{path}: not a bag that can be read ({_line(error)})") from error
    if not clips:
        raise DataError(f"{path}: holds no {MESSAGE}")
    return checked(path, choose_clip(path, clips, clip))


def _motion(path: Path, message: Any) -> JointTrajectory:
    times = [p.time_from_start.sec + p.time_from_start.nanosec / NANO for p in message.points]
    widths = {len(p.positions) for p in message.points}
    if widths != {len(message.joint_names)}:
        raise DataError(f"{path}: its trajectory has points without a position for each joint")
    positions = np.array([p.positions for p in message.points], dtype=np.float64)
    if not np.isfinite(positions).all() or (np.diff(times) <= 0.0).any():
        raise DataError(f"{path}: its trajectory holds NaN, or times that do not rise")
    return JointTrajectory(tuple(message.joint_names), np.array(times), positions)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _libraries() -> tuple[ModuleType, ModuleType, ModuleType]:
    try:
        from rosbags import rosbag2, serde, typesys
    except ImportError as error:
        raise MissingDependency("ROS bags need rosbags: pip install rosbags") from error
    return rosbag2, typesys, serde
