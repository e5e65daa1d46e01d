"""SMPL's turns from pickles that are read and never executed."""

import os
import pickle
import pickletools
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from robodance.errors import DataError
from robodance.motion_files.plain_pickle import read_plain_pickle
from robodance.motion_files.read import read_motion
from robodance.motion_files.smpl import OFFSETS_M, PARENTS
from robodance.skeleton import INDEX

FRAMES = 90
PLAIN_M = 1e-9
BONE = 1e-5  # of a unit vector: turns are stored in single precision
# What Python 2 wrote for {'a': numpy.array([1.5, 2.5])}: texts are bytes, names the old ones.
PYTHON_2 = (
    b"\x80\x02}q\x00U\x01aq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03"
    b"K\x00\x85q\x04U\x01bq\x05\x87q\x06Rq\x07(K\x01K\x02\x85q\x08cnumpy\ndtype\nq\tU\x02f8q\n"
    b"K\x00K\x01\x87q\x0bRq\x0c(K\x03U\x01<q\rNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0eb"
    b"\x89U\x10\x00\x00\x00\x00\x00\x00\xf8?\x00\x00\x00\x00\x00\x00\x04@q\x0ftq\x10bs."
)


def turns(seed=0):
    """Smooth axis-angles (T, 24, 3) of somebody who moves a little everywhere."""
    rng = np.random.default_rng(seed)
    phase, speed = rng.uniform(0, 6.28, (2, 24, 3))
    times = np.arange(FRAMES)[:, None, None] / 60.0
    result = 0.3 * np.sin(phase + 3.0 * speed * times)
    result[:, 0] *= 0.1
    return result


def aist(folder, protocol=4, **more):
    content = {
        "smpl_poses": turns().reshape(FRAMES, 72).astype(np.float32),
        "smpl_scaling": np.array([93.2]),
        "smpl_trans": 93.2
        * np.column_stack([np.sin(np.arange(FRAMES) / 60), np.ones(FRAMES), np.zeros(FRAMES)]),
        "smpl_loss": 0.25,
        **more,
    }
    path = folder / "gBR_sBM_cAll_d04_mBR0_ch01.pkl"
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


def by_scipy(axis_angles):
    """Joint positions by rotation matrices: a second way to the same places."""
    at, world = np.zeros((len(axis_angles), 24, 3)), [None] * 24
    for k, parent in enumerate(PARENTS):
        own = Rotation.from_rotvec(axis_angles[:, k])
        world[k] = own if parent < 0 else world[parent] * own
        if parent >= 0:
            at[:, k] = at[:, parent] + world[parent].apply(OFFSETS_M[k])
    return at


def direction(joints, first, last):
    vector = joints[:, last] - joints[:, first]
    return vector / np.linalg.norm(vector, axis=1, keepdims=True)


@pytest.mark.parametrize("protocol", range(6))
def test_an_aist_pickle_becomes_the_dance_its_turns_say(tmp_path, protocol):
    dance = read_motion(aist(tmp_path, protocol))
    assert dance.frame_rate_hz == 60.0
    assert any("AIST++" in remark for remark in dance.metadata["remarks"])
    wanted = by_scipy(turns().astype(np.float32).astype(float))[..., [2, 0, 1]]  # z up
    pairs = {
        ("left_shoulder", "left_elbow"): (16, 18),
        ("right_elbow", "right_wrist"): (19, 21),
        ("left_hip", "left_knee"): (1, 4),
        ("right_knee", "right_ankle"): (5, 8),
    }
    for (a, b), (first, last) in pairs.items():
        found = direction(dance.joint_positions_m, INDEX[a], INDEX[b])
        # Up was found to be up; which way is ahead is nobody's business.
        expected = direction(wanted, first, last)
        turn, _ = Rotation.align_vectors(found, expected)
        assert np.abs(found - turn.apply(expected)).max() < BONE
        np.testing.assert_allclose(turn.apply([0.0, 0.0, 1.0]), [0.0, 0.0, 1.0], atol=PLAIN_M)


