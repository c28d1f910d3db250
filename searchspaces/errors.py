"""The one exception that means "the user can mend this", and what any other says in a line."""


class UsageError(Exception):
    """Bad input: an unknown name, a corrupt file, an impossible constraint.

    The message is one plain sentence that names the problem and the way out.
    The command line prints it and exits with status 2; it never shows a traceback.
    """


class AmbiguousWriting(UsageError):
    """An architecture in a writing that different codes read differently."""


class UnknownOperator(UsageError):
    """An architecture that is one but for an operator that its space does not have."""


def first_line(error: BaseException) -> str:
    """What it says, as a part of a sentence."""
    return str(error).strip().partition("\n")[0].rstrip(".:")
