"""The one error that is the user's to mend: command lines print it as a single line and exit with status 2."""


class UserError(Exception):
    """What is wrong and what to do about it, in one line of plain words."""