def test_amass_arrays_and_edge_pickles_are_the_same_dance(tmp_path):
    body = turns()
    root = np.column_stack([np.sin(np.arange(FRAMES) / 60), np.ones(FRAMES), np.zeros(FRAMES)])
    hands = np.zeros((FRAMES, 30, 3))
    np.savez(
        tmp_path / "amass.npz",
        poses=np.concatenate([body[:, :22], hands], axis=1).reshape(FRAMES, -1),
        trans=root,
        mocap_framerate=60.0,
        gender="neutral",
        betas=np.zeros(16),
    )
    amass = read_motion(tmp_path / "amass.npz")
    content = {"full_pose": by_scipy(body) + root[:, None], "smpl_poses": body.reshape(FRAMES, 72)}
    (tmp_path / "edge.pkl").write_bytes(pickle.dumps(content))
    edge = read_motion(tmp_path / "edge.pkl", frame_rate_hz=60.0)
    assert amass.frame_rate_hz == 60.0
    for name in ("left_elbow", "right_wrist", "left_knee", "right_ankle"):
        one, other = (
            dance.joint_positions_m[:, INDEX[name]] - dance.joint_positions_m[:, INDEX["waist"]]
            for dance in (amass, edge)
        )
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert read_motion(tmp_path / "edge.pkl").frame_rate_hz == 30.0


@pytest.mark.parametrize("protocol", range(6))
def test_plain_data_comes_out_as_python_reads_it(tmp_path, protocol):
    content = OrderedDict(
        a=np.arange(12.0).reshape(3, 4).T,
        b=[1, -2, 2**70, 1.5, True, None, "text", b"bytes"],
        c={"nested": (1, (2, (3, 4, 5, 6)))},
        d=np.float32(2.5),
        e=np.array([], dtype=np.int16),
        f=np.arange(3, dtype=">u2"),
        g=np.array(7, dtype=np.uint8),
        h=np.ones((2, 2), dtype=bool),
    )
    content["again"] = content["a"]
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    found, wanted = read_plain_pickle(path), pickle.loads(path.read_bytes())
    assert list(found) == list(wanted)
    for key in wanted:
        if isinstance(wanted[key], np.ndarray):
            np.testing.assert_array_equal(found[key], wanted[key])
            assert found[key].dtype.newbyteorder("=") == wanted[key].dtype.newbyteorder("=")
        else:
            assert found[key] == wanted[key]


def test_a_pickle_of_python_2_is_read(tmp_path):
    (tmp_path / "a.pkl").write_bytes(PYTHON_2)
    np.testing.assert_array_equal(read_plain_pickle(tmp_path / "a.pkl")["a"], [1.5, 2.5])


class Evil:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_a_pickle_that_would_run_a_program_is_refused_and_nothing_runs(tmp_path):
    mark = tmp_path / "ran"
    path = aist(tmp_path, smpl_loss=Evil(f"touch {mark}"))
    with pytest.raises(DataError, match="not executed") as caught:
        read_motion(path)
    assert "system" in str(caught.value)
    assert not mark.exists()
    pickle.loads(path.read_bytes())  # without our reader it does run
    assert mark.exists()


class Odd:
    pass


