"""The torso's program knows beforehand what its steps will do, and so is soon done."""

from dataclasses import replace
from itertools import cycle

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from robodance.config import MotionConfig
from robodance.motion import sway, sway_effects, sway_program
from robodance.motion.balance import upper_body_only
from robodance.motion.footsteps import Step
from robodance.motion.limits import joint_limits
from robodance.motion.spline import basis
from robodance.motion.support import stepping
from robodance.motion.sway_program import CLOSED, SwayProgram
from robodance.motion.sway_task import sway_task
from robodance.motion.terms import knot_values
from robodance.robots.legs import FeetPoses, knee_columns, leg_columns, legs_under
from robodance.robots.model import load_robot

ROBOT = load_robot("nao_v6")
CONFIG = MotionConfig(balance="full-body")
STEP_S, KNOTS = 0.04, 150
LEGS = list(leg_columns(ROBOT))
TIMES = STEP_S * np.arange(KNOTS)[:, None]


def asking(wanted, knees):
    """The program of a torso over feet that tread on the spot, for six seconds or for longer."""
    knots = len(wanted)
    times = STEP_S * np.arange(knots)[:, None]
    stand = upper_body_only(ROBOT, CONFIG.stand)
    feet = FeetPoses.standing(ROBOT, stand.posture_rad, stand.torso_pose)
    at = {side: feet.positions_m[side][0, :2] for side in ROBOT.feet}
    steps = tuple(
        Step(side, first, first + 14, at[side], 0.0, 0.02)
        for side, first in zip(cycle(("left", "right")), range(30, knots - 40, 30))
    )
    wanted = np.hstack([wanted, knees]) * np.clip(np.minimum(times, times[::-1]) - 0.4, 0.0, 1.0)
    upper = np.tile(stand.posture_rad, (knots + 2, 1))
    limits = joint_limits(ROBOT, CONFIG).scaled(CONFIG.limit_share)
    support = stepping(ROBOT, feet, steps, knots, STEP_S)
    return SwayProgram(sway_task(wanted, upper, support, stand, limits, CONFIG, np.ones(knots)))


def at_home(program):
    return program.state(np.zeros((len(program.task.home), 5)))


def solved(program):
    return sway._solved(program, at_home(program), sway.TRUST)


@pytest.fixture(scope="module")
def program():
    """A torso that is asked to sway and to lean, faster than motors and floor allow."""
    wanted = np.zeros((KNOTS, 5))
    wanted[:, [1]] = 0.05 * np.sin(2.0 * np.pi * TIMES / 1.0)
    wanted[:, [3]] = 0.2 * np.sin(2.0 * np.pi * TIMES / 0.8)
    return asking(wanted, np.zeros((KNOTS, 2)))


@pytest.fixture(scope="module")
def dancing(program):
    """Where the program ends."""
    return solved(program)


def nearby(state, rng):
    """Units a little beside, changing as quickly as a dance does."""
    beside = gaussian_filter1d(rng.normal(size=state.units.shape), 4.0, axis=0)
    beside[:6] = beside[-6:] = 0.0
    return state.units + 0.02 * beside / np.abs(beside).max()


def foreseen(state, other, still, pushed):
    """What effects say of a change of units, at the knots."""
    change, count = other.units - state.units, len(state.zmp)
    place, bend = (
        sum(basis(np.zeros(1), order)[0][tap] * change[tap : tap + count] for tap in range(3))
        for order in (0, 2)
    )
    return np.einsum("kja,ka->kj", still, place) + np.einsum("kja,ka->kj", pushed, bend / STEP_S**2)


