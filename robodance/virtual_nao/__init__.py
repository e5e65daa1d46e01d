"""A NAO that speaks NAOqi on loopback, with PyBullet for a body: a process of its own."""
