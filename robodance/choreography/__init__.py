"""IMAGINE: a SongAnalysis becomes a PoseSequence."""
