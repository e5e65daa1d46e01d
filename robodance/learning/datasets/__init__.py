"""Published data sets, read in the form in which they are published."""
