"""How near the parts of the body come to each other, and how to move them apart.

The collision model is capsules, so the distance of two parts is that of two segments less
their radii; it is exact, and so is its gradient wherever the segments do not meet. Only
pairs that a planned joint can move against each other are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from robodance.errors import UnreachableLimits
from robodance.motion.program import BandedQuadratic
from robodance.motion.spline import TAPS, basis
from robodance.robots.kinematics import LinkPoses, crossed, forward_kinematics, joint_axes
from robodance.robots.model import RobotModel
from robodance.values import BoolArray, FloatArray, IntArray

__all__ = ["Bodies", "ClearanceTerm", "closest_points"]

FAR_M = 10.0
SAMPLES_AT_ONCE = 20_000  # bounds memory for long songs
ROUNDING_M = 1e-6
TINY_M2 = 1e-12
SHALLOW = 1e-9  # squared sine of the angle under which segments count as parallel


@dataclass(frozen=True)
class Bodies:
    """The capsules of a robot whose other joints hold still.

    Attributes:
        robot: The robot.
        moving: Links that planned joints move.
        pairs: Shape (P, 2), capsules to keep apart; at least one of each moves.
        required_m: Shape (P,), distance to keep; less than asked where the stand posture
            itself is nearer.
        still: Capsule end points (C, 2, 3) in the stand posture.
        radii: Shape (C,), metres.
    """

    robot: RobotModel
    moving: tuple[str, ...]
    pairs: IntArray = field(repr=False)
    required_m: FloatArray = field(repr=False)
    still: FloatArray = field(repr=False)
    radii: FloatArray = field(repr=False)

    @classmethod
    def of(
        cls, robot: RobotModel, stand_rad: FloatArray, columns: tuple[int, ...], asked_m: float
    ) -> Bodies:
        """Return the bodies that matter when the joints in ``columns`` move.

        Raises:
            UnreachableLimits: Two of them touch in the stand posture already.
        """
        capsules = robot.capsules
        moving = _carried_links(robot, columns)
        pairs = [
            (a, b)
            for a, b in robot.collision_pairs
            if capsules[a].link in moving or capsules[b].link in moving
        ]
        poses = forward_kinematics(robot, np.asarray(stand_rad)[None])
        still = np.array([
            [poses.points(c.link, point)[0] for point in (c.start_m, c.end_m)] for c in capsules
        ])
        radii = np.array([capsule.radius_m for capsule in capsules])
        index = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        order = tuple(joint.child for joint in robot.joints if joint.child in moving)
        body = cls(robot, order, index, np.zeros(len(index)), still, radii)
        at_stand = body.clearances(np.asarray(stand_rad)[None])[0]
        if (at_stand <= ROUNDING_M).any():
            a, b = index[at_stand.argmin()]
            raise UnreachableLimits(
                f"{capsules[a].name} and {capsules[b].name} touch in the start posture, at the "
                "time 0 s; choose another `stand` or correct the capsules in the robot's YAML"
            )
        required = np.minimum(asked_m, at_stand - ROUNDING_M)
        return replace(body, required_m=required)

    def of_columns(self, columns: tuple[int, ...]) -> Bodies:
        """Return the same bodies with only those pairs that the given joints can change."""
        links = self.robot.capsules
        moving = _carried_links(self.robot, columns)
        touched = [links[a].link in moving or links[b].link in moving for a, b in self.pairs]
        mask = np.array(touched, dtype=bool)
        return replace(
            self,
            moving=tuple(link for link in self.moving if link in moving),
            pairs=self.pairs[mask],
            required_m=self.required_m[mask],
        )

    def between(self, columns: tuple[int, ...]) -> Bodies:
        """Return the same moving bodies with only those pairs that the given joints can change."""
        part = self.of_columns(columns)
        return replace(part, moving=self.moving)

    def carried_by(self, column: int) -> BoolArray:
        """Return which capsules a joint moves. Shape (C,)."""
        links = _carried_links(self.robot, (column,))
        return np.array([capsule.link in links for capsule in self.robot.capsules])

    def clearances(self, positions_rad: FloatArray, within_m: float = FAR_M) -> FloatArray:
        """Return the distance of every pair, (T, P); ``within_m`` where it is larger than that."""
        ends = self.end_points(positions_rad)[0]
        sample, pair = self.near(ends, within_m)
        result = np.full((len(positions_rad), len(self.pairs)), within_m)
        distance = self.gaps(ends, sample, pair)[0]
        result[sample, pair] = np.minimum(distance, within_m)
        return result

    def shortfall(self, positions_rad: FloatArray, beyond_m: float) -> FloatArray:
        """Return by how much the nearest pair is nearer than required. Shape (T,).

        Args:
            positions_rad: Shape (T, J).
            beyond_m: Where nothing is nearer than this beyond what is required, the result
                is its negative.
        """
        result = np.full(len(positions_rad), -beyond_m)
        for start in range(0, len(positions_rad), SAMPLES_AT_ONCE):
            ends = self.end_points(positions_rad[start : start + SAMPLES_AT_ONCE])[0]
            sample, pair = self.near(ends, self.required_m + beyond_m)
            short = self.required_m[pair] - self.gaps(ends, sample, pair)[0]
            np.maximum.at(result, start + sample, short)
        return result

    def gaps(
        self, ends: FloatArray, sample: IntArray, pair: IntArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return distances (M,) of pairs at samples, and the closest points, each (3, M)."""
        a, b = self.pairs[pair].T
        first, second = closest_points(*(ends[c, e, :, sample].T for c in (a, b) for e in (0, 1)))
        apart = first - second
        length = np.sqrt((apart * apart).sum(axis=0))
        return length - self.radii[a] - self.radii[b], first, second

    def end_points(self, positions_rad: FloatArray) -> tuple[FloatArray, LinkPoses]:
        """Return the capsules' end points (C, 2, 3, T) and the poses of the moving links."""
        poses = forward_kinematics(self.robot, positions_rad, self.moving)
        ends = np.empty((*self.still.shape, len(positions_rad)))
        for i, capsule in enumerate(self.robot.capsules):
            if capsule.link in self.moving:
                ends[i, 0] = poses.points(capsule.link, capsule.start_m).T
                ends[i, 1] = poses.points(capsule.link, capsule.end_m).T
            else:
                ends[i] = self.still[i, :, :, None]
        return ends, poses

    def near(self, ends: FloatArray, within_m: float | FloatArray) -> tuple[IntArray, IntArray]:
        """Return the samples and pairs whose bounding spheres come within a distance."""
        middle = 0.5 * (ends[:, 0] + ends[:, 1])  # (C, 3, T)
        reach = np.linalg.norm(self.still[:, 0] - self.still[:, 1], axis=1) / 2.0 + self.radii
        a, b = self.pairs.T
        limits = (reach[a] + reach[b] + within_m) ** 2
        close = np.empty((len(a), ends.shape[3]), dtype=bool)
        for p, (i, j) in enumerate(self.pairs):
            gap = middle[i] - middle[j]
            close[p] = np.einsum("it,it->t", gap, gap) < limits[p]
        pair, sample = np.nonzero(close)
        return sample, pair


