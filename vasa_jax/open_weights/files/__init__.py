"""What users download: which files, which names and shapes, and how they become parameters of our networks."""