@pytest.mark.parametrize("seed", range(3))
def test_effects_say_what_a_change_does_to_zmp_and_torques(program, dancing, seed):
    other = program.state(nearby(dancing, np.random.default_rng(seed)), dancing)
    effects = program.effects(dancing)
    for what, before, after, *slopes in (
        ("zmp", dancing.zmp, other.zmp, effects.zmp, effects.zmp_pushed),
        (
            "torques",
            dancing.torques[:, LEGS],
            other.torques[:, LEGS],
            effects.torques,
            effects.torques_pushed,
        ),
    ):
        change = after - before
        miss = np.sqrt(np.mean((change - foreseen(dancing, other, *slopes)) ** 2))
        # What is left is the change of speeds, and of the heading; 6 % at most was seen.
        assert miss < 0.1 * np.sqrt(np.mean(change**2)), what
        blind = np.sqrt(
            np.mean((change - foreseen(dancing, other, slopes[0], 0.0 * slopes[1])) ** 2)
        )
        assert blind > 0.5 * np.sqrt(np.mean(change**2)), f"{what} without accelerations"


def unrest(program, state):
    """How much two more rounds change, in units."""
    further = sway._solved(program, state, (0.5, 0.3))
    return float(np.abs(further.units - state.units).max())


def test_four_rounds_are_enough_and_blind_to_accelerations_they_are_not(
    program, dancing, monkeypatch
):
    assert not program.broken(dancing).any()
    assert unrest(program, dancing) < 0.1  # of 2 cm, or of 0.1 rad
    full = sway_effects.effects_of

    def blind(robot, state):
        effects = full(robot, state)
        effects.torques_pushed[:] = 0.0
        effects.zmp_pushed[:] = 0.0
        return effects

    monkeypatch.setattr("robodance.motion.sway_program.effects_of", blind)
    state = solved(program)
    assert program.broken(state).any()
    assert unrest(program, state) > 0.2


def test_a_song_in_pieces_is_swayed_to_as_in_one_if_they_overlap(monkeypatch):
    times = STEP_S * np.arange(4 * KNOTS)[:, None]
    wanted = np.zeros((len(times), 5))
    wanted[:, [1]] = 0.05 * np.sin(2.0 * np.pi * times / 1.0)
    program = asking(wanted, np.zeros((len(times), 2)))
    whole = solved(program)
    monkeypatch.setattr(sway, "SHORT_S", 0.0)
    assert sway._edges(len(program.task.home), STEP_S) == [0, 301, 602]

    def worst():
        state, met = sway._in_pieces(program, at_home(program), None)
        assert np.flatnonzero(met).tolist() == [301]
        assert (state.miss < CLOSED).all()
        return np.abs(state.units - whole.units).max(axis=1)

    assert worst().max() < 0.01  # of 2 cm, or of 0.1 rad; rounds end when 0.1 is left
    monkeypatch.setattr(sway, "OVERLAP_S", 0.0)
    beside = worst()
    assert beside.max() > 0.5  # each end was held where the robot stands
    assert np.flatnonzero(beside > 0.01).min() > 301 - 3.0 / STEP_S


def test_a_long_song_has_an_even_number_of_pieces_and_a_short_one_is_whole():
    for seconds, pieces in ((20.0, 1), (39.0, 1), (41.0, 2), (119.0, 2), (121.0, 4), (600.0, 10)):
        edges = sway._edges(round(seconds / STEP_S), STEP_S)
        assert len(edges) == pieces + 1
        assert (edges[0], edges[-1]) == (0, round(seconds / STEP_S))
        assert max(np.diff(edges)) * STEP_S <= sway.PIECE_S + STEP_S


def test_a_torso_that_is_asked_out_of_reach_goes_less_far_only_there(program):
    home = program.state(np.zeros((KNOTS + 2, 5)))
    aim = np.zeros((KNOTS + 2, 5))
    aim[40:50, 2] = 6.0  # 12 cm up: no leg is so long
    aim[100:110, 2] = -0.5
    reached = program._within_reach(home.units, aim, home)
    assert (reached.units[100:110, 2] == -0.5).all()
    assert 0.0 < reached.units[40:50, 2].max() < 6.0


