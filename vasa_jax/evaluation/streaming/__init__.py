"""A stream watched: whether it lasts, and whether it moves as a clip does."""
