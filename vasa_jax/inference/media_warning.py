"""The one warning class of this room: input that is usable but perhaps not what was meant."""


class MediaWarning(UserWarning):
    """What the user should know about a portrait or a speech clip; the command prints it as one line."""
