"""Training of the three rooms through one loop: a stage says what is learned from what, the loop does the rest."""
