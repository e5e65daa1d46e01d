"""The services of the virtual NAO: what each call means. None of them knows the wire."""
