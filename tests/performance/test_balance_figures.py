"""The figures of the balance benchmark are right where the answer is known."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
from hand_made_plans import standing_plan
from scipy.stats import binom

from robodance.config import SimulationConfig
from robodance.performance.conductor import conduct
from robodance.performance.disturbances import Disturbance, DisturbedSimulation
from robodance.robots.model import load_robot
from robodance.skeleton import INDEX

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

import balance_figures as figures
import balance_passages as passages
import balance_tables
from balance_trials import trial_kinds

NAO = load_robot("nao_v6")


@pytest.mark.parametrize(("falls", "trials"), [(0, 40), (1, 40), (7, 200)])
def test_the_bound_is_the_fall_rate_at_which_so_few_falls_have_a_chance_of_one_in_forty(
    falls, trials
):
    bound = figures.fall_bound(falls, trials)
    assert binom.cdf(falls, trials, bound) == pytest.approx(0.025, rel=1e-6)


def test_bounds_at_the_ends():
    assert figures.fall_bound(0, 40) == pytest.approx(1.0 - 0.025 ** (1.0 / 40.0))
    assert figures.fall_bound(3, 3) == 1.0


def test_a_robot_that_copies_survives_whole_one_that_stands_not_and_one_with_half_by_three_quarters(
    rng,
):
    wanted = rng.normal(size=(500, 2, 3))
    assert figures.survived(wanted, wanted + 0.3) == pytest.approx(1.0)  # places do not count
    assert figures.survived(wanted, np.zeros_like(wanted)) == pytest.approx(0.0)
    assert figures.survived(wanted, 0.5 * wanted) == pytest.approx(0.75)
    assert figures.survived(wanted, -wanted) == pytest.approx(-3.0)


def test_feet_that_go_together_are_all_common_and_feet_that_part_are_not(rng):
    path = rng.normal(size=(300, 1, 3))
    assert figures.common_share(np.concatenate([path, path], axis=1)) == pytest.approx(1.0)
    assert figures.common_share(np.concatenate([path, -path], axis=1)) == pytest.approx(0.0)


def dancer(left_x, seconds=6.0):
    """Return joints (T, 21, 3) at 25 Hz whose left foot is moved along by a path."""
    moments = np.arange(round(seconds * 25)) / 25.0
    joints = np.zeros((len(moments), 21, 3))
    for side, y in (("left", 0.1), ("right", -0.1)):
        for part, z in (("hip", 0.9), ("knee", 0.5), ("ankle", 0.1), ("heel", 0.0), ("toe", 0.0)):
            joints[:, INDEX[f"{side}_{part}"]] = 0.0, y, z
    for part in ("ankle", "heel", "toe"):
        joints[:, INDEX[f"left_{part}"], 0] = left_x(moments)
    return joints


def test_a_foot_that_moves_quickly_and_stops_strikes_once_with_its_own_side():
    def path(moments):  # 0.4 m within 0.4 s, twice
        return 0.4 * np.clip((moments - 1.0) / 0.4, 0, 1) + 0.4 * np.clip((moments - 3) / 0.4, 0, 1)

    found = figures.strikes(dancer(path), start_s=10.0)
    assert [strike.side for strike in found] == ["left", "left"]
    np.testing.assert_allclose([s.time_s for s in found], [11.44, 13.44], atol=0.041)  # a frame
    slow = figures.strikes(dancer(lambda moments: 0.1 * moments))
    assert slow == []


def test_the_grid_has_beats_and_half_beats_and_goes_on_at_both_ends():
    grid = figures.beat_grid([2.0, 2.5, 3.1], 1.0, 4.0)
    for moment in (1.0, 1.25, 1.5, 2.0, 2.25, 2.5, 2.8, 3.1, 3.4, 3.7):
        assert np.abs(grid - moment).min() < 1e-9, moment
    assert grid[0] <= 1.0
    assert grid[-1] >= 4.0
    assert (np.diff(grid) > 0.0).all()


def test_a_touchdown_is_of_the_foot_that_did_not_carry():
    support = np.array([0, 0, 1, 1, 0, 2, 2, 1, 1, 0])
    times = np.arange(10) / 10.0
    found = [(down.side, down.time_s) for down in figures.touchdowns(support, times)]
    assert found == [("right", 0.4), ("left", 0.7), ("right", 0.9)]


def test_a_strike_is_shown_by_the_same_foot_near_its_beat_and_a_touchdown_counts_once():
    grid = np.arange(0.0, 10.0, 0.25)
    left = [figures.Strike("left", moment) for moment in (1.05, 2.1, 4.0)]  # beats 1, 2, 4
    shown = [figures.Strike("left", 1.079), figures.Strike("left", 2.09)]
    assert figures.matched(left, shown, grid) == 1
    assert figures.matched(left, [figures.Strike("right", 1.0)], grid) == 0
    twice = [figures.Strike("left", 3.95), figures.Strike("left", 4.05)]
    assert figures.matched(twice, [figures.Strike("left", 4.0)], grid) == 1


@pytest.mark.parametrize("seed", range(8))
def test_no_set_of_touchdowns_shows_more_strikes_than_the_most(seed):
    """All subsets of eight strikes, each with its touchdowns as early as they can be."""
    rng = np.random.default_rng(seed)
    grid = np.arange(0.0, 4.0, 0.25)
    moments = np.sort(rng.uniform(0.0, 3.0, size=8))
    dancer = [figures.Strike("left", float(moment)) for moment in moments]
    apart_s = float(rng.uniform(0.3, 0.7))
    best, shown = 0, []
    for number in range(2 ** len(dancer)):
        chosen = [strike for bit, strike in enumerate(dancer) if number >> bit & 1]
        landings = [-np.inf]
        for strike in chosen:
            aim = grid[np.abs(grid - strike.time_s).argmin()]
            landings.append(max(landings[-1] + apart_s, aim - figures.NEAR_BEAT_S))
        steps = [figures.Strike("left", moment) for moment in landings[1:]]
        if figures.matched(chosen, steps, grid) > best:
            best, shown = figures.matched(chosen, steps, grid), steps
    assert figures.most_shown(dancer, grid, apart_s) == best
    assert figures.matched(dancer, shown, grid) == best


def test_knees_that_bend_with_the_dancer_correlate_and_stiff_ones_do_not():
    plan = standing_plan(NAO, "StandInit", 4.0)
    moments = np.arange(100) / 25.0
    joints = dancer(lambda times: 0.0 * times, 4.0)
    bend = 0.4 + 0.3 * np.sin(2.0 * moments)
    for side in ("left", "right"):  # the shank turns back under a thigh that stays
        knee = joints[:, INDEX[f"{side}_knee"]]
        shank = 0.4 * np.stack([-np.sin(bend), 0.0 * bend, -np.cos(bend)], axis=1)
        joints[:, INDEX[f"{side}_ankle"]] = knee + shank
    np.testing.assert_allclose(figures.knee_bends(joints)[:, 0], bend)
    positions = np.array(plan.positions_rad)
    positions[:, NAO.index("LKneePitch")] += 0.2 * np.sin(2.0 * plan.times_s)
    bending = dataclasses.replace(plan, positions_rad=positions)
    found = figures.knee_correlations(NAO, bending, joints, moments)
    assert found[0] == pytest.approx(1.0)
    assert found[1] == 0.0


def test_spans_count_once_where_they_overlap_and_end_with_the_plan():
    assert figures.share_of_time([], 10.0) == 0.0
    assert figures.share_of_time([(1.0, 3.0), (2.0, 4.0), (9.0, 12.0)], 10.0) == pytest.approx(0.4)


def test_a_robot_that_stands_does_not_slip_and_one_on_ice_that_is_pushed_does():
    plan = standing_plan(NAO, "StandInit", 3.6)
    moved = []
    for what in (Disturbance(), Disturbance(friction=0.01, floor_tilt_rad=0.05)):
        with DisturbedSimulation(NAO, SimulationConfig(), what) as backend:
            log = conduct(plan, backend)
        moved.append(figures.slips(NAO, plan, log))
    assert len(moved[0]) == len(moved[1]) == 2  # one contact for each foot
    assert max(moved[0]) < 0.5e-3  # the solver's creep
    assert min(moved[1]) > 5e-3


def test_a_swinging_foot_is_no_slip_and_each_landing_begins_a_contact():
    plan = standing_plan(NAO, "StandInit", 3.0)
    lifted = (plan.times_s > 1.0) & (plan.times_s < 2.0)
    positions = np.array(plan.positions_rad)
    rise = 0.3 * np.sin(np.pi * np.clip(plan.times_s - 1.0, 0.0, 1.0))
    positions[:, NAO.index("LHipPitch")] -= rise
    positions[:, NAO.index("LKneePitch")] += 2.0 * rise
    positions[:, NAO.index("LAnklePitch")] -= rise
    stepping = dataclasses.replace(plan, support=np.where(lifted, 2, 0), positions_rad=positions)

    class Log:
        times_s, torso_pose, measured_rad = plan.times_s, plan.torso_pose, positions

    found = figures.slips(NAO, stepping, Log)
    assert len(found) == 3  # the right foot once, the left before and after
    assert max(found) < 1e-3


def test_the_forty_passages_are_stratified_and_every_one_is_another():
    assert len(passages.PASSAGES) == len({p.label for p in passages.PASSAGES}) == 40
    for count in (5, 10, 40):
        strata = [p.stratum for p in passages.chosen(count)]
        assert {strata.count(name) for name in set(strata)} == {count // 5}


def test_overlap_is_the_share_of_beats_in_units_that_are_danced_elsewhere_too():
    shared = passages.overlaps({"a": {"x": 6, "y": 2}, "b": {"x": 4}, "c": {}})
    assert shared == {"a": 0.75, "b": 1.0, "c": 0.0}


def test_seeds_are_only_spent_where_they_change_something():
    kinds = trial_kinds(["pybullet"], ["nominal", "pushes", "friction"], 5)
    assert len(kinds) == 1 + 5 + 1
    assert {kind.seed for kind in kinds if kind.disturbance == "pushes"} == {1, 2, 3, 4, 5}


def test_tables_count_only_trials_of_the_newest_plan_of_a_passage():
    shown = {
        "units": {}, "seconds": 60.0, "plan_seconds": 64.0, "planning_cpu_s": 2.0,
        "verification_cpu_s": 30.0, "rounds": 1, "passed": True, "reduced_share": 0.0,
        "upper_body_share": 0.0, "violations": {"velocity": 0}, "variance_survived": 0.25,
        "common_share": 0.3, "common_survived": 0.8, "knee_correlation": [0.1, 0.2],
        "strikes": 10, "steps": 0, "strikes_stepped": 4,
    }  # fmt: skip
    slip = {"slip_max_mm": 0.1, "slips_over_5_mm": 0, "contacts": 2}
    trial = {"tilt_deg": 1.0, "waited_s": 0.0, **slip}
    name = {"passage": "waltz/take/1@0"}
    plan = {"engine": None, "disturbance": None, "seed": None, **shown}
    done = {"engine": "pybullet", "disturbance": "nominal", "seed": 0, **trial}
    text = balance_tables.tables([
        {**name, "plan": "old", **plan},
        {**name, "plan": "old", **done, "fell_s": 3.0},
        {**name, "plan": "new", **plan},
        {**name, "plan": "new", **done, "fell_s": None},
        {**name, "plan": "new", **done, "disturbance": "together", "fell_s": 2.0, "waited_s": 0.3},
    ])
    assert "| nothing | 0 of 1 | 97.5 % | 1.0 deg |" in text
    assert "| pybullet | 0.1 mm | 0 of 2 | 0.00 s | 0.30 s |" in text
    assert "4 of 10 (40 %)" in text
    assert "| 6 s | 90 s |" in text


def test_two_plans_that_are_sent_stay_two(rng):
    distributed = pytest.importorskip("distributed", reason="the extra peers is not installed")
    from evaluate_balance import _sent

    plans = [{"times_s": rng.normal(size=3)} for _ in range(2)]
    with distributed.Client(processes=False, dashboard_address=":0") as client:
        sent = [_sent(client, plan) for plan in plans]
        back = [client.submit(dict, future, pure=False).result() for future in sent]
    for plan, one in zip(plans, back, strict=True):
        np.testing.assert_array_equal(one["times_s"], plan["times_s"])


def test_what_is_in_the_file_is_not_done_again_and_half_a_line_is(tmp_path):
    from evaluate_balance import Results

    passage, kinds = passages.PASSAGES[0], trial_kinds(["pybullet"], ["nominal", "pushes"], 2)
    first = Results(tmp_path)
    assert first.needs_plan(passage, "a")
    first.add(passage, "a", None, {"units": {}})
    first.add(passage, "a", kinds[0], {"fell_s": None})
    assert first.needs_plan(passage, "a")  # its figures are known, but it is not there
    first.plan_path("a").touch()
    with first.file.open("a", encoding="utf-8") as file:
        file.write('{"passage": ')
    second = Results(tmp_path)
    assert not second.needs_plan(passage, "a")
    assert second.missing(passage, "a", kinds) == list(kinds[1:])
    assert second.missing(passage, "b", kinds) == list(kinds)
    second.add(passage, "c", None, {"infeasible": "no"})
    assert not Results(tmp_path).needs_plan(passage, "c")
