"""`python -m argosy`: the command line."""

from argosy.console import main

if __name__ == "__main__":
    main()
