"""Other people's joint motions: read as text, never run; or refused in one clear line."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robodance.errors import DataError, RobodanceError
from robodance.motion_files.joint_files import is_joint_file, read_joint_file

EXACT_RAD = 1e-6  # files hold six digits

SIMPLIFIED = """# Choregraphe simplified export in Python.
from naoqi import ALProxy
names = list()
times = list()
keys = list()

names.append("HeadPitch")
times.append([0.4, 1.2])
keys.append([-0.25, 0.1])

names.append("LHand")
times.append([1])  # one key alone
keys.append([0.75])

try:
  motion = ALProxy("ALMotion")
  motion.angleInterpolation(names, keys, times, True)
except BaseException, err:
  print err
"""
BEZIER = """# Choregraphe bezier export in Python.
def clap():
    names = list()
    times = list()
    keys = list()
    names.append("RElbowRoll")
    times.append([0, 1, 2.5])
    keys.append([[0.5, [3, -0.0133333, 0], [3, 0.333333, 0]], [1, [3, -0.333333, -0.1], \
[3, 0.5, 0.15]], [0.2, [3, -0.5, 0], [3, 0, 0]]])
    ALProxy("ALMotion").angleInterpolationBezier(names, times, keys)
"""
TIMELINE = """<?xml version="1.0" encoding="UTF-8" ?>
<ChoregrapheProject xmlns="http://www.aldebaran-robotics.com/schema/choregraphe/project.xsd">
<Box name="root"><Timeline enable="0"><BehaviorLayer><BehaviorKeyframe><Diagram>
<Box name="Wave" id="4"><Timeline enable="1" fps="25" size="60"><ActuatorList model="nao">
<ActuatorCurve name="value" actuator="HeadYaw" mute="false" unit="0">
<Key frame="10" value="-30"/>
<Key frame="35" value="60">
<Tangent side="left" interpType="linear" abscissaParam="-8" ordinateParam="0"/>
</Key></ActuatorCurve>
<ActuatorCurve name="value" actuator="LHand" mute="false" unit="0">
<Key frame="10" value="0.5"/></ActuatorCurve>
<ActuatorCurve name="value" actuator="RHand" mute="true" unit="0">
<Key frame="10" value="0.5"/></ActuatorCurve>
</ActuatorList></Timeline></Box>
<Box name="Bow" id="5"><Timeline enable="1" fps="10" size="60"><ActuatorList model="nao">
<ActuatorCurve name="value" actuator="HeadPitch" mute="false" unit="-1">
<Key frame="10" value="20">
<Tangent side="right" interpType="bezier" abscissaParam="5" ordinateParam="-10"/></Key>
<Key frame="25" value="0">
<Tangent side="left" interpType="bezier" abscissaParam="-5" ordinateParam="10"/></Key>
</ActuatorCurve></ActuatorList></Timeline></Box>
</Diagram></BehaviorKeyframe></BehaviorLayer></Timeline></Box></ChoregrapheProject>
"""
ANIMATION = """<?xml version="1.0" encoding="utf-8"?>
<Animation typeVersion="2.0" xmlns:editor="http://www.aldebaran.com/animation/editor">
<ActuatorCurve fps="25" actuator="LShoulderPitch" mute="false" unit="degree">
<Key value="90" frame="0"/><Key value="-45" frame="50"/></ActuatorCurve>
<ActuatorCurve fps="25" actuator="RShoulderPitch" mute="false" unit="radian">
<Key value="1.5" frame="0"/></ActuatorCurve>
<ActuatorCurve fps="25" actuator="LHand" mute="false" unit="dimensionless">
<Key value="0.9" frame="5"/></ActuatorCurve>
</Animation>
"""


def file(folder, name, text):
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / name


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_simplified_export_is_read_whatever_ends_its_lines(tmp_path, end):
    """It is no Python 3: ``except BaseException, err`` is what most exports hold."""
    path = file(tmp_path, "a.py", SIMPLIFIED.replace("\n", end))
    keys = read_joint_file(path)
    np.testing.assert_array_equal(keys.joints["HeadPitch"].times_s, [0.4, 1.2])
    np.testing.assert_array_equal(keys.joints["HeadPitch"].angles, [-0.25, 0.1])
    head = keys.joints["HeadPitch"].at(np.array([0.0, 0.2, 0.4, 0.8, 1.2, 9.0]), 0.25)
    np.testing.assert_allclose(head, [0.25, 0.0, -0.25, -0.075, 0.1, 0.1])
    np.testing.assert_array_equal(keys.joints["LHand"].angles, [0.75])


def test_an_export_on_one_line_is_read(tmp_path):
    path = file(tmp_path, "a.py", SIMPLIFIED.replace("  # one key alone", "").replace("\n", " "))
    assert set(read_joint_file(path).joints) == {"HeadPitch", "LHand"}


def test_bezier_handles_bend_the_curve(tmp_path):
    """Against the cubic's definition, at the moment where its parameter is one half."""
    keys = read_joint_file(file(tmp_path, "a.py", BEZIER)).joints["RElbowRoll"]
    assert keys.at(np.array([0.0]), 0.0)[0] == pytest.approx(0.5, abs=EXACT_RAD)
    half_time = 1.0 + (0 + 3 * 0.5 + 3 * 1.0 + 1.5) / 8
    half_angle = (1.0 + 3 * 1.15 + 3 * 0.2 + 0.2) / 8
    assert keys.at(np.array([half_time]), 0.0)[0] == pytest.approx(half_angle, abs=EXACT_RAD)
    straight = 1.0 - 0.8 * (half_time - 1.0) / 1.5
    assert abs(half_angle - straight) > 0.05


