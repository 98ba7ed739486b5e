"""The one warning class of this room: input that is usable but perhaps not what was meant."""


class MediaWarning(UserWarning):
    """What the user should know about a portrait, speech or a driving video; the command prints it as one line."""
