"""The command line: instant help, one object on stdout, documented exit codes."""

import json
import resource
import subprocess
import sys

import pytest

from robodance.cli import main

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