def test_of_several_motions_one_is_chosen(tmp_path):
    path = file(
        tmp_path,
        "a.py",
        SIMPLIFIED
        + BEZIER
        + SIMPLIFIED.replace("names", "names2").replace("times", "times2").replace("keys", "keys2"),
    )
    with pytest.raises(DataError, match="holds 3 motions"):
        read_joint_file(path)
    assert set(read_joint_file(path, clip="2").joints) == {"RElbowRoll"}
    assert set(read_joint_file(path, clip="3").joints) == {"HeadPitch", "LHand"}
    with pytest.raises(DataError, match="--clip 7"):
        read_joint_file(path, clip="7")


def test_a_timeline_is_in_degrees_and_frames(tmp_path):
    path = file(tmp_path, "behaviour.xar", TIMELINE)
    with pytest.raises(DataError, match="1 'Wave', 2 'Bow'"):
        read_joint_file(path)
    wave = read_joint_file(path, clip="Wave")
    np.testing.assert_allclose(wave.joints["HeadYaw"].times_s, [0.4, 1.4])
    np.testing.assert_allclose(np.degrees(wave.joints["HeadYaw"].angles), [-30.0, 60.0])
    middle = wave.joints["HeadYaw"].at(np.array([0.9]), 0.0)
    assert math.degrees(middle[0]) == pytest.approx(15.0)  # linear, whatever the tangent's length
    assert wave.joints["LHand"].angles[0] == 0.5
    assert "RHand is muted and left out" in wave.remarks
    assert "RHand" not in wave.joints
    bow = read_joint_file(path, clip="2").joints["HeadPitch"]
    np.testing.assert_allclose(bow.times_s, [1.0, 2.5])
    np.testing.assert_allclose(bow.after[0], [0.5, math.radians(-10.0)])
    assert math.degrees(bow.at(np.array([1.75]), 0.0)[0]) == pytest.approx((20 + 30 + 30) / 8)


