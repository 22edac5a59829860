"""How fast, how steadily and how well a server answers, measured so that it can be believed."""
