"""Print what a NAO feels: joints, feet, tilt, heat, battery; it moves nothing.

Written against NAOqi's documented API; runs on a NAO and on ``robodance virtual-nao``:

    python read_sensors.py tcp://127.0.0.1:9559
"""

import math
import sys

import qi

CALL_S = 5.0


def call(future: qi.Future) -> object:
    """Wait for an answer, but not for ever."""
    return future.value(int(1000 * CALL_S))


def main(url: str) -> None:
    """Read once and print."""
    session = qi.Session()
    call(session.connect(url, _async=True))
    motion, memory = session.service("ALMotion"), session.service("ALMemory")
    version = call(session.service("ALSystem").systemVersion(_async=True))
    family = call(session.service("ALRobotPosture").getPostureFamily(_async=True))
    print(f"NAOqi {version}, {family}, battery {session.service('ALBattery').getBatteryCharge()} %")

    names = motion.getBodyNames("Body")
    angles = motion.getAngles("Body", True)
    limits = motion.getLimits("Body")
    heat = memory.getListData([
        f"Device/SubDeviceList/{name}/Temperature/Sensor/Value" for name in names
    ])
    print(f"{'joint':<16}{'deg':>8}{'from':>8}{'to':>8}{'Celsius':>9}")
    for name, angle, (low, high, *_), celsius in zip(names, angles, limits, heat, strict=True):
        numbers = "".join(f"{math.degrees(value):8.1f}" for value in (angle, low, high))
        print(f"{name:<16}{numbers}{'' if celsius is None else f'{celsius:9.0f}'}")
    for side in "LR":
        kg = memory.getData(f"Device/SubDeviceList/{side}Foot/FSR/TotalWeight/Sensor/Value")
        print(f"{side}Foot carries {kg:.2f} kg")
    tilt = [
        math.degrees(memory.getData(f"Device/SubDeviceList/InertialSensor/Angle{a}/Sensor/Value"))
        for a in "XY"
    ]
    print(f"torso leans {tilt[0]:.1f} degrees about x, {tilt[1]:.1f} about y")
    session.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:9559")
