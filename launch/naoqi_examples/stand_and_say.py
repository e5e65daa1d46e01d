"""Stand, greet whoever touches the head, rest: events, lights and speech.

Written against NAOqi's documented API; runs on a NAO and on ``robodance virtual-nao``:

    python stand_and_say.py tcp://127.0.0.1:9559 [SECONDS TO WAIT FOR A TOUCH]
"""

import queue
import sys

import qi

CALL_S = 20.0


def call(future: qi.Future) -> object:
    """Wait for an answer, but not for ever."""
    return future.value(int(1000 * CALL_S))


def main(url: str, wait_s: float) -> None:
    """Switch Autonomous Life off for as long as this lasts, stand, greet, rest."""
    session = qi.Session()
    call(session.connect(url, _async=True))
    memory = session.service("ALMemory")
    life = session.service("ALAutonomousLife")
    motion = session.service("ALMotion")
    speech = session.service("ALTextToSpeech")
    leds = session.service("ALLeds")

    state = life.getState()
    call(life.setState("disabled", _async=True))
    call(motion.wakeUp(_async=True))
    call(session.service("ALRobotPosture").goToPosture("Stand", 0.5, _async=True))

    touches: queue.Queue[float] = queue.Queue()
    subscriber = memory.subscriber("FrontTactilTouched")
    link = subscriber.signal.connect(touches.put)
    call(speech.say("Touch my head.", _async=True))
    try:
        while not touches.get(timeout=wait_s):
            pass  # 0 is letting go
        shine = leds.fadeRGB("FaceLeds", "green", 0.5, _async=True)
        call(speech.say("Hello!", _async=True))
        call(shine)
        print("greeted")
    except queue.Empty:
        print("nobody came")
    finally:
        subscriber.signal.disconnect(link)
        call(motion.rest(_async=True))
        call(life.setState(state, _async=True))
    session.close()


if __name__ == "__main__":
    main(
        sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:9559",
        float(sys.argv[2]) if len(sys.argv) > 2 else 15.0,
    )
