"""ADAPT: a PoseSequence becomes a Plan that this robot can do, with its certificate."""