def test_an_animation_names_its_units(tmp_path):
    keys = read_joint_file(file(tmp_path, "a.qianim", ANIMATION)).joints
    np.testing.assert_allclose(np.degrees(keys["LShoulderPitch"].angles), [90.0, -45.0])
    assert keys["RShoulderPitch"].angles[0] == 1.5
    assert keys["LHand"].times_s[0] == 0.2


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_says_its_units_in_its_head(tmp_path, separator):
    rows = [
        ["time_ms", "HeadYaw", "HeadPitch_deg", "LElbowYaw [deg]", "RElbowYaw (rad)", "LHand"],
        ["1000", "0.1", "10", "-20", "1", "0"],
        ["1500", "0.2", "", "20", "1", "1"],
        ["", "", "", "", "", ""],
        ["2000", "0.3", "30", "20", "1", "1"],
    ]
    path = file(tmp_path, "a.csv", "\n".join(separator.join(row) for row in rows))
    keys = read_joint_file(path).joints
    np.testing.assert_allclose(keys["HeadYaw"].times_s, [0.0, 0.5, 1.0])
    np.testing.assert_allclose(keys["HeadPitch"].times_s, [0.0, 1.0])  # an empty cell is no key
    np.testing.assert_allclose(np.degrees(keys["HeadPitch"].angles), [10.0, 30.0])
    np.testing.assert_allclose(np.degrees(keys["LElbowYaw"].angles), [-20.0, 20.0, 20.0])
    np.testing.assert_allclose(keys["RElbowYaw"].angles, 1.0)


def test_a_table_without_times_needs_a_rate(tmp_path):
    path = file(tmp_path, "a.csv", "HeadYaw\n0\n0.5\n")
    with pytest.raises(DataError, match="--fps"):
        read_joint_file(path)
    np.testing.assert_allclose(
        read_joint_file(path, frame_rate_hz=4.0).joints["HeadYaw"].times_s, [0.0, 0.25]
    )


