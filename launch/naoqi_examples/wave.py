"""Wave with the right hand: timed joint motion, two calls at a time.

Written against NAOqi's documented API; runs on a NAO and on ``robodance virtual-nao``:

    python wave.py tcp://127.0.0.1:9559
"""

import sys

import qi

CALL_S = 20.0


def call(future: qi.Future) -> object:
    """Wait for an answer, but not for ever."""
    return future.value(int(1000 * CALL_S))


def main(url: str) -> None:
    """Stand up, wave four times, go back to the stand."""
    session = qi.Session()
    call(session.connect(url, _async=True))
    motion = session.service("ALMotion")
    posture = session.service("ALRobotPosture")

    call(motion.wakeUp(_async=True))
    call(posture.goToPosture("StandInit", 0.6, _async=True))

    call(
        motion.angleInterpolation(
            ["RShoulderPitch", "RShoulderRoll", "RElbowYaw", "RElbowRoll", "RHand"],
            [[-0.6], [-0.5], [1.2], [1.0], [1.0]],
            [[1.2], [1.2], [1.2], [1.2], [1.0]],
            True,
            _async=True,
        )
    )
    # Two calls on one joint: the second one waits for the first and follows without a gap.
    waves = [
        motion.angleInterpolation("RElbowRoll", [0.4, 1.2], [0.4, 0.8], True, _async=True)
        for _ in range(4)
    ]
    nods = motion.angleInterpolation(
        "HeadPitch", [0.15, 0.0] * 2, [0.5, 1.0, 1.5, 2.0], True, _async=True
    )
    for future in (*waves, nods):
        call(future)

    call(posture.goToPosture("StandInit", 0.6, _async=True))
    print("waved")
    session.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:9559")
