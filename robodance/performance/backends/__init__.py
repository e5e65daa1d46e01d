"""The machines that can perform a plan."""
