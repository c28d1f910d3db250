"""What a server of processes imports first, to find the rest where the harness lies.

Before Python 3.12.8 a server has the working folder first on its path, whatever its starter has there:
it would take a folder ``methods`` in it for the harness's. Its processes have the starter's path.
"""

import sys

from harness.own_packages import HOME

if sys.path[0] == "":
    sys.path[:1] = [] if str(HOME) in sys.path else [str(HOME)]