class ClearanceTerm:
    """Half the squared shortfall of clearance, on the curve between the knots too.

    Only what the planned joints can change is computed anew; where all other parts are is
    computed once.
    """

    def __init__(
        self,
        bodies: Bodies,
        columns: tuple[int, ...],
        base: FloatArray,
        segments: IntArray,
        *,
        per_step: int,
        margin_m: float,
        weight: float,
    ) -> None:
        """Prepare a term.

        Args:
            bodies: What to keep apart.
            columns: The joints among ``joint_names`` that may move for it.
            base: Shape (N, J), control points of all joints; those not in ``columns`` stay.
            segments: Shape (S,), distinct segments of the curve that are looked at.
            per_step: Samples in each.
            margin_m: Distance to keep beyond the required one.
            weight: Per squared metre.
        """
        self._bodies = bodies.of_columns(columns)
        self._columns = list(columns)
        self._segments, self._weight = segments, weight
        self._safe = self._bodies.required_m + margin_m
        self._basis = basis(np.arange(per_step) / per_step)  # (per_step, 4)
        self._per_part = max(1, SAMPLES_AT_ONCE // per_step)
        self._base = self._at_samples(base, segments)
        # Capsules that move, but not by these joints: where they are is known.
        links = [capsule.link for capsule in bodies.robot.capsules]
        moved = [link in bodies.moving and link not in self._bodies.moving for link in links]
        self._others = np.flatnonzero(moved)
        self._ends = np.empty((len(self._others), 2, 3, len(self._base)))
        for start in range(0, len(self._base), SAMPLES_AT_ONCE):
            part = slice(start, start + SAMPLES_AT_ONCE)
            self._ends[..., part] = bodies.end_points(self._base[part])[0][self._others]
        self._carried = [bodies.carried_by(column) for column in columns]

    def values(self, control: FloatArray) -> FloatArray:
        """Return the cost per control point."""
        cost = np.zeros(len(control))
        for segments, ends, _ in self._parts(control):
            sample, pair = self._bodies.near(ends, self._safe)
            short = np.maximum(self._safe[pair] - self._bodies.gaps(ends, sample, pair)[0], 0.0)
            point = segments[sample // len(self._basis)] + 1
            cost += np.bincount(point, 0.5 * self._weight * short**2, minlength=len(control))
        return cost

    def expand(self, control: FloatArray, model: BandedQuadratic) -> None:
        """Add the Gauss-Newton model."""
        joints, phases = len(self._columns), len(self._basis)
        for segments, ends, poses in self._parts(control):
            sample, short, slope = self._slopes(ends, poses)
            hessian = np.zeros((ends.shape[3], joints, joints))
            gradient = np.zeros((ends.shape[3], joints))
            np.add.at(hessian, sample, slope[:, :, None] * slope[:, None, :])
            np.add.at(gradient, sample, -short[:, None] * slope)
            for phase in range(phases):
                model.add(
                    segments,
                    self._basis[phase],
                    self._weight * hessian[phase::phases],
                    self._weight * gradient[phase::phases],
                )

    def _parts(self, control: FloatArray) -> Iterator[tuple[IntArray, FloatArray, LinkPoses]]:
        """Yield segments with their samples' capsule ends (C, 2, 3, S) and link poses."""
        phases = len(self._basis)
        for start in range(0, len(self._segments), self._per_part):
            segments = self._segments[start : start + self._per_part]
            samples = slice(start * phases, (start + len(segments)) * phases)
            positions = self._base[samples].copy()
            positions[:, self._columns] = self._at_samples(control, segments)
            ends, poses = self._bodies.end_points(positions)
            ends[self._others] = self._ends[..., samples]
            yield segments, ends, poses

    def _at_samples(self, control: FloatArray, segments: IntArray) -> FloatArray:
        """Return the curve at the samples, segment by segment. Shape (S * per_step, n)."""
        taps = np.stack([control[segments + tap] for tap in range(TAPS)], axis=1)
        return np.asarray((self._basis @ taps).reshape(-1, control.shape[1]))

    def _slopes(
        self, ends: FloatArray, poses: LinkPoses
    ) -> tuple[IntArray, FloatArray, FloatArray]:
        """Return for each shortfall its sample, its size and its derivatives (M, n), negated."""
        bodies = self._bodies
        sample, pair = bodies.near(ends, self._safe)
        gap, first, second = bodies.gaps(ends, sample, pair)
        apart = first - second
        length = np.sqrt((apart * apart).sum(axis=0))
        hit = (gap < self._safe[pair]) & (length > 1e-9)
        sample, pair, first, second = sample[hit], pair[hit], first[:, hit], second[:, hit]
        short, normal = (self._safe[pair] - gap[hit]), apart[:, hit] / length[hit]
        a, b = bodies.pairs[pair].T
        slope = np.zeros((len(sample), len(self._columns)))
        axes, origins, order = joint_axes(bodies.robot, poses)
        for j, column in enumerate(self._columns):
            k = order.index(column)
            for point, capsule, sign in ((first, a, 1.0), (second, b, -1.0)):
                moved = np.flatnonzero(self._carried[j][capsule])
                when = sample[moved]
                arm = point[:, moved] - origins[k][:, when]
                speed = (normal[:, moved] * crossed(axes[k][:, when], arm)).sum(axis=0)
                slope[moved, j] += sign * speed
        return sample, short, slope


def closest_points(
    p1: FloatArray, q1: FloatArray, p2: FloatArray, q2: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the closest points of segments p1 q1 and p2 q2.

    After Ericson, "Real-Time Collision Detection" (2005), 5.1.9, without branches.

    Args:
        p1: Shape (3, M), components first, as for the others.
        q1: Shape (3, M).
        p2: Shape (3, M).
        q2: Shape (3, M).

    Returns:
        The points on the first and on the second, each (3, M).
    """
    d1, d2, r = q1 - p1, q2 - p2, p1 - p2
    a, e, f = _dot(d1, d1), _dot(d2, d2), _dot(d2, r)
    b, c = _dot(d1, d2), _dot(d1, r)
    safe_a, safe_e = np.maximum(a, TINY_M2), np.maximum(e, TINY_M2)
    cross = a * e - b * b
    askew = cross > SHALLOW * a * e
    s = np.where(askew, np.clip((b * f - c * e) / np.where(askew, cross, 1.0), 0.0, 1.0), 0.0)
    t = np.clip((b * s + f) / safe_e, 0.0, 1.0)
    s = np.clip((b * t - c) / safe_a, 0.0, 1.0)
    return p1 + s * d1, p2 + t * d2


def _dot(first: FloatArray, second: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("im,im->m", first, second))


def _carried_links(robot: RobotModel, columns: tuple[int, ...]) -> set[str]:
    """Return the links that joints move."""
    names = {robot.joint_names[column] for column in columns}
    links: set[str] = set()
    for joint in robot.joints:
        if joint.name in names or joint.parent in links:
            links.add(joint.child)
    return links
