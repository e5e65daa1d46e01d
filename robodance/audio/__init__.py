"""HEAR: a song file becomes a SongAnalysis."""
