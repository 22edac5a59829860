"""``python -m resonance_helpers``: the same as the console script ``resonance``."""

import sys

from .cli.main import main

if __name__ == "__main__":
    sys.exit(main())
