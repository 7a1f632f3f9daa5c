"""`python -m atypeak_scale.cli`, for an installation whose scripts are not on the path."""

from . import main

main()
