"""What the controls do: gaze, distance and emotion that are asked for, against those that are obtained."""
