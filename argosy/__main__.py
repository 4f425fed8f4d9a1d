"""`python -m argosy` is the command `argosy`."""

import sys

from argosy.console import main

sys.exit(main())
