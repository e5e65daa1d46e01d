"""The published generator families, one file each."""
