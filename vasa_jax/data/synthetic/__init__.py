"""Synthetic talking heads: rendered from ICT-FaceKit, driven by speech, labelled exactly, kept by TFDS."""
