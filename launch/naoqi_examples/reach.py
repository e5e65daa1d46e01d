"""Lift both hands and sway, told where to be instead of joint angles; say how near they came.

Written against NAOqi's documented API; runs on a NAO and on ``robodance virtual-nao``:

    python reach.py tcp://127.0.0.1:9559
"""

import math
import sys

import qi

CALL_S = 20.0
FRAME_ROBOT = 2
POSITION_ONLY, ALL_AXES = 7, 63
HANDS = ["LArm", "RArm"]


def call(future: qi.Future) -> object:
    """Wait for an answer, but not for ever."""
    return future.value(int(1000 * CALL_S))


def main(url: str) -> None:
    """Stand up, lift the hands by 6 cm and bring them back, sway by 3 cm to each side."""
    session = qi.Session()
    call(session.connect(url, _async=True))
    motion = session.service("ALMotion")
    posture = session.service("ALRobotPosture")

    call(motion.wakeUp(_async=True))
    call(posture.goToPosture("StandInit", 0.6, _async=True))
    mass, (x, y, _) = motion.getMass("Body"), motion.getCOM("Body", FRAME_ROBOT, True)
    print(f"{mass:.2f} kg, balanced {100 * x:.1f} cm ahead and {100 * y:.1f} cm left of the feet")

    low = [motion.getPosition(hand, FRAME_ROBOT, False) for hand in HANDS]
    high = [[x, y, z + 0.06, *turn] for x, y, z, *turn in low]
    masks = [POSITION_ONLY] * len(HANDS)
    up = motion.positionInterpolations(
        HANDS, FRAME_ROBOT, [[there] for there in high], masks, [[1.2]] * 2, _async=True
    )
    call(up)
    for hand, there in zip(HANDS, high, strict=True):
        away = math.dist(motion.getPosition(hand, FRAME_ROBOT, True)[:3], there[:3])
        print(f"{hand} is {1000 * away:.0f} mm from where it was sent")
    down = motion.positionInterpolations(
        HANDS, FRAME_ROBOT, [[there] for there in low], masks, [[1.2]] * 2, _async=True
    )
    sway = motion.positionInterpolation(
        "Torso",
        FRAME_ROBOT,
        [[0.0, way, 0.0, 0.0, 0.0, 0.0] for way in (0.03, -0.03, 0.0)],
        ALL_AXES,
        [1.5, 4.0, 5.5],
        False,  # from where it is
        _async=True,
    )
    call(down)
    call(sway)
    try:
        call(motion.moveTo(0.2, 0.0, 0.0, _async=True))
        print("walked")
    except RuntimeError as error:
        print(f"no walk: {str(error).splitlines()[-1].strip()}")
    call(posture.goToPosture("StandInit", 0.6, _async=True))
    session.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:9559")
