"""The commands for the signing keys: `python -m auth_service.keys --help`."""

import sys

from auth_service.keys.commands import main

if __name__ == "__main__":
    sys.exit(main())
