"""`python3 -m cluster` from the tests directory; the script `cluster` beside this file does the same."""

import sys

from cluster.cli import main

sys.exit(main())
