"""A plan is tried in simulation, under disturbances too, and calmed where it fails."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hand_made_plans import make_plan, standing_plan

from robodance.config import SimulationConfig, VerificationConfig
from robodance.errors import ConfigError
from robodance.motion.footsteps import LEAST_SHARE
from robodance.performance.disturbances import DISTURBANCES, FIXED
from robodance.performance.trial import run_trial
from robodance.performance.trials import Trials, verify_plan
from robodance.performance.verify import verify_and_attenuate
from robodance.robots.model import load_robot
from robodance.values import Plan

NAO = load_robot("nao_v6")
SIMULATION = SimulationConfig()
KNOT_RATE_HZ = 25.0
BOW_S, SECONDS = 3.5, 5.0
DEEPEST_RAD = 0.6


@dataclasses.dataclass(frozen=True)
class Bow:
    """A stand that throws its trunk forward and back, as far as it is allowed to."""

    share: np.ndarray
    moments_s: tuple[float, ...] = (BOW_S,)
    seconds: float = SECONDS
    deepest_rad: float = DEEPEST_RAD

    @property
    def plan(self) -> Plan:
        knots = np.arange(len(self.share)) / KNOT_RATE_HZ
        times = np.arange(round(self.seconds * 100) + 1) / 100.0
        bows = [np.exp(-0.5 * ((times - moment) / 0.12) ** 2) for moment in self.moments_s]
        bow = np.sum(bows, axis=0) * np.interp(times, knots, self.share)
        positions = np.tile(NAO.posture("StandInit"), (len(times), 1))
        for side in "LR":
            positions[:, NAO.index(f"{side}HipPitch")] -= self.deepest_rad * bow
        plan = make_plan(NAO, positions)
        poses = np.array(plan.torso_pose)
        pitch = 2.0 * np.arcsin(poses[:, 4]) + self.deepest_rad * bow
        poses[:, 4], poses[:, 6] = np.sin(pitch / 2.0), np.cos(pitch / 2.0)
        return dataclasses.replace(plan, torso_pose=poses)

    def again(self, share: np.ndarray) -> Bow:
        return dataclasses.replace(self, share=share)


class Stubborn(Bow):
    """A dancer who does the same however little is asked for."""

    def again(self, share: np.ndarray) -> Bow:
        return self


@dataclasses.dataclass(frozen=True)
class Tireless(Stubborn):
    """One who remembers how little was asked for."""

    asked: list[np.ndarray] = dataclasses.field(default_factory=list)

    def again(self, share: np.ndarray) -> Bow:
        self.asked.append(share)
        return self


def boldest():
    return Bow(np.ones(round(SECONDS * KNOT_RATE_HZ) + 1))


def in_the_middle(kind):
    """Return a dance of more than one phrase, which throws its trunk in the second."""
    moment_s, seconds = 8.5, 14.0
    return kind(np.ones(round(seconds * KNOT_RATE_HZ) + 1), (moment_s,), seconds)


def test_there_are_eight_fixed_disturbances_and_each_differs_from_the_model():
    assert len(FIXED) == 8
    assert all(what != DISTURBANCES["nominal"] for what in FIXED.values())


def differences(name):
    """Return the fields of a disturbance that are not as in the model."""
    calm = dataclasses.asdict(DISTURBANCES["nominal"])
    return set(dataclasses.asdict(DISTURBANCES[name]).items()) - set(calm.items())


def test_what_differs_from_the_model_in_any_disturbance_does_so_in_a_fixed_one():
    for name in set(DISTURBANCES) - {"lighter"}:
        assert any(differences(name) <= differences(fixed) for fixed in FIXED), name


def test_under_everything_at_once_a_trunk_may_lean_more_but_not_fall():
    calm = Bow(0.3 * boldest().share)

    def passes(**bounds):
        config = VerificationConfig(disturbances="together", rounds=1, **bounds)
        found = verify_and_attenuate(calm, "nao_v6", SIMULATION, config, KNOT_RATE_HZ)
        return found.passed, {t.disturbance: np.degrees(t.tilt_rad) for t in found.trials}

    allowed, tilts = passes(disturbed_tilt_deg=0.1)
    assert 1.0 < tilts["together"] < 12.0
    assert allowed
    assert not passes(together_tilt_deg=1.0)[0]


def test_trials_run_beside_each_other_and_come_out_as_they_do_alone():
    plan = standing_plan(NAO, "StandInit", 2.0)
    trials = verify_plan(plan, "nao_v6", SIMULATION, {"nominal": 0.05, "tilt": 0.1})
    assert [trial.disturbance for trial in trials] == ["nominal", "tilt"]
    alone = run_trial(plan, "nao_v6", SIMULATION, "tilt", 0.1)
    assert trials[1] == alone
    assert trials[0].failures_s == alone.failures_s == ()
    assert trials[0].tilt_rad < alone.tilt_rad


@pytest.mark.parametrize(
    ("name", "stronger"),
    [
        ("torque_share", {"torque_share": 0.05}),
        ("push_ns", {"push_ns": 8.0}),
        ("floor_tilt_rad", {"floor_tilt_rad": 0.5}),
        ("com_error_m", {"com_error_m": 0.15}),
    ],
)
def test_what_disturbs_a_little_fells_the_robot_when_it_is_large(monkeypatch, name, stronger):
    plan = standing_plan(NAO, "StandInit", 4.5)
    monkeypatch.setitem(
        DISTURBANCES, "much", dataclasses.replace(DISTURBANCES["nominal"], **stronger)
    )
    assert run_trial(plan, "nao_v6", SIMULATION, "much", 0.1).fell_s is not None


def test_a_late_robot_is_not_said_to_lean():
    # Bowing by 0.1 rad in a tenth of a second, 80 ms late, is up to 4 degrees off the plan.
    calm = Bow(0.17 * boldest().share)
    late = run_trial(calm.plan, "nao_v6", SIMULATION, "lag", 0.1)
    assert late.fell_s is None
    assert np.degrees(late.tilt_rad) < 2.0


def test_with_verification_the_robot_stands_and_without_it_falls():
    bold = boldest()
    fallen = run_trial(bold.plan, "nao_v6", SIMULATION, "nominal", 0.1)
    assert fallen.fell_s is not None
    config = VerificationConfig(
        disturbances="torque", nominal_tilt_deg=20.0, disturbed_tilt_deg=20.0
    )
    found = verify_and_attenuate(bold, "nao_v6", SIMULATION, config, KNOT_RATE_HZ)
    assert found.passed
    assert found.rounds > 1
    assert found.made.share.min() < 1.0
    assert found.made.share[0] == 1.0  # the beginning is far from the failure
    assert any("falls" in word or "leans" in word for word in found.warnings())
    assert json.loads(json.dumps(found.metadata()))["passed"]


def test_two_failures_are_calmed_one_after_the_other_and_nothing_else_is():
    moments, seconds = (3.5, 13.0), 15.0
    bold = Bow(np.ones(round(seconds * KNOT_RATE_HZ) + 1), moments, seconds)
    config = VerificationConfig(disturbances="torque", nominal_tilt_deg=9.0, disturbed_tilt_deg=9.0)
    found = verify_and_attenuate(bold, "nao_v6", SIMULATION, config, KNOT_RATE_HZ)
    assert found.passed
    assert found.rounds == 2 * len(moments) + 1  # seven tenths are too much, half is enough at each
    for moment, reduction in zip(moments, found.reductions, strict=True):
        assert reduction.start_s < moment < reduction.end_s
        assert reduction.share == 0.5
        assert reduction.end_s - reduction.start_s < 5.0
        assert "at " in reduction.reason
    whole = [
        run_trial(found.made.plan, "nao_v6", SIMULATION, t.disturbance, 0.2) for t in found.trials
    ]
    assert [trial.tilt_rad for trial in whole] == [trial.tilt_rad for trial in found.trials]


def test_what_made_it_fail_is_tried_before_all_else(monkeypatch):
    asked = []
    go = Trials.go

    def noted(self, leg, first=()):
        told = go(self, leg, first)
        asked.append((sorted(first), [trial.disturbance for trial in told]))
        return told

    monkeypatch.setattr(Trials, "go", noted)
    bow = dataclasses.replace(boldest(), deepest_rad=0.25)  # undisturbed, it stands
    config = VerificationConfig(disturbances="tilt", nominal_tilt_deg=9.0, disturbed_tilt_deg=1.0)
    found = verify_and_attenuate(bow, "nao_v6", SIMULATION, config, KNOT_RATE_HZ)
    assert found.passed
    everything = ["nominal", "tilt"]
    assert asked[0] == ([], everything)
    assert asked[-1] == (["tilt"], everything)  # the rest is tried once it stands


def test_what_cannot_be_calmed_ends_and_says_so():
    stubborn = in_the_middle(Stubborn)
    config = VerificationConfig(disturbances="torque", rounds=3)
    found = verify_and_attenuate(stubborn, "nao_v6", SIMULATION, config, KNOT_RATE_HZ)
    assert not found.passed
    assert found.rounds == 3
    assert all(trial.fell_s is not None for trial in found.trials)
    said = [word for word in found.warnings() if "does not pass" in word]
    assert len(said) == 2
    assert "under torque" in said[1]
    assert found.reductions[0].share == 0.0  # all of it was given up in the end
    assert found.reductions[-1].end_s == pytest.approx(stubborn.seconds)


def test_a_phrase_ends_as_upper_body_before_the_dance_loses_its_steps_and_stands_still():
    tireless = in_the_middle(Tireless)
    config = VerificationConfig(disturbances="torque", rounds=4)
    verify_and_attenuate(tireless, "nao_v6", SIMULATION, config, KNOT_RATE_HZ)
    phrase, stepless, nothing = tireless.asked
    assert phrase[0] == phrase[-1] == 1.0  # far from the failure
    assert phrase[round(tireless.moments_s[0] * KNOT_RATE_HZ)] == 0.0
    assert LEAST_SHARE > stepless.max() > 0.4
    assert not nothing.any()


def test_less_is_asked_for_then_half_then_no_steps_then_nothing():
    tireless = Tireless(boldest().share)
    config = VerificationConfig(disturbances="torque", rounds=7)
    verify_and_attenuate(tireless, "nao_v6", SIMULATION, config, KNOT_RATE_HZ)
    shares = [share[round(BOW_S * KNOT_RATE_HZ)] for share in tireless.asked[:4]]
    assert shares == pytest.approx([0.7, 0.5, 0.45, 0.0])
    _gentle, half, less, _none = shares
    assert less < LEAST_SHARE <= half  # smaller shares of a step are no step


def test_every_disturbance_can_be_asked_for_beside_the_eight():
    calm = Bow(np.zeros(round(KNOT_RATE_HZ) + 1), seconds=1.0)
    config = VerificationConfig(disturbances="all, heavier,lighter")
    found = verify_and_attenuate(calm, "nao_v6", SIMULATION, config, KNOT_RATE_HZ)
    assert [trial.disturbance for trial in found.trials] == [
        "nominal",
        *FIXED,
        "heavier",
        "lighter",
    ]


def test_a_plan_that_stands_is_left_as_it_is():
    calm = Bow(np.zeros_like(boldest().share))
    config = VerificationConfig(disturbances="friction")
    found = verify_and_attenuate(calm, "nao_v6", SIMULATION, config, KNOT_RATE_HZ)
    assert found.made is calm
    assert (found.rounds, found.reductions, found.warnings()) == (1, (), ())


def test_an_unknown_disturbance_is_an_error():
    config = VerificationConfig(disturbances="push")
    with pytest.raises(ConfigError, match=r"no 'push'; did you mean 'pushes'"):
        verify_and_attenuate(boldest(), "nao_v6", SIMULATION, config, KNOT_RATE_HZ)
