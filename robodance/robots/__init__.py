"""WHO: what a robot is, independent of stage and backend."""
