"""The command line: instant help, one object on stdout, documented exit codes."""

import json
import resource
import subprocess
import sys

import pytest

from robodance import cli
from robodance.cli import main
from robodance.commands.perform import what_to_perform
from robodance.config import PerformConfig, load_config
from robodance.errors import ConfigError

HEAVY = ("torch", "librosa", "scipy", "pybullet", "numpy", "numba", "av", "rich", "qi")
HELP_CPU_S = 0.100  # promised; bare Python alone takes about 0.02


def imported_by(*arguments):
    """Return the top-level modules that a command imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "robodance", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    names = (line.rpartition("|")[2].strip() for line in done.stderr.splitlines())
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize(
    "arguments", [("--help",), ("perform", "--help"), ("--version",), ("perform", "--nonsense")]
)
def test_help_imports_nothing_heavy(arguments):
    assert imported_by(*arguments).isdisjoint(HEAVY)


def test_the_import_probe_sees_a_heavy_import():
    assert "numpy" in imported_by("perform", "nothing.wav", "--sim")


def test_help_answers_within_a_tenth_of_a_second_of_cpu():
    def cpu_of_help():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "robodance", "--help"], capture_output=True, check=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(cpu_of_help() for _ in range(7)) < HELP_CPU_S


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["perform"], "give one song"),
        (["perform", "a.wav", "--demo"], "give one song"),
        (["perform", "a.wav"], "say where to perform"),
        (["perform", "a.wav", "--dry-run", "--record"], "--record films a performance"),
        (["perform", "--demo", "polka", "--sim"], "no such demo song; there are cha-cha, rumba"),
        (["perform", "a.wav", "--sim", "--genre", "polka"], "genre must be one of"),
        (["perform", "a.wav", "--sim", "--bpm", "1000"], "bpm must lie in"),
        (["perform", "a.wav", "--sim", "--set", "motion.speed=3"], "unknown key 'speed'"),
        (["perform", "a.wav", "--sim", "--set", "motion"], "expected KEY=VALUE"),
        (["perform", "a.wav", "--sim", "--slow-motion", "20"], "slow_motion must lie in"),
        (["perform", "a.wav", "--sim", "--config", "none.yaml"], "none.yaml: cannot be read"),
        (["perform", "--show", "none.yaml"], "none.yaml: cannot be read"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("robodance: ")
    assert message in err
    assert list(tmp_path.iterdir()) == []


def settings_of(*arguments):
    """The settings that a command line of ``perform`` ends up with."""
    options = cli._parser().parse_args(["perform", *arguments])
    return what_to_perform(options)[1]


@pytest.fixture
def slow_file(tmp_path):
    """A configuration file that differs from the defaults wherever a show can speak."""
    file = tmp_path / "mine.yaml"
    file.write_text(
        "seed: 5\nrobot: nao_v5\naudio: {genre: waltz}\n"
        "motion: {tempo: slow, slow_motion: 3.0, lead_in_s: 4.0}\n"
    )
    return str(file)


def show_file(tmp_path, text=""):
    file = tmp_path / "show.yaml"
    file.write_text(f"song: song.wav\n{text}")
    return str(file)


def test_a_show_that_says_nothing_keeps_what_the_configuration_says(tmp_path, slow_file):
    alone = load_config(slow_file)
    assert settings_of("--config", slow_file, "--show", show_file(tmp_path)) == alone
    assert settings_of("--show", show_file(tmp_path)) == PerformConfig()


def test_a_show_wins_over_the_configuration_and_flags_win_over_both(tmp_path, slow_file):
    show = show_file(tmp_path, "seed: 6\nrobot: nao_v6\ngenre: tango\nslow_motion: 2\n")
    shown = settings_of("--config", slow_file, "--show", show)
    assert (shown.seed, shown.robot, shown.audio.genre) == (6, "nao_v6", "tango")
    assert (shown.motion.tempo, shown.motion.slow_motion) == ("slow", 2.0)
    assert shown.motion.lead_in_s == 4.0  # a show cannot speak of it

    flags = ("--seed", "7", "--robot-model", "nao_v5", "--genre", "rumba", "--slow-motion", "1.5")
    flagged = settings_of("--config", slow_file, "--show", show, *flags)
    assert (flagged.seed, flagged.robot, flagged.audio.genre) == (7, "nao_v5", "rumba")
    assert flagged.motion.slow_motion == 1.5
    assert settings_of("--show", show, "--seed", "7", "--set", "seed=8").seed == 8


@pytest.mark.parametrize("who", ["show", "flag"])
def test_keeping_the_tempo_takes_back_slow_motion(tmp_path, slow_file, who):
    show = show_file(tmp_path, "tempo: keep\n" if who == "show" else "")
    flags = ("--tempo", "keep") if who == "flag" else ()
    motion = settings_of("--config", slow_file, "--show", show, *flags).motion
    assert (motion.tempo, motion.slow_motion) == ("keep", 1.0)
    with pytest.raises(ConfigError, match="slow_motion needs tempo: slow"):
        settings_of("--show", show, "--tempo", "keep", "--slow-motion", "2")


def test_an_error_with_json_is_one_object_alone_on_stdout(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["perform", "missing.wav", "--sim", "--json"]) == 3
    answer = json.loads(capsys.readouterr().out)
    assert answer["exit_code"] == 3
    assert "missing.wav" in answer["error"]


@pytest.mark.parametrize("quick", [True, False])
def test_doctor_finds_this_installation_in_order(capsys, quick):
    assert main(["doctor", "--json", *(["--quick"] if quick else [])]) == 0
    findings = {f["name"]: f for f in json.loads(capsys.readouterr().out)["findings"]}
    assert findings["torch"]["found"]
    assert all(f["found"] for f in findings.values() if f["needed"])
    assert sum(name.startswith("weights") for name in findings) >= 4


def renderer_finding(capsys, *arguments):
    assert main(["doctor", "--json", *arguments]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    (finding,) = [finding for finding in findings if finding["name"] == "film renderer"]
    return finding


def test_doctor_says_what_really_draws_films_here(capsys, tmp_path, monkeypatch):
    from robodance.performance.rendering import renderer_starts

    finding = renderer_finding(capsys)
    assert finding["found"] == renderer_starts("egl")
    assert f"drawn by {'egl' if finding['found'] else 'tiny'}" in finding["detail"]

    monkeypatch.setenv("LIBGL_DRIVERS_PATH", str(tmp_path))  # no driver can be found there
    monkeypatch.setenv("__EGL_VENDOR_LIBRARY_DIRS", str(tmp_path))
    without = renderer_finding(capsys)
    assert not without["found"]
    assert "drawn by tiny" in without["detail"]
    assert "apt-get install libegl1" in without["mend"]
    assert "not tried" in renderer_finding(capsys, "--quick")["detail"]


def test_doctor_names_the_line_that_mends_a_missing_package(monkeypatch, capsys):
    from robodance import doctor

    monkeypatch.setitem(doctor.PACKAGES, "no-such-package", ("no_such_package", "nothing"))
    assert main(["doctor", "--quick"]) == 4
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if "no-such-package" in line]
    assert line.startswith("MISSING")
    assert "-m pip install" in line


def test_doctor_quick_imports_nothing_heavy():
    assert imported_by("doctor", "--quick").isdisjoint(HEAVY)
