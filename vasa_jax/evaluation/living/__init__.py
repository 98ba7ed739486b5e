"""Whether a head lives: ten minutes of one, its blinks, pauses, drift, and what another seed changes."""
