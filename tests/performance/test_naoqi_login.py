"""Login over an encrypted wire: two real qi sessions, the door of the virtual NAO between them."""

import contextlib
import fcntl
import os
import subprocess
import sys
import termios

import pytest
from hand_made_plans import arm_dance
from naoqi_process import dance, excused, linked, virtual_nao

from robodance.errors import PerformanceAborted, RobotError, UsageError
from robodance.performance.backends.naoqi_link import PASSWORD, Link, parse_address
from robodance.robots.model import load_robot
from robodance.virtual_nao.door import Door
from robodance.virtual_nao.settings import VirtualNaoSettings

SECRET = "s3cret wörd"
UNREACHABLE = RobotError.exit_code


@pytest.fixture(scope="module")
def url():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PASSWORD, SECRET)
        door = ["--tls", "--login", "--user", "gina"]
        with virtual_nao(*door, "--version", "2.5", "--life", "disabled") as address:
            yield address


@pytest.fixture
def say(monkeypatch):
    """Put a password into the environment, or none."""

    def said(password):
        if password is None:
            monkeypatch.delenv(PASSWORD, raising=False)
        else:
            monkeypatch.setenv(PASSWORD, password)

    return said


def link_to(url, user="gina"):
    return Link(parse_address(url), 10.0, user)


def command(url, *more):
    return [
        *(sys.executable, "-m", "robodance", "calibrate", "latency", "--robot", url),
        *("--set", "naoqi.user=gina", "--seconds", "2", "--tries", "1", *more),
    ]


def test_who_knows_name_and_password_is_let_in_and_stays_on_the_encrypted_wire(url, say):
    say(SECRET)
    assert url.startswith("tcps://")
    link = link_to(url)
    link.connect()
    assert link.call("ALMotion", "getMotionCycleTime") == 20
    services = link._session.services()
    ends = {end for each in services for end in each["endpoints"] if end.startswith("tcp")}
    assert ends == {url}
    link.close()


@pytest.mark.parametrize(
    ("user", "password", "advice"),
    [
        ("gina", "wrong", r"is the password of gina right"),
        ("gina", SECRET + "x", r"is the password of gina right"),
        ("nao", SECRET, r"is the password of nao right"),
        ("gina", None, rf"needs {PASSWORD}"),
    ],
)
def test_who_does_not_is_told_so_in_one_line(url, say, user, password, advice):
    say(password)
    with pytest.raises(
        RobotError, match=rf"cannot be reached \(disconnected\): .*{advice}"
    ) as told:
        link_to(url, user).connect()
    assert "\n" not in str(told.value)
    assert SECRET not in str(told.value)


def test_a_plain_wire_does_not_reach_an_encrypted_robot(url, say):
    say(SECRET)
    with pytest.raises(RobotError, match=r"does it speak tcps://"):
        link_to(url.replace("tcps", "tcp")).connect()


def test_an_encrypted_wire_does_not_reach_a_plain_robot(say):
    say(SECRET)
    with virtual_nao() as plain:
        assert plain.startswith("tcp://")
        with pytest.raises(RobotError, match=r"does not speak tcps"):
            link_to(plain.replace("tcp", "tcps")).connect()


@pytest.mark.parametrize("right", [True, False])
def test_the_password_is_nowhere_in_what_is_said(url, right):
    """Even with everything logged that can be."""
    secret = SECRET if right else "another-word"
    done = subprocess.run(
        command(url, "-v"), capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, PASSWORD: secret, "QI_LOG_LEVEL": "6"}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == (0 if right else UNREACHABLE), done.stderr
    assert secret not in done.stdout + done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("robodance: ")]
    assert len(said) == (0 if right else 1)


def test_a_password_is_asked_for_and_not_shown(url):
    leader, follower = os.openpty()
    process = subprocess.Popen(
        command(url), stdin=follower, stdout=subprocess.PIPE, stderr=follower, text=True,
        env={k: v for k, v in os.environ.items() if k != PASSWORD}, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(follower)
    seen = b""
    while b"Password of gina@127.0.0.1: " not in seen:
        seen += os.read(leader, 1000)
    os.write(leader, SECRET.encode() + b"\n")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Answers" in out
    with contextlib.suppress(OSError):  # the other end is gone
        seen += os.read(leader, 10_000)
    os.close(leader)
    assert SECRET.encode() not in seen


def test_an_encrypted_link_that_breaks_in_a_dance_is_found_again_with_its_login(url, say):
    """And on the NAOqi that has no 24 ms cycle yet, with a V5 for a body."""
    say(SECRET)
    robot = load_robot("nao_v5")
    broken, kept = [], []

    def stop():
        if not broken:
            with linked(url, "gina") as link:
                broken.append(link.send("RobodanceFaults", "happen", "drop", "0.3").wait(100))

    lost = pytest.raises(PerformanceAborted, match=r"connection to tcps://\S+ is gone")
    with excused(url, "gina"), lost:
        dance(
            url, arm_dance(robot, 6.0), robot, user="gina", stop=stop, keep=kept.append,
            reconnect_s=15.0,
        )  # fmt: skip
    assert kept[0].metadata["naoqi"].startswith("2.5")
    assert kept[0].metadata["at_rest"]
    with linked(url, "gina") as link:
        assert not link.call("ALMotion", "robotIsWakeUp")


def test_a_login_without_a_password_is_refused_and_none_is_kept_in_sight(say, capsys):
    from robodance.cli import main

    say(None)
    assert main(["virtual-nao", "--login"]) == UsageError.exit_code
    assert PASSWORD in capsys.readouterr().err
    assert SECRET not in repr(VirtualNaoSettings(password=SECRET)) + repr(Door("a", SECRET))