BOMB = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">
<!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>
<Animation>&lol2;</Animation>"""
REACHING = '<!DOCTYPE a SYSTEM "file:///etc/passwd"><Animation/>'
DEEP = "<a>" * 3000 + "</a>" * 3000
KEY = ANIMATION.replace('value="-45" frame="50"', "{}")
BAD = {
    "calls.py": (SIMPLIFIED.replace("[-0.25, 0.1]", "[__import__('os').getpid(), 0.1]"), "not run"),
    "sums.py": (SIMPLIFIED.replace("0.75", "43 * 3.14 / 180"), "line 13"),
    "relative.py": (SIMPLIFIED.replace("True", "False"), "relative"),
    "counts.py": (SIMPLIFIED.replace("[0.4, 1.2]", "[0.4]"), "1 times and 2 keys"),
    "lists.py": (SIMPLIFIED.replace("keys.append([0.75])", ""), "1 of keys"),
    "falling.py": (SIMPLIFIED.replace("[0.4, 1.2]", "[0.4, 0.3]"), "rise"),
    "twice.py": (SIMPLIFIED.replace('"LHand"', '"HeadPitch"'), "twice"),
    "degrees.py": (SIMPLIFIED.replace("-0.25", "-25.0"), "radians"),
    "percent.py": (SIMPLIFIED.replace("0.75", "75"), "fraction"),
    "huge.py": (SIMPLIFIED.replace("-0.25", "1e999"), "no number"),
    "hours.py": (SIMPLIFIED.replace("1.2]", "120000]"), "in seconds"),
    "other.py": ("print('hello')\n", "not a Choregraphe export"),
    "open.py": (SIMPLIFIED.split("0.1])")[0], "line 9"),
    "nested.py": (SIMPLIFIED.replace("0.75", "[" * 5000), "lists in lists"),
    "key.py": (BEZIER.replace("[3, 0.5, 0.15]", "[3, 0.5]"), "a key of RElbowRoll"),
    "noise.py": (np.random.default_rng(0).bytes(4000), "not a Choregraphe export"),
    "bomb.qianim": (BOMB, "DOCTYPE"),
    "reaching.xar": (REACHING, "DOCTYPE"),
    "deep.xar": (DEEP, "deep"),
    "cut.xar": (TIMELINE[:900], "not XML"),
    "noise.xar": (np.random.default_rng(0).bytes(4000), "not XML"),
    "none.xar": ("<ChoregrapheProject/>", "no ActuatorCurve"),
    "words.qianim": (KEY.format('value="up" frame="50"'), "no number"),
    "nan.qianim": (KEY.format('value="nan" frame="50"'), "NaN"),
    "frameless.qianim": (KEY.format('value="1"'), "no number"),
    "unit.qianim": (ANIMATION.replace('"degree"', '"furlong"'), "furlong"),
    "fps.qianim": (ANIMATION.replace('fps="25"', 'fps="0"', 1), "frames a second"),
    "cells.csv": ("time_s,HeadYaw\n0,0\n1\n", "line 3 has 1 columns"),
    "nan.csv": ("time_s,HeadYaw\n0,nan\n1,0\n", "line 2"),
    "words.csv": ("time_s,HeadYaw\n0,up\n", "line 2"),
    "head.csv": ("0,0\n1,1\n", "line 1"),
    "degrees.csv": ("time_s,HeadYaw\n0,0\n1,80\n", "HeadYaw_deg"),
    "double.csv": ("time_s,HeadYaw,HeadYaw_deg\n0,0,0\n", "twice"),
    "times.csv": ("time_s\n0\n1\n", "no joints"),
    "noise.csv": (np.random.default_rng(0).bytes(4000), "not a table"),
    "cut.json": ('{"joint_names": ["HeadYaw"], "times_s": [0, 1', "not JSON"),
    "less.json": ('{"joint_names": ["HeadYaw"], "times_s": [0, 1]}', "expected an object"),
    "fit.json": (
        '{"joint_names": ["HeadYaw"], "times_s": [0, 1], "positions_rad": [[0]]}',
        "fit together",
    ),
    "newer.json": (
        '{"joint_names": [], "times_s": [], "positions_rad": [], "format_version": 9}',
        "version 9",
    ),
    "nan.json": (
        '{"joint_names": ["HeadYaw"], "times_s": [0, 1], "positions_rad": [[0], [NaN]]}',
        "not finite",
    ),
    "deep.json": ('{"joint_names": ' + "[" * 100_000, "not JSON"),
    "empty.py": ("", "empty"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_clear_line(tmp_path, name):
    content, word = BAD[name]
    path = file(tmp_path, name, content)
    assert is_joint_file(path)
    with pytest.raises(DataError) as caught:
        read_joint_file(path)
    said = str(caught.value)
    assert word in said
    assert name in said
    assert "\n" not in said
    assert caught.value.exit_code == 3


def test_a_script_is_never_run(tmp_path):
    """With and without: the file that would be made by running it is not there."""
    mark = tmp_path / "ran"
    evil = f"open({str(mark)!r}, 'w').close()\n" + SIMPLIFIED
    assert read_joint_file(file(tmp_path, "a.py", evil)).joints
    assert not mark.exists()


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_is_read_or_refused_and_nothing_else(tmp_path_factory, data):
    name, text = data.draw(
        st.sampled_from([
            ("a.py", SIMPLIFIED),
            ("b.py", BEZIER),
            ("a.xar", TIMELINE),
            ("a.qianim", ANIMATION),
            ("a.csv", "time_s,HeadYaw,LHand\n0,0.1,0\n0.5,0.2,1\n"),
            (
                "a.json",
                '{"joint_names": ["HeadYaw"], "times_s": [0, 1], "positions_rad": [[0],[1]]}',
            ),
        ])
    )
    raw = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw) - 1))
        if data.draw(st.booleans()):
            raw[at] = data.draw(st.integers(0, 255))
        else:
            del raw[at : at + data.draw(st.integers(1, 40))]
        if not raw:
            raw = bytearray(b" ")
    path = file(tmp_path_factory.mktemp("damaged"), name, bytes(raw))
    try:
        keys = read_joint_file(path)
    except RobodanceError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    assert all(np.isfinite(curve.angles).all() for curve in keys.joints.values())
