"""DANCE: a Plan becomes a performance, a log, a film and a report."""
