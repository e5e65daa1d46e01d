"""Other people's motion files, in and out."""