HANDMADE = {
    "object array": (pickle.dumps({"poses": np.array([{}, []], dtype=object)}), "holds more"),
    "instance": (pickle.dumps(Odd()), "holds more"),
    "builtin": (pickle.dumps(len), "builtins.len"),
    "dotted": (b"\x80\x04\x8c\x05numpy\x8c\x0cndarray.dump\x93.", "numpy.ndarray.dump"),
    "persistent": (b"\x80\x02X\x01\x00\x00\x00aQ.", "BINPERSID"),
    "extension": (b"\x80\x02\x82\x01.", "EXT1"),
    "call of a text": (b"\x80\x02X\x01\x00\x00\x00a)R.", "no name"),
    "build of a list": (b"\x80\x02]}b.", "changes a list"),
    "name alone": (b"\x80\x02cnumpy\nndarray\n.", "a name instead"),
    "structured": (pickle.dumps(np.zeros(2, dtype=[("a", "f8")])), "no numbers"),
    "empty stack": (b"\x80\x02R.", "damaged"),
    "no mark": (b"\x80\x02t.", "damaged"),
    "no end": (b"\x80\x02]", "damaged"),
    "text": (b"hello, world", "damaged"),
    "itself": (b"\x80\x02]q\x00h\x00a.", "nested too deep"),
    "cut": (pickle.dumps(np.arange(100.0))[:-200], "damaged"),
    "big claim": (b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fabc.", "damaged"),
}


@pytest.mark.parametrize("case", HANDMADE)
def test_what_is_no_plain_data_is_one_clear_line(tmp_path, case):
    raw, word = HANDMADE[case]
    (tmp_path / "a.pkl").write_bytes(raw)
    with pytest.raises(DataError) as caught:
        read_plain_pickle(tmp_path / "a.pkl")
    assert word in str(caught.value)
    assert "a.pkl" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pickle_that_grows_without_end_takes_no_time(tmp_path):
    """Forty lists, each holding the one before twice: 2^40 if they were copied."""
    program = b"\x80\x02]" + b"".join(
        b"q" + bytes([k]) + b"0](h" + bytes([k]) + b"h" + bytes([k]) + b"e" for k in range(40)
    )
    (tmp_path / "a.pkl").write_bytes(program + b".")
    found = read_plain_pickle(tmp_path / "a.pkl")
    assert found[0] is found[1]


WRONG = {
    "shape": ({"smpl_poses": np.zeros((9, 20))}, "shape"),
    "nan": ({"smpl_poses": np.full((9, 72), np.nan)}, "NaN"),
    "degrees": ({"smpl_poses": np.full((9, 72), 180.0)}, "no angles in radians"),
    "places": ({"smpl_poses": np.zeros((9, 72)), "smpl_trans": np.zeros((8, 3))}, "places"),
    "nothing": ({"keypoints3d": np.zeros((9, 17, 3))}, "found keypoints3d"),
    "lists": ({"smpl_poses": [[0.0] * 72] * 9}, "no array"),
    "list": ([1, 2], "expected named arrays"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_pickle_without_a_dance_says_what_is_wrong(tmp_path, case):
    content, word = WRONG[case]
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(DataError) as caught:
        read_motion(tmp_path / "a.pkl", frame_rate_hz=60.0)
    assert word in str(caught.value)
    assert caught.value.exit_code == 3


def test_a_pickle_that_does_not_say_its_rate_asks_for_it(tmp_path):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"smpl_poses": np.zeros((9, 72))}))
    with pytest.raises(DataError, match="--fps"):
        read_motion(tmp_path / "a.pkl")


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_damaged_pickle_is_read_or_refused_and_nothing_else(tmp_path_factory, data):
    raw = bytearray(pickle.dumps({"a": np.arange(4.0), "b": [1, "x", (2.5,)]}, protocol=2))
    for _ in range(data.draw(st.integers(1, 5))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "a.pkl"
    path.write_bytes(bytes(raw))
    try:
        read_plain_pickle(path)
    except DataError as error:
        assert "\n" not in str(error)  # noqa: PT017


def test_an_odd_escape_is_no_warning(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(b"cnum\\uy\nx\n.")
    with pytest.raises(DataError, match="holds more than data"):
        read_plain_pickle(path)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_read_or_refused(tmp_path_factory, raw):
    path = tmp_path_factory.mktemp("bytes") / "a.pkl"
    path.write_bytes(raw)
    try:
        read_plain_pickle(path)
    except DataError as error:
        assert "\n" not in str(error)  # noqa: PT017


def test_the_reader_knows_every_word_that_plain_data_needs():
    """Over all protocols, of data with every kind in it."""
    content = [
        1,
        300,
        70000,
        2**40,
        -(2**80),
        1.5,
        "a",
        "a" * 300,
        b"b",
        b"b" * 300,
        True,
        None,
        (),
        (1,),
        (1, 2),
        (1, 2, 3),
        (1, 2, 3, 4),
        [],
        {},
        {1: 2},
        {1, 2},
        frozenset({3}),
    ]
    used = {
        opcode.name
        for protocol in range(6)
        for opcode, _, _ in pickletools.genops(pickle.dumps(content, protocol=protocol))
    }
    assert {"FROZENSET", "ADDITEMS", "LONG1", "TUPLE3"} <= used
