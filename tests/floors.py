"""``python -m tests.floors``: import-linter, which has a command but no ``__main__``."""

from importlinter.cli import lint_imports_command

if __name__ == "__main__":
    lint_imports_command()
