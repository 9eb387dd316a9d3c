"""`python -m npconv` is `npconv`."""

from .cli import main

raise SystemExit(main())
