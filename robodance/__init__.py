"""Make a NAO dance to any song."""
