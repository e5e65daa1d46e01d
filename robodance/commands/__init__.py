"""The commands of the command line: their options, and one call each."""
