"""Draw the same pictures of a dance with OpenGL (EGL) and in software (Tiny).

    python tests/benchmarks/measure_drawing.py [PICTURES]

The pictures are those of a film: 1280 x 720, 25 a second, drawn by one process as the
recorder does it, of a demo song's dance without physics. Start-up (the cost of a single
picture) is taken off. Processor time counts all threads of the process that draws; it
says more than wall-clock time where other work is going on.
"""

import resource
import sys
import time

import robodance
from robodance.config import RecordingConfig
from robodance.performance.camera import Camera, changing_window
from robodance.performance.render_worker import RenderJob
from robodance.performance.rendering import draw_pictures
from robodance.performance.scene import SceneSettings
from robodance.resources import launch_path
from robodance.robots.model import load_robot

RATE_HZ = 25
ROUNDS = 3  # taken in turns, so that other work on the machine meets both


def cost(settings, positions_rad, torso_pose):
    """Return processor and wall-clock seconds of drawing, from start to end."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    job = RenderJob(settings, positions_rad, torso_pose)
    with draw_pictures(job, processes=1) as drawing:
        count = sum(1 for _ in drawing.pictures)
    assert count == len(positions_rad)
    after, end = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, end - start


def per_picture(settings, positions_rad, torso_pose):
    """Return processor and wall-clock milliseconds a picture, start-up taken off."""
    one = cost(settings, positions_rad[:1], torso_pose[:1])
    whole = cost(settings, positions_rad, torso_pose)
    more = len(positions_rad) - 1
    return [1000.0 * (b - a) / more for a, b in zip(one, whole, strict=True)]


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    robot, film = load_robot("nao_v6"), RecordingConfig()
    plan = robodance.plan_dance(launch_path("songs/rumba.ogg"), to_s=count / RATE_HZ + 2.0).plan
    step = round(1.0 / RATE_HZ / (plan.times_s[1] - plan.times_s[0]))
    first = int(plan.times_s.searchsorted(plan.music_start_s))
    shown = slice(first, first + count * step, step)
    positions, poses = plan.positions_rad[shown], plan.torso_pose[shown]
    camera = Camera((float(poses[0, 0]), float(poses[0, 1])), film.width, film.height)
    window = changing_window(camera, robot, positions, poses)
    columns = {joint.name: robot.index(joint.name) for joint in robot.joints}
    kinds = ("egl", "tiny")
    scenes = {k: SceneSettings(str(robot.urdf), columns, camera, window, k) for k in kinds}
    rounds = [{k: per_picture(scenes[k], positions, poses) for k in kinds} for _ in range(ROUNDS)]
    print(f"{count} pictures of {film.width} x {film.height}, of which {window[2:]} change")
    best = {k: [min(r[k][i] for r in rounds) for i in range(2)] for k in kinds}
    for kind in kinds:
        processor, wall = best[kind]
        print(f"{kind:<5} {processor:6.1f} ms of processor, {wall:6.1f} ms of wall clock a picture")
    ratios = [best["tiny"][i] / best["egl"][i] for i in range(2)]
    print(f"tiny / egl: {ratios[0]:.2f} in processor time, {ratios[1]:.2f} in wall-clock time")


if __name__ == "__main__":
    main()