def test_knees_follow_the_dancers_and_unless_asked_they_do_not(monkeypatch):
    bends = 0.3 * np.sin(2.0 * np.pi * TIMES / 1.6) * [[1.0, 1.0]]
    program = asking(np.zeros((KNOTS, 5)), bends)
    columns = list(knee_columns(ROBOT))

    def alike():
        state = solved(program)
        assert not program.broken(state).any()
        knees = state.motion.joints_rad[:, columns]
        return min(np.corrcoef(knees[:, k], bends[:, k])[0, 1] for k in range(2))

    followed = alike()
    monkeypatch.setattr(sway_program, "KNEE_RAD", 1e3)  # of no account
    # Feet that are lifted bend their knees whatever the dancer's do, three times here.
    assert followed > 0.5 > 0.3 > alike()


def test_the_trunk_is_not_thrown_about_and_the_robot_sways_as_far_all_the_same(
    program, dancing, monkeypatch
):
    def jerk(state):
        return np.sqrt(np.mean(np.diff(state.units[:, 3:], 3, axis=0) ** 2))

    monkeypatch.setattr(sway_program, "JERKS", np.zeros(5))
    thrown = solved(program)
    assert jerk(dancing) < 0.3 * jerk(thrown)  # an eighth was seen
    sways, swayed = (np.ptp(state.units[:, 1]) for state in (dancing, thrown))
    assert sways == pytest.approx(swayed, rel=0.05)


@pytest.mark.parametrize(
    ("joint", "ahead_m", "up_m", "bent_rad"),
    [("KneePitch", -0.04, -0.08, 0.5), ("AnklePitch", 0.06, 0.0, 0.0)],  # far down; over the toes
)
def test_knees_and_ankles_that_are_asked_for_much_keep_half_of_their_torque(
    joint, ahead_m, up_m, bent_rad, monkeypatch
):
    wanted = np.zeros((KNOTS, 5))
    wanted[:, [0, 2]] = ahead_m, up_m
    task = asking(wanted, np.full((KNOTS, 2), bent_rad)).task
    columns = [ROBOT.index(side + joint) for side in "LR"]

    def used():
        program = SwayProgram(task)
        state = solved(program)
        assert not program.broken(state).any()
        shares = np.abs(state.torques[:, columns]) / ROBOT.effort_limits_nm[columns]
        return float(shares.max())

    assert used() == pytest.approx(sway_program.LOADED_ASKED, abs=0.02)
    monkeypatch.setattr(sway_program, "LOADED_ASKED", sway_program.TORQUE_ASKED)
    monkeypatch.setattr(sway_program, "LOADED_SHARE", sway_program.TORQUE_SHARE)
    assert used() == pytest.approx(sway_program.TORQUE_ASKED, abs=0.02)


def test_a_knee_that_went_through_its_straight_leg_is_bent_again(program, dancing):
    """Newton's method stays with the knee that it begins with, in round after round."""
    rows = slice(70, 80)
    flipped = dancing.legs.copy()
    for side in "LR":
        hip, knee, ankle = (
            ROBOT.index(f"{side}{name}") for name in ("HipPitch", "KneePitch", "AnklePitch")
        )
        bend = flipped[rows, knee].copy()
        flipped[rows, knee] = -bend
        flipped[rows, hip] += bend
        flipped[rows, ankle] += bend
    knees = list(knee_columns(ROBOT))
    task = program.task
    torso = knot_values(dancing.torso)
    found = legs_under(ROBOT, torso[:, :5], task.support.feet, knot_values(flipped), torso[:, 5])
    assert (found.positions_rad[72:76][:, knees] < 0.0).all()  # what the method makes of it
    again = program.state(dancing.units, replace(dancing, legs=flipped))
    np.testing.assert_allclose(again.legs, dancing.legs, atol=1e-6)


def test_one_place_out_of_reach_does_not_hold_up_the_rest(program, dancing):
    """Half a metre up for a moment: nothing of it is done there, all of the sway elsewhere."""
    start = program.state(np.zeros_like(dancing.units))
    aim = np.zeros_like(dancing.units)
    aim[20:45, 1] = 0.3
    aim[120:124, 2] = 25.0
    reached = program._within_reach(start.units, aim, start)
    assert reached is not None
    assert (reached.miss < CLOSED).all()
    np.testing.assert_array_equal(reached.units[20:45], aim[20:45])
    assert np.abs(reached.units[118:126]).max() < 1e-9
