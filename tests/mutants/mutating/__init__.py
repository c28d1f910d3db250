"""Small realistic mistakes, put into a copy of the project one at a time: which does no test see?

``python -m mutating`` in the root of the project, or ``tox -e mutants``; ``--help`` says more.
"""
